using OnnxPriors.Priors;

namespace OnnxPriors.Tests.Priors;

[TestClass]
public sealed class GaussianPriorTests
{
    /// <summary>What the prior promises where nothing cancels: a and B are stored as float32.</summary>
    private const double Tolerance = 1e-5;

    /// <summary>Along W, aδ and B(Bᵀδ) cancel to a part in 1 + λ_max(WᵀD⁻¹W); float32 leaves this much of that.</summary>
    private const double CancellationTolerance = 1.0 / (1 << 20);

    private static readonly (string, long[])[] Tensors = [("conv", [4, 3, 3, 3]), ("scale", [7]), ("fc", [10, 20]), ("bias", [])];

    public static IEnumerable<object?[]> Rescalings =>
        from scaling in Enum.GetValues<PriorScaling>()
        from scale in new[] { 0.01, 1, 25.0 }
        from epsilon in new[] { 0, 1e-4 }
        from rank in new int?[] { null, 3, 2, 0 }
        where rank is null || epsilon > 0
        select new object?[] { scaling, scale, epsilon, rank };

    [TestMethod]
    [DynamicData(nameof(Rescalings))]
    public void Density_and_gradient_are_those_of_the_dense_covariance(PriorScaling scaling, double scale, double epsilon, int? rank)
    {
        var posterior = SyntheticPosterior.Make(5, 1, Tensors);
        var options = new RescaleOptions { Scaling = scaling, Scale = scale, Epsilon = epsilon, Rank = rank };
        var (prior, places) = Build(posterior, options);
        var reference = DenseGaussian.Of(posterior, options);

        for (var trial = 0u; trial < 4; trial++)
        {
            var random = SyntheticPosterior.Normals(reference.Size, 2, trial);
            var draw = new float[prior.Length];
            prior.Sample(3, trial, draw);
            foreach (var theta in new[] { Scatter(i => reference.Mean[i] + 0.02 * random[i], prior, places), draw })
            {
                var delta = Delta(theta, places, reference);
                var gradient = new float[prior.Length];
                Assert.AreEqual(1, prior.Energy(theta, gradient) / reference.Energy(delta), Tolerance, "energy");
                Assert.AreEqual(1, prior.LogDensity(theta) / reference.LogDensity(delta), Tolerance, "log-density");
                var expected = reference.Gradient(delta);
                Assert.IsLessThan(Tolerance * DenseGaussian.Norm(expected), DenseGaussian.Distance(Gather(gradient, places), expected), "gradient");
            }
        }
    }

    [TestMethod]
    [DataRow(1.0)]
    [DataRow(1000.0)]
    public void Along_the_factor_what_remains_after_cancellation_is_right(double scale)
    {
        // Official scaling at a large λ makes WᵀD⁻¹W a thousand times larger still.
        var posterior = SyntheticPosterior.Make(5, 4, ("fc", [30, 40]));
        var options = new RescaleOptions { Scaling = PriorScaling.Official, Scale = scale };
        var (prior, places) = Build(posterior, options);
        var reference = DenseGaussian.Of(posterior, options);
        var ratio = 1 + reference.LargestRatio();
        Assert.IsGreaterThan(300 * scale, ratio, "the case is meant to cancel");

        for (var trial = 0u; trial < 5; trial++)
        {
            var z = SyntheticPosterior.Normals(5, 5, trial).Select(x => (double)x).ToArray();
            var theta = Scatter(i => reference.Mean[i] + 10 * reference.Along(z, i), prior, places);
            var delta = Delta(theta, places, reference);
            var gradient = new float[prior.Length];
            Assert.AreEqual(1, prior.Energy(theta, gradient) / reference.Energy(delta), CancellationTolerance * ratio, "energy");
            var uncancelled = DenseGaussian.Norm([.. delta.Select((d, i) => d / reference.Diagonal[i])]);
            Assert.IsLessThan(CancellationTolerance * uncancelled, DenseGaussian.Distance(Gather(gradient, places), reference.Gradient(delta)), "gradient");
        }
    }

    [TestMethod]
    public void The_moments_of_draws_are_the_priors()
    {
        const int Draws = 4000;
        const double StandardErrors = 4.5;
        var posterior = SyntheticPosterior.Make(4, 6, ("a", [5, 11]), ("b", [70]));
        var options = new RescaleOptions { Scale = 3, Epsilon = 1e-5, Rank = 3 };
        var (prior, places) = Build(posterior, options);
        var reference = DenseGaussian.Of(posterior, options);
        var directions = reference.Factor
            .Concat(Enumerable.Range(0, 6).Select(d => SyntheticPosterior.Normals(reference.Size, 8, (ulong)d).Select(x => (double)x).ToArray()))
            .Concat(Enumerable.Range(0, reference.Size).Select(i => Enumerable.Range(0, reference.Size).Select(j => i == j ? 1.0 : 0).ToArray()))
            .ToArray();
        var sums = new double[directions.Length];
        var squares = new double[directions.Length];
        var theta = new float[prior.Length];
        for (var draw = 0u; draw < Draws; draw++)
        {
            prior.Sample(9, draw, theta);
            var delta = Delta(theta, places, reference);
            for (var d = 0; d < directions.Length; d++)
            {
                var along = DenseGaussian.Dot(directions[d], delta);
                sums[d] += along;
                squares[d] += along * along;
            }
        }
        for (var d = 0; d < directions.Length; d++)
        {
            var variance = Enumerable.Range(0, reference.Size).Sum(row =>
                Enumerable.Range(0, reference.Size).Sum(column => directions[d][row] * reference.Covariance(row, column) * directions[d][column]));
            Assert.AreEqual(0, sums[d] / Draws / Math.Sqrt(variance / Draws), StandardErrors, $"mean along direction {d}");
            Assert.AreEqual(0, (squares[d] / Draws / variance - 1) / Math.Sqrt(2.0 / Draws), StandardErrors, $"variance along direction {d}");
        }
    }

    [TestMethod]
    public void A_draw_is_the_same_again_and_another_number_gives_another()
    {
        var (prior, _) = Build(SyntheticPosterior.Make(3, 6, Tensors), new RescaleOptions());
        var (first, again, other) = (new float[prior.Length], new float[prior.Length], new float[prior.Length]);
        prior.Sample(1, 5, first);
        prior.Sample(1, 5, again);
        prior.Sample(1, 6, other);
        Assert.AreSequenceEqual(first, again);
        Assert.AreNotSequenceEqual(first, other);
    }

    [TestMethod]
    public void An_isotropic_head_stands_beside_the_learned_features_independent_of_them()
    {
        const double Variance = 0.25;
        var posterior = SyntheticPosterior.Make(5, 1, ("features", [50]));
        var mean = new float[] { 1, -2, 3 };
        var prior = GaussianPrior.Build(
            [PriorSegment.Learned("features", 64, 50, 0), PriorSegment.Isotropic("head", 128, 4, Variance), PriorSegment.Isotropic("kept", 192, 3, 2, mean)],
            256, posterior);
        var reference = DenseGaussian.Of(posterior, new RescaleOptions());
        var delta = SyntheticPosterior.Normals(50, 1, 0).Select(x => 0.01 * x).ToArray();
        var theta = new float[256];
        for (var i = 0; i < 50; i++)
            theta[64 + i] = (float)(reference.Mean[i] + delta[i]);
        delta = [.. delta.Select((_, i) => theta[64 + i] - reference.Mean[i])];
        (theta[129], theta[192]) = (1.5f, 2f);
        theta[0] = theta[255] = 1e6f; // Gaps mean nothing.

        var gradient = new float[256];
        var expected = reference.Energy(delta) + 0.5 * 1.5 * 1.5 / Variance + 0.5 * (1 + 4 + 9) / 2;
        Assert.AreEqual(1, prior.Energy(theta, gradient) / expected, Tolerance);
        Assert.AreEqual(1.5 / Variance, gradient[129], 1e-6);
        Assert.AreEqual(-1.5, gradient[194], 1e-6);
        Assert.AreEqual(0, gradient[0]);
        var constant = -0.5 * (reference.LogDeterminant + 4 * Math.Log(Variance) + 3 * Math.Log(2) + 57 * Math.Log(2 * Math.PI));
        Assert.AreEqual(constant - expected, prior.LogDensity(theta), Tolerance * Math.Abs(constant));
    }

    [TestMethod]
    public void The_share_of_coordinates_in_which_epsilon_dominates_is_told()
    {
        var posterior = new Posterior(SyntheticPosterior.Metadata(2), [new PosteriorTensor("w", [4], new float[4], [0, 1e-3f, 1e-2f, 1], new float[8])]);
        var options = new RescaleOptions { Scale = 2, Epsilon = 4e-3 };
        Assert.AreEqual(0.5, GaussianPrior.Build([PriorSegment.Learned("w", 0, 4, 0)], 64, posterior, options).EpsilonShare);
    }

    [TestMethod]
    public void A_variance_of_zero_without_epsilon_is_refused_by_name()
    {
        var posterior = new Posterior(SyntheticPosterior.Metadata(2), [new PosteriorTensor("conv1.weight", [4], new float[4], [1, 1, 0, 1], new float[8])]);
        var error = Assert.ThrowsExactly<InvalidPriorException>(() => GaussianPrior.Build([PriorSegment.Learned("conv1.weight", 0, 4, 0)], 64, posterior));
        Assert.Contains("element 2 of 'conv1.weight'", error.Message);
        Assert.Contains("--epsilon", error.Message);
    }

    [TestMethod]
    [DataRow(0.0, 0.0, null)]
    [DataRow(-1.0, 0.0, null)]
    [DataRow(double.NaN, 0.0, null)]
    [DataRow(double.PositiveInfinity, 0.0, null)]
    [DataRow(1.0, -1e-9, null)]
    [DataRow(1.0, double.NaN, null)]
    [DataRow(1.0, 0.0, 1)]
    [DataRow(1.0, 0.0, -1)]
    [DataRow(1.0, 0.0, 6)]
    public void Options_out_of_range_are_refused(double scale, double epsilon, int? rank)
    {
        var options = new RescaleOptions { Scale = scale, Epsilon = epsilon, Rank = rank };
        Assert.ThrowsExactly<InvalidPriorException>(() => Build(SyntheticPosterior.Make(5, 1, Tensors), options));
    }

    [TestMethod]
    public void A_rescaled_posterior_is_the_prior_that_the_options_give()
    {
        var posterior = SyntheticPosterior.Make(5, 1, ("fc", [60]));
        var options = new RescaleOptions { Scale = 7, Epsilon = 1e-4, Rank = 3 };
        var (direct, _) = Build(posterior, options);
        var rescaled = GaussianPrior.Build([PriorSegment.Learned("fc", 0, 60, 0)], 64, new RescaledPosterior(posterior, options));
        var theta = SyntheticPosterior.Normals(64, 3, 0);
        Assert.AreEqual(1, rescaled.LogDensity(theta) / direct.LogDensity(theta), Tolerance);
    }

    /// <summary>A prior on a padded layout, and where each coordinate of the dense reference lies in it.</summary>
    private static (GaussianPrior Prior, int[] Places) Build(Posterior posterior, RescaleOptions options)
    {
        var segments = new List<PriorSegment>();
        var places = new List<int>();
        var offset = 0;
        for (var i = 0; i < posterior.Tensors.Count; i++)
        {
            var count = (int)posterior.Tensors[i].Count;
            segments.Add(PriorSegment.Learned(posterior.Tensors[i].Name, offset, count, i));
            places.AddRange(Enumerable.Range(offset, count));
            offset += (count + 63) / 64 * 64;
        }
        return (GaussianPrior.Build(segments, offset, posterior, options), [.. places]);
    }

    private static float[] Scatter(Func<int, double> value, GaussianPrior prior, int[] places)
    {
        var theta = new float[prior.Length];
        for (var i = 0; i < places.Length; i++)
            theta[places[i]] = (float)value(i);
        return theta;
    }

    private static double[] Gather(float[] flat, int[] places) => [.. places.Select(place => (double)flat[place])];

    private static double[] Delta(float[] theta, int[] places, DenseGaussian reference) =>
        [.. places.Select((place, i) => theta[place] - reference.Mean[i])];
}
