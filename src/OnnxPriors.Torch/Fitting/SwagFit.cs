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
/// The loss is an <see cref="IFitObjective"/>'s, by default cross-entropy. The variance is over the collected weights, divided by their
/// number. <see cref="SwagOptions.Form"/> says which of SWAG's three forms the posterior takes.
/// </remarks>
/// <param name="module">The model; its parameters are trained in place, and end at the fitted mean.</param>
/// <param name="options">The hyperparameters.</param>
/// <param name="objective">What the fit descends on; by default <see cref="Classification"/>. It stays the caller's.</param>
public sealed class SwagFit(GraphModule module, SwagOptions options, IFitObjective? objective = null)
{
    /// <summary>Where the fit keeps its state, to go on after it was killed; null keeps none.</summary>
    public FitCheckpoint? Checkpoint { get; init; }

    private IFitObjective Objective => objective ??= new Classification(module);

    /// <summary>Fits the posterior.</summary>
    /// <param name="data">The source task's training data.</param>
    /// <param name="sourceSha256">SHA-256 of the source model's file, for the prior's metadata.</param>
    /// <param name="progress">Told of every step.</param>
    /// <param name="cancellation">Ends the fit between two steps.</param>
    /// <returns>The posterior over the fitted parameters, in the module's order.</returns>
    /// <exception cref="FitException">Options, labels, shapes or a checkpoint that cannot be right.</exception>
    /// <exception cref="FitFailedException">The loss is no longer finite.</exception>
    /// <exception cref="OperationCanceledException">The fit was cancelled.</exception>
    public Posterior Run(ILabelledBatches data, string sourceSha256, IProgress<FitProgress>? progress = null, CancellationToken cancellation = default)
    {
        ArgumentNullException.ThrowIfNull(data);
        options.Validate();
        _ = Objective;
        using var state = new FitState();
        Train(data, state, progress, cancellation);
        return Finish(data, state.Tensors, sourceSha256);
    }

    private void Train(ILabelledBatches data, FitState state, IProgress<FitProgress>? progress, CancellationToken cancellation)
    {
        var clock = Stopwatch.StartNew();
        long examples = 0;
        ForgetGradients();
        var begun = Begin(data, state);
        var place = begun;
        var batches = Endless(data, place).GetEnumerator();
        try
        {
            while (place.Step < options.Steps)
            {
                if (cancellation.IsCancellationRequested)
                {
                    if (place.Step > begun.Step)
                        Checkpoint?.Write(place, state.Samples, state.Everything);
                    cancellation.ThrowIfCancellationRequested();
                }
                if (!batches.MoveNext()) throw new FitException("The training data holds no examples.");
                var (batch, next) = batches.Current;
                double loss = Backward(batch, place.Step), rate = options.RateAt(place.Step);
                examples += batch.Labels.Length;
                using (no_grad())
                    Step(state, place.Step, rate);
                place = next with { Step = place.Step + 1 };
                double seconds = clock.Elapsed.TotalSeconds;
                progress?.Report(new FitProgress(
                    place.Step, options.Steps, loss, rate, state.Samples, examples / seconds,
                    TimeSpan.FromSeconds(seconds / (place.Step - begun.Step) * (options.Steps - place.Step))));
                if (Checkpoint is not null && place.Step % Checkpoint.EverySteps == 0 && place.Step < options.Steps)
                    Checkpoint.Write(place, state.Samples, state.Everything);
            }
        }
        finally
        {
            batches.Dispose();
            ForgetGradients();
        }
    }

    /// <summary>Finds the tensors that the loss depends on, by one backward pass, and goes on from a checkpoint where there is one.</summary>
    private FitCheckpoint.Place Begin(ILabelledBatches data, FitState state)
    {
        var first = Endless(data, new FitCheckpoint.Place(0, 0, 0)).Select(pair => pair.Batch).FirstOrDefault() ?? throw new FitException("The training data holds no examples.");
        Backward(first, 0);
        state.Tensors.AddRange(Fitted());
        state.Own.AddRange(Objective.Parameters.Select((parameter, i) => new SgdParameter($"objective.{i}", parameter)));
        ForgetGradients();
        using var noGradients = no_grad();
        if (Checkpoint?.Read(state.Everything) is not { } read) return new FitCheckpoint.Place(0, 0, 0);
        foreach (var tensor in state.Tensors) tensor.Restore(read.Samples);
        return read.Place;
    }

    // They are as large as the parameters: old ones would be added to, and after the fit nothing needs them.
    private void ForgetGradients()
    {
        foreach (var parameter in module.Parameters.Values.Concat(Objective.Parameters)) parameter.grad = null;
    }

    private double Backward(LabelledBatch batch, int step)
    {
        // Each step draws from a seed of its own, so that a fit that goes on from a checkpoint draws the same.
        manual_seed(unchecked((long)(options.Seed + (ulong)step * 0x9E3779B97F4A7C15)));
        using var scope = NewDisposeScope();
        var loss = Objective.Loss(batch);
        loss.backward();
        double value = loss.detach().to(ScalarType.Float64).item<double>();
        return double.IsFinite(value) ? value : throw Diverged(step);
    }

    private void Step(FitState state, int step, double rate)
    {
        double scale = ClipScale(state, step);
        foreach (var tensor in state.Tensors) tensor.Step(rate, options.Momentum, scale, options.WeightDecay);
        foreach (var own in state.Own) own.Step(options.ObjectiveRate ?? rate, options.Momentum, scale);
        if (options.CollectsAt(step))
            foreach (var tensor in state.Tensors)
                tensor.Collect();
    }

    private FitFailedException Diverged(int step) => new(
        $"The fit diverged at step {step + 1}: the loss or its gradient is no longer finite. Lower the learning rate of {options.LearningRate}, or check the preprocessing of the images.");

    private List<SwagMoments> Fitted()
    {
        var unknown = options.Parameters?.Where(name => !module.Parameters.ContainsKey(name)).ToArray() ?? [];
        if (unknown.Length > 0) throw new FitException($"The model has no parameter '{string.Join("', '", unknown)}'.");
        var fitted = module.Parameters
            .Where(pair => pair.Value.grad is not null && options.Parameters?.Contains(pair.Key) != false)
            .Select(pair => new SwagMoments(pair.Key, pair.Value, options.Kept, recentred: options.Form == PosteriorForm.SwagPrincipal)).ToList();
        return fitted.Count > 0 ? fitted : throw new FitException("The loss depends on none of the parameters to be fitted.");
    }

    private double ClipScale(FitState state, int step)
    {
        using var scope = NewDisposeScope();
        double squares = 0;
        foreach (var gradient in state.Tensors.Select(tensor => tensor.Gradient).Concat(state.Own.Select(own => own.Gradient)).OfType<Tensor>())
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
        var parameters = Parameters(tensors);
        var metadata = new PosteriorMetadata
        {
            Method = options.Method,
            Form = options.Form,
            Rank = options.EffectiveRank,
            Samples = samples,
            SourceSha256 = sourceSha256,
            Seed = options.Seed,
            Hyperparameters = options.ToJson(Objective.Name),
        };
        return new Posterior(metadata, parameters, buffers);
    }

    private ImmutableArray<PosteriorTensor> Parameters(List<SwagMoments> tensors)
    {
        double share = options.Form == PosteriorForm.SwagDiagonal ? 1 : 0.5, unit = options.Kept < 2 ? 1 : 1 / Math.Sqrt(2.0 * (options.Kept - 1));
        var shapes = tensors.Select(tensor => new TensorShape(tensor.Name, [.. tensor.Shape])).ToArray();
        var taken = tensors.Select(tensor => tensor.Take(share, unit)).ToArray();
        if (options.Form == PosteriorForm.SwagPrincipal)
        {
            var directions = PrincipalDirections.Of(shapes, options.Kept, options.Rank, (tensor, row, start, values) =>
                taken[tensor].Deviations.AsSpan((int)(row * shapes[tensor].Count + start), values.Length).CopyTo(values));
            for (var i = 0; i < taken.Length; i++)
                taken[i].Deviations = directions.Compress(taken[i].Deviations, (int)shapes[i].Count);
        }
        return [.. taken.Zip(shapes, (values, shape) => new PosteriorTensor(shape.Name, shape.Shape, values.Mean, values.Diagonal, values.Deviations))];
    }

    private IEnumerable<IReadOnlyDictionary<string, Tensor>> Inputs(ILabelledBatches data)
    {
        foreach (var (batch, _) in Endless(data, new FitCheckpoint.Place(0, 0, 0)).Take(options.StatisticsBatches))
        {
            using var x = tensor(batch.Values.ToArray(), [.. batch.Shape], device: module.Device);
            yield return new Dictionary<string, Tensor> { [module.Graph.Inputs[0].Name] = x };
        }
    }

    /// <summary>The data's batches from a place on, pass after pass, each with the place after it.</summary>
    private static IEnumerable<(LabelledBatch Batch, FitCheckpoint.Place Next)> Endless(ILabelledBatches data, FitCheckpoint.Place from)
    {
        var first = from.Batch;
        for (var epoch = from.Epoch; ; epoch++, first = 0)
        {
            var index = first;
            foreach (var batch in data.Epoch(epoch, first))
                yield return (batch, new FitCheckpoint.Place(0, epoch, ++index));
            if (index == 0) yield break;
        }
    }

    /// <summary>What a fit changes.</summary>
    private sealed class FitState : IDisposable
    {
        public List<SwagMoments> Tensors { get; } = [];

        public List<SgdParameter> Own { get; } = [];

        public int Samples => Tensors[0].Samples;

        public IReadOnlyList<(string Name, Tensor Values)> Everything =>
        [
            .. Tensors.SelectMany(tensor => tensor.State.Select(part => ($"{part.Part}/{tensor.Name}", part.Values))),
            .. Own.SelectMany(own => own.State.Select(part => ($"{part.Part}/{own.Name}", part.Values))),
        ];

        public void Dispose()
        {
            foreach (var tensor in Tensors) tensor.Dispose();
            foreach (var own in Own) own.Dispose();
        }
    }
}
