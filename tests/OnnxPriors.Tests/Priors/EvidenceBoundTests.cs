using OnnxPriors.Priors;

namespace OnnxPriors.Tests.Priors;

[TestClass]
public sealed class EvidenceBoundTests
{
    private const int Features = 24, Heads = 6, Examples = 40;

    private static readonly DenseGaussian Prior = DenseGaussian.Of(SyntheticPosterior.Make(4, 1, ("w", [Features])), new RescaleOptions { Scale = 50 });
    private static readonly double[] Theta = [.. SyntheticPosterior.Normals(Features + Heads, 4, 0).Select(z => 0.1 * z)];
    private static readonly double[] Centre = [.. SyntheticPosterior.Normals(Features + Heads, 5, 0).Select(z => 0.1 * z)];

    // tr Σ⁻¹ by solving for each unit vector: no identity of the code under test.
    private static readonly EvidenceBound Bound = new(
        new EvidenceGroup(Features, Enumerable.Range(0, Features).Sum(i => Prior.Gradient([.. Enumerable.Range(0, Features).Select(j => i == j ? 1.0 : 0)])[i]), Prior.LogDeterminant),
        new EvidenceGroup(Heads, Heads, 0));

    private static readonly double[] Delta = [.. Theta.Take(Features).Zip(Prior.Mean, (t, m) => t - m)];
    private static readonly (double Features, double Head) Distances = (2 * Prior.Energy(Delta), Theta.Skip(Features).Sum(t => t * t));

    // A loss whose mean under the noise is known: ½‖θ − c‖² an example.
    private static double MeanLoss(double sigma) => 0.5 * (Theta.Zip(Centre, (t, c) => (t - c) * (t - c)).Sum() + Theta.Length * sigma * sigma);

    [TestMethod]
    [DataRow(0.05, 3.0, 0.2)]
    [DataRow(0.2, 0.5, 1.5)]
    public void It_is_the_mean_of_its_terms_over_draws_of_the_posterior(double sigma, double lambda, double tau)
    {
        const int Draws = 20_000;
        var kappa = (double)(Features + Heads) / Examples;
        var scaled = new DenseGaussian(Prior.Mean, [.. Prior.Diagonal.Select(d => lambda * d)], [.. Prior.Factor.Select(w => w.Select(x => Math.Sqrt(lambda) * x).ToArray())]);
        var (sum, squares) = (0.0, 0.0);
        for (var draw = 0u; draw < Draws; draw++)
        {
            var noise = SyntheticPosterior.Normals(Features + Heads, 6, draw);
            double[] at = [.. Theta.Select((t, i) => t + sigma * noise[i])];
            var likelihood = -Examples * 0.5 * at.Zip(Centre, (t, c) => (t - c) * (t - c)).Sum();
            var prior = scaled.LogDensity([.. at.Take(Features).Zip(Prior.Mean, (t, m) => t - m)])
                + at.Skip(Features).Sum(t => -0.5 * (t * t / tau + Math.Log(2 * Math.PI * tau)));
            var posterior = noise.Sum(z => -0.5 * ((double)z * z + Math.Log(2 * Math.PI * sigma * sigma)));
            var term = kappa * likelihood + prior - posterior;
            sum += term;
            squares += term * term;
        }
        var mean = sum / Draws;
        var error = Math.Sqrt((squares / Draws - mean * mean) / Draws);
        Assert.AreEqual(mean, Bound.Value(MeanLoss(sigma), Distances, sigma, (lambda, tau)), 4 * error);
        Assert.IsLessThan(0.01 * Math.Abs(mean), error, "the estimate tells something");
    }

    [TestMethod]
    [DataRow(0.001)]
    [DataRow(0.05)]
    [DataRow(0.5)]
    public void The_scales_in_closed_form_are_those_at_which_it_is_largest(double sigma)
    {
        var best = Best(sigma);
        Assert.AreEqual(1, Largest(scale => Bound.Value(1, Distances, sigma, (scale, best.Head))) / best.Features, 1e-6);
        Assert.AreEqual(1, Largest(scale => Bound.Value(1, Distances, sigma, (best.Features, scale))) / best.Head, 1e-6);
    }

    [TestMethod]
    [DataRow(0.001)]
    [DataRow(0.05)]
    public void Its_slope_by_the_deviation_is_that_of_its_profile(double sigma)
    {
        double Profile(double log) => -Bound.Value(MeanLoss(Math.Exp(log)), Distances, Math.Exp(log), Best(Math.Exp(log))) / Bound.Count;
        const double Step = 1e-4;
        var expected = (Profile(Math.Log(sigma) + Step) - Profile(Math.Log(sigma) - Step)) / (2 * Step);
        // ∂ mean loss / ∂ log σ = n σ².
        Assert.AreEqual(expected, Bound.SlopeByLogSigma(Theta.Length * sigma * sigma, sigma, Best(sigma)), 1e-6);
    }

    private static (double Features, double Head) Best(double sigma) =>
        (Bound.Features.BestScale(Distances.Features, sigma), Bound.Head.BestScale(Distances.Head, sigma));

    // By bisection of its numerical slope over log scale: about the top itself the values are too flat to compare.
    private static double Largest(Func<double, double> value)
    {
        double Slope(double log) => value(Math.Exp(log + 1e-5)) - value(Math.Exp(log - 1e-5));
        var (low, high) = (-40.0, 40.0);
        for (var i = 0; i < 100; i++)
        {
            var middle = (low + high) / 2;
            (low, high) = Slope(middle) > 0 ? (middle, high) : (low, middle);
        }
        return Math.Exp((low + high) / 2);
    }
}
