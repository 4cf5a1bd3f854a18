using OnnxPriors.Cli.Demo;
using OnnxPriors.Cli.Trials;

namespace OnnxPriors.Cli.Tests.Trials;

[TestClass]
public sealed class PairedComparisonTests
{
    // Means, errors and p-values by scipy.stats.ttest_rel; the tolerance is the digits written here.
    private const double Written = 5e-5;

    [TestMethod]
    public void A_steady_difference_is_clear()
    {
        // t = 4.2426, p = 0.0132
        var found = PairedComparison.Of([1.1, 2.2, 3.3, 4.4, 5.5], [1, 2, 3, 4, 5]);
        Assert.AreEqual(0.3, found.Difference, Written);
        Assert.AreEqual(0.0707, found.StandardError, Written);
        Assert.IsTrue(found.IsClear);
    }

    [TestMethod]
    public void A_difference_that_changes_from_seed_to_seed_is_not()
    {
        // t = 1.7728, p = 0.151
        var found = PairedComparison.Of([1.1, 1.8, 3.3, 4.4, 5.5], [1, 2, 3, 4, 5]);
        Assert.AreEqual(0.22, found.Difference, Written);
        Assert.AreEqual(0.1241, found.StandardError, Written);
        Assert.IsFalse(found.IsClear);
    }

    [TestMethod]
    public void What_the_draws_have_in_common_does_not_count() =>
        // Unpaired, the spread of 0 … 100 would hide a difference of 1.
        Assert.IsTrue(PairedComparison.Of([1.1, 26, 50.9, 76, 101], [0, 25, 50, 75, 100]).IsClear);

    [TestMethod]
    public void Equal_values_and_single_seeds_show_nothing()
    {
        Assert.IsFalse(PairedComparison.Of([1, 2], [1, 2]).IsClear);
        Assert.IsFalse(PairedComparison.Of([1], [2]).IsClear);
        Assert.IsFalse(PairedComparison.Of([1, double.NaN], [2, 2]).IsClear);
    }

    [TestMethod]
    public void Ways_of_different_seeds_cannot_be_compared() =>
        Assert.ThrowsExactly<ArgumentException>(() => PairedComparison.Of([1, 2], [1, 2, 3]));

    [TestMethod]
    public void A_figure_is_mean_and_sample_deviation()
    {
        var figure = Figure.Of([0.1, 0.2, 0.3, 0.4, 0.5]);
        Assert.AreEqual(0.3, figure.Mean, 1e-15);
        Assert.AreEqual(Math.Sqrt(0.025), figure.Spread, 1e-15);
        Assert.AreEqual("30.0 ± 15.8", figure.Format(100, 1));
    }
}
