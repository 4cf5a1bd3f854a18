using OnnxPriors.Torch.Fitting;
using static TorchSharp.torch;

namespace OnnxPriors.Torch.Tests.Fitting;

/// <summary>Each loss against its formula in plain loops, all in float64.</summary>
[TestClass]
public sealed class ViewLossesTests
{
    private const int Examples = 7, Width = 5;

    // Both sides are sums of a few hundred terms in float64.
    private const double Rounding = 1e-12;

    private readonly double[][] a = Rows(1), b = Rows(2);

    [TestMethod]
    [DataRow(0.5)]
    [DataRow(0.07)]
    public void NtXent_is_the_mean_over_all_views_of_their_partners_share(double temperature)
    {
        double[][] rows = [.. a.Concat(b).Select(row => row.Select(v => v / Math.Sqrt(row.Sum(w => w * w))).ToArray())];
        var expected = 0.0;
        for (var i = 0; i < rows.Length; i++)
        {
            var partner = (i + Examples) % rows.Length;
            var others = Enumerable.Range(0, rows.Length).Where(k => k != i).Sum(k => Math.Exp(Dot(rows[i], rows[k]) / temperature));
            expected -= Math.Log(Math.Exp(Dot(rows[i], rows[partner]) / temperature) / others) / rows.Length;
        }
        AssertLoss(expected, (x, y) => ViewLosses.NtXent(x, y, temperature));
    }

    [TestMethod]
    [DataRow(0.0051)]
    [DataRow(0.0)]
    public void Barlow_Twins_is_the_cross_correlations_distance_from_the_identity(double redundancy)
    {
        double[][] x = Standardised(a), y = Standardised(b);
        var expected = 0.0;
        for (var i = 0; i < Width; i++)
            for (var j = 0; j < Width; j++)
            {
                var c = Enumerable.Range(0, Examples).Sum(n => x[n][i] * y[n][j]) / Examples;
                expected += i == j ? (1 - c) * (1 - c) : redundancy * c * c;
            }
        AssertLoss(expected, (p, q) => ViewLosses.BarlowTwins(p, q, redundancy));
    }

    [TestMethod]
    public void VicReg_weighs_invariance_variance_and_covariance()
    {
        var invariance = 0.0;
        for (var n = 0; n < Examples; n++)
            for (var i = 0; i < Width; i++)
                invariance += Math.Pow(a[n][i] - b[n][i], 2) / (Examples * Width);
        var expected = 25 * invariance + 25 * (Spread(a) + Spread(b)) / 2 + Covariance(a) + Covariance(b);
        Assert.IsGreaterThan(0, Spread(a), "Some deviation must be below 1 for its term to be seen.");
        AssertLoss(expected, ViewLosses.VicReg);

        double Spread(double[][] x) => Enumerable.Range(0, Width).Average(i => Math.Max(0, 1 - Math.Sqrt(Moment(x, i, i) + 1e-4)));

        double Covariance(double[][] x)
        {
            var sum = 0.0;
            for (var i = 0; i < Width; i++)
                for (var j = 0; j < Width; j++)
                    sum += i == j ? 0 : Math.Pow(Moment(x, i, j), 2) / Width;
            return sum;
        }
    }

    [TestMethod]
    public void Views_that_agree_cost_less_than_views_that_are_mixed_up()
    {
        using var scope = NewDisposeScope();
        var (x, near) = (Tensor(a), Tensor([.. a.Select(row => row.Select(v => v + 0.01).ToArray())]));
        var mixed = Tensor([.. a.Skip(1), a[0]]);
        foreach (var loss in (Func<Tensor, Tensor, Tensor>[])[(p, q) => ViewLosses.NtXent(p, q, 0.5), (p, q) => ViewLosses.BarlowTwins(p, q, 0.0051), ViewLosses.VicReg])
            Assert.IsLessThan(loss(x, mixed).item<double>(), loss(x, near).item<double>());
    }

    private void AssertLoss(double expected, Func<Tensor, Tensor, Tensor> loss)
    {
        using var scope = NewDisposeScope();
        Assert.AreEqual(expected, loss(Tensor(a), Tensor(b)).item<double>(), Rounding * Math.Abs(expected) + Rounding);
    }

    private static Tensor Tensor(double[][] rows) => tensor(rows.SelectMany(row => row).ToArray(), [rows.Length, Width]);

    private static double Dot(double[] x, double[] y) => x.Zip(y, (p, q) => p * q).Sum();

    private static double Moment(double[][] x, int i, int j)
    {
        double first = x.Average(row => row[i]), second = x.Average(row => row[j]);
        return x.Sum(row => (row[i] - first) * (row[j] - second)) / (Examples - 1);
    }

    private static double[][] Standardised(double[][] x)
    {
        double[] mean = [.. Enumerable.Range(0, Width).Select(i => x.Average(row => row[i]))];
        double[] deviation = [.. Enumerable.Range(0, Width).Select(i => Math.Sqrt(x.Average(row => Math.Pow(row[i] - mean[i], 2)) + 1e-5))];
        return [.. x.Select(row => row.Select((v, i) => (v - mean[i]) / deviation[i]).ToArray())];
    }

    private static double[][] Rows(int seed)
    {
        var random = new Random(seed);
        return [.. Enumerable.Range(0, Examples).Select(_ => Enumerable.Range(0, Width).Select(_ => 2 * random.NextDouble() - 1).ToArray())];
    }
}
