using OnnxPriors.Cli.Reports;

namespace OnnxPriors.Cli.Tests.Reports;

[TestClass]
public sealed class AxisTests
{
    [TestMethod]
    [DataRow(0.21, 0.93, new[] { 0.2, 0.4, 0.6, 0.8, 1.0 })]
    [DataRow(0.871, 0.912, new[] { 0.87, 0.88, 0.89, 0.90, 0.91, 0.92 })]
    [DataRow(-3.0, 41.0, new[] { -10.0, 0, 10, 20, 30, 40, 50 })]
    public void A_linear_axis_covers_its_values_from_tick_to_round_tick(double low, double high, double[] expected)
    {
        var axis = Axis.Covering([high, low], 100, 0);

        AssertEqual(expected, axis.Ticks());
        Assert.AreEqual(100, axis.At(expected[0]), 1e-9);
        Assert.AreEqual(0, axis.At(expected[^1]), 1e-9);
        Assert.AreEqual(50, axis.At((expected[0] + expected[^1]) / 2), 1e-9);
    }

    [TestMethod]
    [DataRow(0.27, 1.7, new[] { 0.2, 0.5, 1.0, 2.0 })]
    [DataRow(0.2, 1.0, new[] { 0.2, 0.5, 1.0 })]
    [DataRow(0.31, 0.32, new[] { 0.2, 0.5 })]
    [DataRow(0.5, 0.5, new[] { 0.5, 1.0 })]
    [DataRow(0.09, 30.0, new[] { 0.05, 0.1, 0.2, 0.5, 1, 2, 5, 10, 20, 50 })]
    public void A_logarithmic_axis_covers_its_values_in_steps_of_1_2_5(double low, double high, double[] expected)
    {
        var axis = Axis.CoveringLogarithmically([high, low], 0, 100);

        AssertEqual(expected, axis.Ticks());
        Assert.AreEqual(50, axis.At(Math.Sqrt(expected[0] * expected[^1])), 1e-9);
    }

    [TestMethod]
    public void Values_that_are_not_finite_or_beyond_the_ends_do_not_leave_the_drawing()
    {
        var axis = Axis.Covering([0, 1, double.NaN, double.PositiveInfinity], 0, 100);

        Assert.AreEqual(100, axis.At(7));
        Assert.AreEqual(0, axis.At(-7));
    }

    [TestMethod]
    public void Equal_values_and_no_values_still_give_an_axis()
    {
        Assert.IsGreaterThan(0.9, Axis.Covering([0.9, 0.9], 0, 100).High);
        Assert.AreEqual(1, Axis.Covering([], 0, 100).High);
        Assert.IsGreaterThan(0, Axis.CoveringLogarithmically([0, 0], 0, 100).Low);
    }

    private static void AssertEqual(double[] expected, IEnumerable<double> actual)
    {
        var values = actual.ToArray();
        Assert.HasCount(expected.Length, values, string.Join(", ", values));
        for (var i = 0; i < expected.Length; i++)
            Assert.AreEqual(expected[i], values[i], 1e-9);
    }
}
