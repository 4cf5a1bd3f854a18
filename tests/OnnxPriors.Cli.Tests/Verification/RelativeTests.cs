using OnnxPriors.Cli.Verification;

namespace OnnxPriors.Cli.Tests.Verification;

/// <summary>Distances of tensors, and what becomes of numbers that are none.</summary>
[TestClass]
public sealed class RelativeTests
{
    [TestMethod]
    public void The_worst_tensor_is_named_with_its_distance()
    {
        var (error, name) = Relative.Worst(Of(("a", [3, 4.5]), ("b", [1, 0])), Of(("a", [3, 4]), ("b", [1, 0])));
        Assert.AreEqual((0.1, "a"), (Math.Round(error, 12), name));
    }

    [TestMethod]
    [DataRow(double.NaN, 1.0)]
    [DataRow(1.0, double.NaN)]
    [DataRow(double.PositiveInfinity, 1.0)]
    [DataRow(1.0, double.NegativeInfinity)]
    [DataRow(double.PositiveInfinity, double.NegativeInfinity)]
    public void What_only_one_side_has_is_the_farthest_number_there_is(double actual, double expected)
    {
        var (error, name) = Relative.Worst(Of(("a", [1, actual]), ("b", [2])), Of(("a", [1, expected]), ("b", [1])));
        Assert.AreEqual((double.MaxValue, "a"), (error, name));
    }

    [TestMethod]
    public void Infinities_of_one_sign_and_what_is_no_number_on_both_sides_agree() =>
        Assert.AreEqual(0, Relative.Worst(Of(("a", [double.NaN, double.PositiveInfinity])), Of(("a", [double.NaN, double.PositiveInfinity]))).Error);

    private static Dictionary<string, double[]> Of(params (string Name, double[] Values)[] tensors) => tensors.ToDictionary(t => t.Name, t => t.Values);
}
