using OnnxPriors.Cli.Trials;
using OnnxPriors.Runtime.Training;

namespace OnnxPriors.Cli.Tests.Trials;

[TestClass]
public sealed class SelectionTests
{
    [TestMethod]
    public void The_least_validation_likelihood_loss_wins_whatever_its_accuracy() =>
        Assert.AreEqual(1, Selection.Best([Run(0.5, accuracy: 0.9), Run(0.4, accuracy: 0.7), Run(0.6, accuracy: 0.95)]));

    [TestMethod]
    public void The_first_of_equals_wins() => Assert.AreEqual(0, Selection.Best([Run(0.4), Run(0.4)]));

    [TestMethod]
    public void A_diverged_run_is_never_chosen() =>
        Assert.AreEqual(3, Selection.Best([null, Run(double.NaN), Run(double.NegativeInfinity), Run(9)]));

    [TestMethod]
    public void Nothing_is_chosen_where_all_diverged() => Assert.IsNull(Selection.Best([null, Run(double.NaN)]));

    [TestMethod]
    public void The_way_to_export_has_the_least_mean_over_the_seeds() =>
        // The third way has the best single run, the second the best mean.
        Assert.AreEqual(1, Selection.BestWay([[Run(0.5), Run(0.5)], [Run(0.4), Run(0.4)], [Run(0.1), Run(0.9)]]));

    private static ValidationMetrics Run(double nll, double accuracy = 0.8) => new(accuracy, nll, Ece: 0.1, Brier: 0.2, Examples: 50);
}
