using OnnxPriors.Priors;
using OnnxPriors.Torch.Fitting;

namespace OnnxPriors.Torch.Tests.Fitting;

/// <summary>SWAG's other forms, against the iterates themselves, which a fit of one more weight vector each leaves behind; and fits that go on.</summary>
[TestClass]
public sealed class SwagFormsTests
{
    // Float32 over sixty steps, relative to the largest value.
    private const double Rounding = 2e-5;

    private static readonly SwagOptions Options = new() { Rank = 3, Steps = 60, BurnIn = 12, CollectEvery = 4, LearningRate = 0.3, Momentum = 0.8 };

    private string folder = null!;

    [TestInitialize]
    public void MakeFolder() => folder = Directory.CreateTempSubdirectory("onnxpriors-").FullName;

    [TestCleanup]
    public void RemoveFolder() => Directory.Delete(folder, recursive: true);

    [TestMethod]
    public void Swag_Diagonal_is_the_variance_of_the_iterates()
    {
        var iterates = Iterates();
        var posterior = Fit(Options with { Diagonal = true });

        Assert.AreEqual(PosteriorForm.SwagDiagonal, posterior.Metadata.Form);
        Assert.AreEqual(0, posterior.Metadata.Rank);
        AssertClose(Moments(iterates).Mean, Joined(posterior, t => t.Mean));
        AssertClose(Moments(iterates).Variance, Joined(posterior, t => t.Diagonal));
    }

    [TestMethod]
    public void A_factor_of_full_rank_holds_the_covariance_of_the_iterates_about_their_mean()
    {
        var iterates = Iterates();
        var posterior = Fit(Options with { Rank = 12, Collected = 12 });
        var mean = Moments(iterates).Mean;

        Assert.AreEqual(PosteriorForm.SwagPrincipal, posterior.Metadata.Form);
        AssertClose([.. Moments(iterates).Variance.Select(v => v / 2)], Joined(posterior, t => t.Diagonal));
        AssertSame(Covariance(iterates.Select(i => Minus(i, mean)).ToArray(), 2.0 * 11), Product(posterior));
    }

    [TestMethod]
    public void A_compressed_factor_is_the_best_of_its_rank()
    {
        const int Kept = 10;
        var iterates = Iterates();
        var mean = Moments(iterates).Mean;
        double[][] deviations = [.. iterates.TakeLast(Kept).Select(i => Minus(i, mean))];
        var whole = Covariance(deviations, 2.0 * (Kept - 1));
        var values = Eigenvalues(deviations, 2.0 * (Kept - 1));
        foreach (var rank in (int[])[1, 2, 4])
        {
            var posterior = Fit(Options with { Rank = rank, Collected = Kept });
            var product = Product(posterior);
            // Eckart and Young: what is left of the covariance has the norm of the eigenvalues that were left out.
            double left = 0;
            for (var i = 0; i < whole.Length; i++) left += Math.Pow(whole[i] - product[i], 2);
            Assert.AreEqual(Math.Sqrt(values.Skip(rank).Sum(v => v * v)), Math.Sqrt(left), Rounding * values[0]);
            // Largest column first.
            var lengths = Enumerable.Range(0, rank).Select(k => Columns(posterior)[k].Sum(v => v * v)).ToArray();
            for (var k = 0; k < rank; k++) Assert.AreEqual(values[k], lengths[k], Rounding * values[0]);
        }
    }

    [TestMethod]
    public void Options_of_a_factor_that_cannot_be_are_refused()
    {
        foreach (var options in (SwagOptions[])[
            Options with { Collected = 2 }, Options with { Collected = 13 }, Options with { Rank = 0, Collected = 4 }, Options with { Diagonal = true, Collected = 4 }])
            Assert.ThrowsExactly<FitException>(options.Validate);
        (Options with { Rank = 1, Collected = 2 }).Validate();
    }

    [TestMethod]
    [DataRow(false, null)]
    [DataRow(true, null)]
    [DataRow(false, 10)]
    public void A_fit_that_was_stopped_goes_on_to_the_same_bits(bool diagonal, int? collected)
    {
        var options = Options with { Diagonal = diagonal, Collected = collected };
        var whole = Fit(options);
        var checkpoint = new FitCheckpoint(Path.Combine(folder, "fit.safetensors"), 7, "this fit");
        // Stopped within an epoch of six batches, at its end, and once more; the last time it was killed without a word.
        foreach (var last in (int[])[16, 30, 45])
        {
            using var cancellation = new CancellationTokenSource();
            var problem = new SoftmaxRegression(seed: 1);
            using var module = new GraphModule(problem.Graph());
            var fit = new SwagFit(module, options) { Checkpoint = checkpoint };
            if (last == 45)
                Assert.ThrowsExactly<InvalidOperationException>(() => fit.Run(problem, "sha", new Watcher(p => { if (p.Step == last) throw new InvalidOperationException(); })));
            else
                Assert.ThrowsExactly<OperationCanceledException>(() => fit.Run(problem, "sha", new Watcher(p => { if (p.Step == last) cancellation.Cancel(); }), cancellation.Token));
        }
        var first = 0;
        var again = Fit(options, checkpoint, p => first = first == 0 ? p.Step : first);

        Assert.AreEqual(43, first, "Killed at step 45, the fit goes on after the checkpoint of step 42.");
        foreach (var (a, b) in whole.Parameters.Zip(again.Parameters))
        {
            Assert.AreSequenceEqual(a.Mean, b.Mean);
            Assert.AreSequenceEqual(a.Diagonal, b.Diagonal);
            Assert.AreSequenceEqual(a.Factor, b.Factor);
        }
    }

    [TestMethod]
    public void The_checkpoint_of_another_fit_is_refused()
    {
        var checkpoint = new FitCheckpoint(Path.Combine(folder, "fit.safetensors"), 7, "this fit");
        Fit(Options, checkpoint);
        Assert.Contains("another fit", Assert.ThrowsExactly<FitException>(() => Fit(Options, checkpoint with { Fingerprint = "that fit" })).Message);
        Assert.Contains("another fit", Assert.ThrowsExactly<FitException>(() => Fit(Options with { Rank = 4 }, checkpoint)).Message);
        File.WriteAllText(checkpoint.Path, "nothing");
        Assert.ThrowsExactly<InvalidPriorException>(() => Fit(Options, checkpoint));
    }

    /// <summary>The collected weight vectors, one by one: a fit that ends where the n-th is collected and collects that alone has it for its mean.</summary>
    private static double[][] Iterates() => [.. Enumerable.Range(1, 12).Select(n => Joined(
        Fit(Options with { Diagonal = true, Steps = 12 + 4 * n, BurnIn = 11 + 4 * n, CollectEvery = 1 }), t => t.Mean))];

    private static Posterior Fit(SwagOptions options, FitCheckpoint? checkpoint = null, Action<FitProgress>? watch = null)
    {
        var problem = new SoftmaxRegression(seed: 1);
        using var module = new GraphModule(problem.Graph());
        return new SwagFit(module, options) { Checkpoint = checkpoint }.Run(problem, "sha", watch is null ? null : new Watcher(watch));
    }

    private static (double[] Mean, double[] Variance) Moments(double[][] iterates)
    {
        double[] mean = [.. Enumerable.Range(0, iterates[0].Length).Select(i => iterates.Average(t => t[i]))];
        return (mean, [.. mean.Select((m, i) => iterates.Average(t => Math.Pow(t[i] - m, 2)))]);
    }

    private static double[] Minus(double[] x, double[] y) => [.. x.Zip(y, (p, q) => p - q)];

    private static double[] Covariance(double[][] rows, double divisor)
    {
        var size = rows[0].Length;
        return [.. from i in Enumerable.Range(0, size) from j in Enumerable.Range(0, size) select rows.Sum(row => row[i] * row[j]) / divisor];
    }

    /// <summary>The eigenvalues of rowsᵀrows/divisor by power iteration with deflation: another way than the fit's.</summary>
    private static double[] Eigenvalues(double[][] rows, double divisor)
    {
        var left = rows.Select(row => row.Select(v => v / Math.Sqrt(divisor)).ToArray()).ToArray();
        var values = new List<double>();
        for (var k = 0; k < rows.Length; k++)
        {
            var v = Enumerable.Range(0, rows[0].Length).Select(i => 1.0 + i % 3).ToArray();
            double value = 0;
            for (var iteration = 0; iteration < 4000; iteration++)
            {
                var next = new double[v.Length];
                foreach (var row in left)
                {
                    var along = row.Zip(v, (p, q) => p * q).Sum();
                    for (var i = 0; i < v.Length; i++) next[i] += along * row[i];
                }
                value = Math.Sqrt(next.Sum(x => x * x));
                if (value == 0) break;
                v = [.. next.Select(x => x / value)];
            }
            values.Add(value);
            foreach (var row in left)
            {
                var along = row.Zip(v, (p, q) => p * q).Sum();
                for (var i = 0; i < v.Length; i++) row[i] -= along * v[i];
            }
        }
        return [.. values];
    }

    private static double[][] Columns(Posterior posterior) =>
        [.. Enumerable.Range(0, posterior.Metadata.Rank).Select(k => Joined(posterior, t => t.Factor[(k * t.Mean.Length)..((k + 1) * t.Mean.Length)]))];

    private static double[] Product(Posterior posterior) => Covariance(Columns(posterior), 1);

    private static double[] Joined(Posterior posterior, Func<PosteriorTensor, float[]> part) =>
        [.. new[] { "w", "b" }.SelectMany(name => part(posterior.Parameters.Single(p => p.Name == name))).Select(v => (double)v)];

    private static void AssertClose(double[] expected, double[] actual) => AssertSame(expected, actual);

    private static void AssertSame(double[] expected, double[] actual)
    {
        Assert.HasCount(expected.Length, actual);
        var largest = expected.Max(Math.Abs);
        for (var i = 0; i < expected.Length; i++) Assert.AreEqual(expected[i], actual[i], Rounding * largest);
    }

    private sealed class Watcher(Action<FitProgress> then) : IProgress<FitProgress>
    {
        public void Report(FitProgress value) => then(value);
    }
}
