using System.Collections.Immutable;
using System.Diagnostics;
using OnnxPriors.Priors;
using OnnxPriors.Torch.Operators;
using static TorchSharp.torch;

namespace OnnxPriors.Torch.Fitting;

/// <summary>
/// SWAG: the posterior of a model's weights on its source task, as a Gaussian over the path of SGD. Training goes on from the pretrained
/// weights with the model's own head on the source labels; the weights met every few steps give a mean, a variance for each coordinate and
/// the last K deviations from the running mean.
/// </summary>
/// <remarks>
/// Maddox, Garipov, Izmailov, Vetrov and Wilson, 'A Simple Baseline for Bayesian Uncertainty in Deep Learning' (2019), algorithm 1 and
/// section 3.3: Σ = ½ (diag(variance) + deviations·deviationsᵀ/(K − 1)); as a prior, Shwartz-Ziv et al., 'Pre-Train Your Loss' (2022).
/// The loss is cross-entropy on logits [N, C], the batch's mean. The variance is over the collected weights, divided by their number.
/// </remarks>
/// <param name="module">The model; its parameters are trained in place, and end at the fitted mean.</param>
/// <param name="options">The hyperparameters.</param>
public sealed class SwagFit(GraphModule module, SwagOptions options)
{
    /// <summary>Fits the posterior.</summary>
    /// <param name="data">The source task's training data.</param>
    /// <param name="sourceSha256">SHA-256 of the source model's file, for the prior's metadata.</param>
    /// <param name="progress">Told of every step.</param>
    /// <param name="cancellation">Ends the fit between two steps.</param>
    /// <returns>The posterior over the fitted parameters, in the module's order.</returns>
    /// <exception cref="FitException">Options, labels or shapes that cannot be right.</exception>
    /// <exception cref="FitFailedException">The loss is no longer finite.</exception>
    /// <exception cref="OperationCanceledException">The fit was cancelled.</exception>
    public Posterior Run(ILabelledBatches data, string sourceSha256, IProgress<FitProgress>? progress = null, CancellationToken cancellation = default)
    {
        ArgumentNullException.ThrowIfNull(data);
        options.Validate();
        if (module.Graph.Inputs.Length != 1 || module.Graph.Outputs.Length != 1)
            throw new FitException($"A fit needs a model of one input and one output of logits; this one has {module.Graph.Inputs.Length} and {module.Graph.Outputs.Length}.");
        manual_seed(unchecked((long)options.Seed));
        var tensors = new List<SwagMoments>();
        try
        {
            Train(data, tensors, progress, cancellation);
            return Finish(data, tensors, sourceSha256);
        }
        finally
        {
            foreach (var tensor in tensors) tensor.Dispose();
        }
    }

    /// <summary>The share of a batch's examples whose class has the largest logit, summed over all batches of one pass.</summary>
    /// <param name="data">Examples with their classes.</param>
    /// <param name="cancellation">Ends the count between two batches.</param>
    /// <returns>Top-1 accuracy, from 0 to 1.</returns>
    public double Accuracy(IEnumerable<LabelledBatch> data, CancellationToken cancellation = default)
    {
        ArgumentNullException.ThrowIfNull(data);
        using var noGradients = no_grad();
        long right = 0, count = 0;
        foreach (var batch in data)
        {
            cancellation.ThrowIfCancellationRequested();
            using var scope = NewDisposeScope();
            var (logits, labels) = Logits(batch);
            right += (logits.argmax(1) == labels).sum().item<long>();
            count += labels.shape[0];
        }
        return count == 0 ? throw new FitException("There are no examples to measure accuracy on.") : (double)right / count;
    }

    private void Train(ILabelledBatches data, List<SwagMoments> tensors, IProgress<FitProgress>? progress, CancellationToken cancellation)
    {
        var clock = Stopwatch.StartNew();
        long examples = 0;
        var batches = Endless(data).GetEnumerator();
        ForgetGradients();
        try
        {
            for (var step = 0; step < options.Steps; step++)
            {
                cancellation.ThrowIfCancellationRequested();
                if (!batches.MoveNext()) throw new FitException("The training data holds no examples.");
                double loss = Backward(batches.Current, step);
                examples += batches.Current.Labels.Length;
                if (step == 0) tensors.AddRange(Fitted());
                using (no_grad())
                {
                    double rate = options.RateAt(step), scale = ClipScale(tensors, step);
                    foreach (var tensor in tensors) tensor.Step(rate, options.Momentum, scale, options.WeightDecay);
                    if (options.CollectsAt(step))
                        foreach (var tensor in tensors)
                            tensor.Collect();
                    double seconds = clock.Elapsed.TotalSeconds;
                    progress?.Report(new FitProgress(
                        step + 1, options.Steps, loss, rate, tensors[0].Samples, examples / seconds,
                        TimeSpan.FromSeconds(seconds / (step + 1) * (options.Steps - step - 1))));
                }
            }
        }
        finally
        {
            batches.Dispose();
            ForgetGradients();
        }
    }

    // They are as large as the parameters: old ones would be added to, and after the fit nothing needs them.
    private void ForgetGradients()
    {
        foreach (var parameter in module.Parameters.Values) parameter.grad = null;
    }

    private double Backward(LabelledBatch batch, int step)
    {
        using var scope = NewDisposeScope();
        var (logits, labels) = Logits(batch);
        var loss = nn.functional.cross_entropy(logits, labels);
        loss.backward();
        double value = loss.detach().to(ScalarType.Float64).item<double>();
        return double.IsFinite(value) ? value : throw Diverged(step);
    }

    private FitFailedException Diverged(int step) => new(
        $"The fit diverged at step {step + 1}: the loss or its gradient is no longer finite. Lower the learning rate of {options.LearningRate}, or check the preprocessing of the images.");

    /// <summary>The logits [N, C] of a batch and its labels [N]; extents of 1 behind the classes are dropped.</summary>
    private (Tensor Logits, Tensor Labels) Logits(LabelledBatch batch)
    {
        var input = module.Graph.Inputs[0];
        var x = tensor(batch.Values.ToArray(), [.. batch.Shape], device: module.Device);
        var output = module.Forward(new Dictionary<string, Tensor> { [input.Name] = x })[module.Graph.Outputs[0].Name];
        if (output.dim() < 2 || output.shape[0] != batch.Labels.Length || output.shape[2..].Any(extent => extent != 1))
            throw new FitException($"The model's output '{module.Graph.Outputs[0].Name}' has shape [{string.Join(", ", output.shape)}]; a fit needs logits [{batch.Labels.Length}, classes].");
        long classes = output.shape[1];
        foreach (long label in batch.Labels.Span)
            if (label < 0 || label >= classes)
                throw new FitException($"An example has the label {label}; the model's own head has {classes} classes, from 0 to {classes - 1}. Fit on the model's source classes.");
        return (output.reshape(-1, classes), tensor(batch.Labels.ToArray(), device: module.Device));
    }

    private List<SwagMoments> Fitted()
    {
        var unknown = options.Parameters?.Where(name => !module.Parameters.ContainsKey(name)).ToArray() ?? [];
        if (unknown.Length > 0) throw new FitException($"The model has no parameter '{string.Join("', '", unknown)}'.");
        var fitted = module.Parameters
            .Where(pair => pair.Value.grad is not null && options.Parameters?.Contains(pair.Key) != false)
            .Select(pair => new SwagMoments(pair.Key, pair.Value, options.Rank)).ToList();
        return fitted.Count > 0 ? fitted : throw new FitException("The loss depends on none of the parameters to be fitted.");
    }

    private double ClipScale(List<SwagMoments> tensors, int step)
    {
        using var scope = NewDisposeScope();
        double squares = 0;
        foreach (var gradient in tensors.Select(tensor => tensor.Gradient).OfType<Tensor>())
        {
            var flat = gradient.reshape(-1);
            squares += flat.dot(flat).to(ScalarType.Float64).item<double>();
        }
        double norm = Math.Sqrt(squares);
        if (!double.IsFinite(norm)) throw Diverged(step);
        return options.ClipNorm > 0 && norm > options.ClipNorm ? options.ClipNorm / norm : 1;
    }

    private Posterior Finish(ILabelledBatches data, List<SwagMoments> tensors, string sourceSha256)
    {
        using var noGradients = no_grad();
        foreach (var tensor in tensors) tensor.MoveToMean();
        var buffers = ImmutableArray<PosteriorBuffer>.Empty;
        if (module.RunningStatistics.Count > 0 && (options.EstimateStatistics ?? module.Statistics == BatchStatistics.Batch))
        {
            module.EstimateStatistics(Inputs(data));
            buffers =
            [
                .. module.RunningStatistics.Select(pair =>
                {
                    using var host = pair.Value.to(ScalarType.Float32).cpu();
                    return new PosteriorBuffer(pair.Key, [.. pair.Value.shape], host.data<float>().ToArray());
                }),
            ];
        }
        int samples = tensors[0].Samples;
        var parameters = tensors.Select(tensor =>
        {
            long[] shape = tensor.Shape;
            var (mean, diagonal, factor) = tensor.Take();
            return new PosteriorTensor(tensor.Name, [.. shape], mean, diagonal, factor);
        }).ToImmutableArray();
        var metadata = new PosteriorMetadata
        {
            Method = "swag",
            Rank = options.Rank,
            Samples = samples,
            SourceSha256 = sourceSha256,
            Seed = options.Seed,
            Hyperparameters = options.ToJson(),
        };
        return new Posterior(metadata, parameters, buffers);
    }

    private IEnumerable<IReadOnlyDictionary<string, Tensor>> Inputs(ILabelledBatches data)
    {
        foreach (var batch in Endless(data).Take(options.StatisticsBatches))
        {
            using var x = tensor(batch.Values.ToArray(), [.. batch.Shape], device: module.Device);
            yield return new Dictionary<string, Tensor> { [module.Graph.Inputs[0].Name] = x };
        }
    }

    private static IEnumerable<LabelledBatch> Endless(ILabelledBatches data)
    {
        for (var epoch = 0; ; epoch++)
        {
            bool any = false;
            foreach (var batch in data.Epoch(epoch))
            {
                any = true;
                yield return batch;
            }
            if (!any) yield break;
        }
    }
}
