using OnnxPriors.Graphs;
using OnnxPriors.Priors;
using OnnxPriors.Torch.Fitting;

namespace OnnxPriors.Torch.Tests.Fitting;

[TestClass]
public sealed class SwagFitTests
{
    // Float32 over sixty steps against float64, relative to the largest value of the tensor.
    private const double Rounding = 2e-5;

    private static readonly SwagOptions Options = new() { Rank = 3, Steps = 60, BurnIn = 12, CollectEvery = 4, LearningRate = 0.3, Momentum = 0.8 };

    [TestMethod]
    [DataRow(FitSchedule.Constant, 0.0, 0.0)]
    [DataRow(FitSchedule.Cyclical, 0.0, 0.0)]
    [DataRow(FitSchedule.Constant, 0.01, 0.25)]
    public void The_fit_follows_a_float64_replica_of_every_step(FitSchedule schedule, double decay, double clip)
    {
        var problem = new SoftmaxRegression(seed: 1);
        var options = Options with { Schedule = schedule, WeightDecay = decay, ClipNorm = clip };
        using var module = new GraphModule(problem.Graph());
        var posterior = new SwagFit(module, options).Run(problem, "sha");
        var (mean, diagonal, factor) = Replica(problem, options);

        Assert.AreEqual(12, posterior.Metadata.Samples);
        AssertClose(mean, Joined(posterior, t => t.Mean));
        AssertClose(diagonal, Joined(posterior, t => t.Diagonal));
        for (var k = 0; k < options.Rank; k++)
            AssertClose(factor[k], Joined(posterior, t => t.Factor[(k * t.Mean.Length)..((k + 1) * t.Mean.Length)]));
        AssertClose(mean, [.. module.Parameters.Values.SelectMany(Tensors.ToDoubles)]);
    }

    [TestMethod]
    public void The_same_seed_gives_the_same_bits()
    {
        Posterior[] two = [.. Enumerable.Range(0, 2).Select(_ =>
        {
            var problem = new SoftmaxRegression(seed: 2);
            using var module = new GraphModule(problem.Graph());
            return new SwagFit(module, Options).Run(problem, "sha");
        })];

        foreach (var (a, b) in two[0].Parameters.Zip(two[1].Parameters))
        {
            Assert.AreSequenceEqual(a.Mean, b.Mean);
            Assert.AreSequenceEqual(a.Diagonal, b.Diagonal);
            Assert.AreSequenceEqual(a.Factor, b.Factor);
        }
    }

    [TestMethod]
    public void Progress_tells_of_every_step_and_accuracy_counts_the_right_ones()
    {
        var problem = new SoftmaxRegression(seed: 3);
        using var module = new GraphModule(problem.Graph());
        var fit = new SwagFit(module, Options);
        double before = new Classification(module).Accuracy(problem.Epoch(0));
        var seen = new Recorder();
        fit.Run(problem, "sha", seen);

        Assert.AreSequenceEqual(Enumerable.Range(1, Options.Steps), seen.All.Select(p => p.Step));
        Assert.AreEqual(TimeSpan.Zero, seen.All[^1].Remaining);
        Assert.AreEqual(12, seen.All[^1].Samples);
        Assert.IsLessThan(seen.All[0].Loss, seen.All[^1].Loss);
        Assert.IsGreaterThan(before, new Classification(module).Accuracy(problem.Epoch(0)));
        Assert.IsTrue(seen.All.All(p => p.ExamplesPerSecond > 0));
    }

    [TestMethod]
    public void A_fit_that_is_cancelled_stops_before_the_next_step()
    {
        var problem = new SoftmaxRegression(seed: 4);
        using var module = new GraphModule(problem.Graph());
        using var cancellation = new CancellationTokenSource();
        var seen = new Recorder(p => { if (p.Step == 5) cancellation.Cancel(); });

        Assert.ThrowsExactly<OperationCanceledException>(() => new SwagFit(module, Options).Run(problem, "sha", seen, cancellation.Token));
        Assert.HasCount(5, seen.All);
    }

    [TestMethod]
    public void A_loss_that_is_no_longer_finite_ends_the_fit()
    {
        var problem = new SoftmaxRegression(seed: 5);
        using var module = new GraphModule(problem.Graph());
        var broken = new OneBatch(new LabelledBatch(new float[] { float.NaN, 0, 0, 0 }, [1, 4], new long[] { 0 }));

        var error = Assert.ThrowsExactly<FitFailedException>(() => new SwagFit(module, Options).Run(broken, "sha"));
        Assert.Contains("diverged at step 1", error.Message);
    }

    [TestMethod]
    [DataRow(3L)]
    [DataRow(-1L)]
    public void A_label_that_the_head_has_no_class_for_is_named(long label)
    {
        var problem = new SoftmaxRegression(seed: 6);
        using var module = new GraphModule(problem.Graph());
        var broken = new OneBatch(new LabelledBatch(new float[4], [1, 4], new[] { label }));

        var error = Assert.ThrowsExactly<FitException>(() => new SwagFit(module, Options).Run(broken, "sha"));
        Assert.Contains($"label {label}", error.Message);
    }

    [TestMethod]
    public void Options_that_cannot_give_a_posterior_are_refused()
    {
        foreach (var options in new[]
        {
            Options with { Rank = 1 }, Options with { Steps = 0 }, Options with { LearningRate = 0 }, Options with { LearningRate = double.NaN },
            Options with { Momentum = 1 }, Options with { BurnIn = 60 }, Options with { CollectEvery = 0 }, Options with { CollectEvery = 30 },
        })
            Assert.ThrowsExactly<FitException>(options.Validate);
    }

    [TestMethod]
    public void Only_the_parameters_named_are_fitted()
    {
        var problem = new SoftmaxRegression(seed: 7);
        using var module = new GraphModule(problem.Graph());
        var posterior = new SwagFit(module, Options with { Parameters = ["b"] }).Run(problem, "sha");

        Assert.AreSequenceEqual(["b"], posterior.Parameters.Select(p => p.Name));
        Assert.AreSequenceEqual(problem.W.Select(v => (double)v), Tensors.ToDoubles(module.Parameters["w"]));
    }

    [TestMethod]
    public void Batch_statistics_are_estimated_again_at_the_mean()
    {
        var problem = new SoftmaxRegression(seed: 8);
        var b = new GraphBuilder();
        var x = b.Input("x", ElementType.Float, [Dimension.Symbolic("batch"), 4]);
        var normal = b.Apply("BatchNormalization",
        [
            x, b.Parameter("scale", TensorData.Of([1f, 1, 1, 1], 4)), b.Parameter("shift", TensorData.Of(new float[4], 4)),
            b.Parameter("mean", TensorData.Of([9f, 9, 9, 9], 4)), b.Parameter("variance", TensorData.Of([9f, 9, 9, 9], 4)),
        ]);
        var logits = b.Apply("MatMul", [normal, b.Parameter("w", TensorData.Of(problem.W, 4, 3))]);
        using var module = new GraphModule(b.Build([("logits", logits)]), new GraphModuleOptions { Statistics = Torch.Operators.BatchStatistics.Batch });
        var posterior = new SwagFit(module, Options with { StatisticsBatches = SoftmaxRegression.BatchesPerEpoch }).Run(problem, "sha");

        var buffers = posterior.Buffers.ToDictionary(buffer => buffer.Name, buffer => buffer.Values);
        Assert.AreSequenceEqual(["mean", "variance"], buffers.Keys.Order());
        for (var f = 0; f < 4; f++)
        {
            var columns = problem.Epoch(0).Select(batch => Enumerable.Range(0, 8).Select(n => (double)batch.Values.Span[n * 4 + f]).ToArray()).ToArray();
            Assert.AreEqual(columns.Average(c => c.Average()), buffers["mean"][f], 1e-6);
            Assert.AreEqual(columns.Average(c => c.Sum(v => Math.Pow(v - c.Average(), 2)) / 7), buffers["variance"][f], 1e-6);
        }
        Assert.IsFalse(posterior.Parameters.Any(p => p.Name is "mean" or "variance"));
    }

    private static (double[] Mean, double[] Diagonal, double[][] Factor) Replica(SoftmaxRegression problem, SwagOptions options)
    {
        double[] theta = [.. problem.W, .. problem.B], velocity = new double[theta.Length];
        var collected = new List<double[]>();
        for (var step = 0; step < options.Steps; step++)
        {
            int epoch = step / SoftmaxRegression.BatchesPerEpoch;
            double[] g = SoftmaxRegression.Gradient(problem.Epoch(epoch).ElementAt(step % SoftmaxRegression.BatchesPerEpoch), theta);
            double norm = Math.Sqrt(g.Sum(v => v * v)), scale = options.ClipNorm > 0 && norm > options.ClipNorm ? options.ClipNorm / norm : 1;
            for (var i = 0; i < theta.Length; i++)
            {
                velocity[i] = options.Momentum * velocity[i] + scale * g[i] + options.WeightDecay * theta[i];
                theta[i] -= options.RateAt(step) * velocity[i];
            }
            if (options.CollectsAt(step)) collected.Add([.. theta]);
        }
        int n = collected.Count;
        double[] mean = [.. theta.Select((_, i) => collected.Average(t => t[i]))];
        double[] diagonal = [.. theta.Select((_, i) => 0.5 * collected.Average(t => Math.Pow(t[i] - mean[i], 2)))];
        // The n-th collected takes the place of the oldest of K.
        double[][] factor = [.. Enumerable.Range(n - options.Rank, options.Rank).OrderBy(s => s % options.Rank).Select(s => theta.Select((_, i) =>
            (collected[s][i] - collected.Take(s + 1).Average(t => t[i])) / Math.Sqrt(2.0 * (options.Rank - 1))).ToArray())];
        return (mean, diagonal, factor);
    }

    private static double[] Joined(Posterior posterior, Func<PosteriorTensor, float[]> part) =>
        [.. new[] { "w", "b" }.SelectMany(name => part(posterior.Parameters.Single(p => p.Name == name))).Select(v => (double)v)];

    private static void AssertClose(double[] expected, double[] actual)
    {
        Assert.HasCount(expected.Length, actual);
        double largest = expected.Max(Math.Abs);
        for (var i = 0; i < expected.Length; i++) Assert.AreEqual(expected[i], actual[i], Rounding * largest);
    }

    private sealed class Recorder(Action<FitProgress>? then = null) : IProgress<FitProgress>
    {
        public List<FitProgress> All { get; } = [];

        public void Report(FitProgress value)
        {
            All.Add(value);
            then?.Invoke(value);
        }
    }

    private sealed record OneBatch(LabelledBatch Batch) : ILabelledBatches
    {
        public IEnumerable<LabelledBatch> Epoch(int epoch) => [Batch];
    }
}
