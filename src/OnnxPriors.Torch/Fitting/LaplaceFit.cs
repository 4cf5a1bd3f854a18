using System.Collections.Immutable;
using System.Diagnostics;
using OnnxPriors.Priors;
using OnnxPriors.Torch.Operators;
using TorchSharp;
using static TorchSharp.torch;

namespace OnnxPriors.Torch.Fitting;

/// <summary>
/// Laplace's approximation with a diagonal curvature: the posterior is a Gaussian at the source model's own weights whose variance is
/// 1/(N·F + τ), N·F the curvature of the cross-entropy summed over one pass through the source task's data. Nothing is trained.
/// </summary>
/// <remarks>
/// MacKay, 'A Practical Bayesian Framework for Backpropagation Networks' (1992); for the choice of curvature Daxberger and others,
/// 'Laplace Redux' (2021). The vectors behind each curvature stand in <see cref="CurvatureVectors"/>.
/// <para>
/// Gradients are each example's own: the square of a batch's summed gradient is no estimate of the sum of squares. Examples go through
/// the model one by one, so that this holds for every graph; BatchNormalization keeps its running statistics, without which an
/// example's gradient would not be its own. The sums are in float64: beyond the model and its gradients a fit takes five times the
/// parameters (two for the sums; mean, variance and summed curvature at the end) and at the end four times the largest tensor.
/// </para>
/// </remarks>
/// <param name="module">The model; it is not changed.</param>
/// <param name="options">The hyperparameters.</param>
public sealed class LaplaceFit(GraphModule module, LaplaceOptions options)
{
    /// <summary>Fits the posterior.</summary>
    /// <param name="data">The source task's data; its first epoch is gone through once.</param>
    /// <param name="sourceSha256">SHA-256 of the source model's file, for the prior's metadata.</param>
    /// <param name="total">The number of examples, for the progress's remaining time; 0 where it is not known.</param>
    /// <param name="progress">Told after every batch; its steps are examples.</param>
    /// <param name="cancellation">Ends the fit between two examples.</param>
    /// <returns>The posterior over the parameters that the logits depend on, in the module's order, with its summed curvature.</returns>
    /// <exception cref="FitException">Options, labels or shapes that cannot be right.</exception>
    /// <exception cref="FitFailedException">Logits or gradients are not finite.</exception>
    /// <exception cref="OperationCanceledException">The fit was cancelled.</exception>
    public Posterior Run(ILabelledBatches data, string sourceSha256, int total = 0, IProgress<FitProgress>? progress = null, CancellationToken cancellation = default)
    {
        ArgumentNullException.ThrowIfNull(data);
        options.Validate();
        if (module.Statistics != BatchStatistics.Frozen)
            throw new FitException("A curvature is the sum of each example's own; BatchNormalization must keep its running statistics for it (--batch-norm frozen).");
        var model = new Classification(module);
        var clock = Stopwatch.StartNew();
        var sums = new List<CurvatureSum>();
        var count = 0;
        var loss = 0.0;
        try
        {
            foreach (var batch in data.Epoch(0))
            {
                for (var i = 0; i < batch.Labels.Length; i++)
                {
                    cancellation.ThrowIfCancellationRequested();
                    loss += Add(model, Example(batch, i), count++, sums);
                }
                var seconds = clock.Elapsed.TotalSeconds;
                progress?.Report(new FitProgress(
                    count, Math.Max(total, count), loss / count, 0, count, count / seconds, TimeSpan.FromSeconds(seconds / count * Math.Max(0, total - count))));
            }
            if (count == 0)
                throw new FitException("The data holds no examples.");
            return Finish([.. sums.Where(sum => sum.IsUsed)], count, sourceSha256);
        }
        finally
        {
            foreach (var sum in sums)
                sum.Dispose();
        }
    }

    private static LabelledBatch Example(LabelledBatch batch, int index)
    {
        var size = batch.Values.Length / batch.Labels.Length;
        return new LabelledBatch(batch.Values.Slice(index * size, size), [1, .. batch.Shape.Skip(1)], batch.Labels.Slice(index, 1));
    }

    /// <summary>Adds an example's curvature; returns its loss.</summary>
    private double Add(Classification model, LabelledBatch example, int number, List<CurvatureSum> sums)
    {
        using var scope = NewDisposeScope();
        var (output, _) = model.Logits(example);
        double[] logits;
        using (no_grad())
            logits = output.detach().to(ScalarType.Float64).cpu().data<double>().ToArray();
        if (!logits.All(double.IsFinite))
            throw NotFinite(number);
        if (sums.Count == 0)
            sums.AddRange(Fitted());
        var label = example.Labels.Span[0];
        var parameters = sums.Select(sum => sum.Parameter).ToArray();
        var vectors = CurvatureVectors.Of(options.Curvature, options.EffectiveSamples, logits, label, options.Seed, (ulong)number).ToArray();
        for (var v = 0; v < vectors.Length; v++)
        {
            using var pass = NewDisposeScope();
            var direction = tensor(vectors[v], [1, logits.Length], dtype: output.dtype, device: module.Device);
            var gradients = autograd.grad([output], parameters, [direction], retain_graph: v < vectors.Length - 1, allow_unused: true);
            using (no_grad())
                for (var i = 0; i < sums.Count; i++)
                    sums[i].Add(gradients[i]);
        }
        var most = logits.Max();
        return most + Math.Log(logits.Sum(z => Math.Exp(z - most))) - logits[label];
    }

    private List<CurvatureSum> Fitted()
    {
        var unknown = options.Parameters?.Where(name => !module.Parameters.ContainsKey(name)).ToArray() ?? [];
        if (unknown.Length > 0)
            throw new FitException($"The model has no parameter '{string.Join("', '", unknown)}'.");
        var fitted = module.Parameters.Where(pair => options.Parameters?.Contains(pair.Key) != false)
            .Select(pair => new CurvatureSum(pair.Key, pair.Value)).ToList();
        return fitted.Count > 0 ? fitted : throw new FitException("The model has no parameter to fit.");
    }

    private static FitFailedException NotFinite(int number) => new(
        $"The model's output or its gradient is not finite at example {number + 1}. Check the preprocessing of the images.");

    private Posterior Finish(CurvatureSum[] sums, int count, string sourceSha256)
    {
        if (sums.Length == 0)
            throw new FitException("The logits depend on none of the parameters to be fitted.");
        using var noGradients = no_grad();
        var parameters = sums.Select(sum => sum.ToPosterior(options.PriorPrecision) ?? throw NotFinite(count - 1)).ToImmutableArray();
        var metadata = new PosteriorMetadata
        {
            Method = options.Method,
            Form = PosteriorForm.Laplace,
            Rank = 0,
            Samples = count,
            SourceSha256 = sourceSha256,
            Seed = options.Seed,
            PriorPrecision = options.PriorPrecision,
            Hyperparameters = options.ToJson(),
        };
        return new Posterior(metadata, parameters);
    }

    /// <summary>Σ over examples and vectors of (Jᵀv)² for one parameter tensor, in float64.</summary>
    private sealed class CurvatureSum(string name, Tensor parameter) : IDisposable
    {
        private readonly Tensor sum = zeros(parameter.shape, ScalarType.Float64, parameter.device).DetachFromDisposeScope();

        public Tensor Parameter => parameter;

        /// <summary>Whether the logits depend on the parameter.</summary>
        public bool IsUsed { get; private set; }

        public void Add(Tensor? gradient)
        {
            if (gradient is null || gradient.IsInvalid)
                return;
            IsUsed = true;
            using var wide = gradient.to(ScalarType.Float64);
            using Scalar one = 1.0;
            sum.addcmul_(wide, wide, one);
        }

        /// <summary>Mean, variance and summed curvature; null where a sum is not finite.</summary>
        public PosteriorTensor? ToPosterior(double precision)
        {
            using var host = sum.cpu();
            using var weights = parameter.detach().to(ScalarType.Float32).cpu().contiguous();
            var curvature = host.contiguous().data<double>().ToArray();
            if (!curvature.All(value => double.IsFinite(value) && value <= float.MaxValue))
                return null;
            return new PosteriorTensor(
                name, [.. parameter.shape], weights.data<float>().ToArray(), [.. curvature.Select(value => (float)(1 / (value + precision)))], [])
            {
                Curvature = [.. curvature.Select(value => (float)value)],
            };
        }

        public void Dispose() => sum.Dispose();
    }
}
