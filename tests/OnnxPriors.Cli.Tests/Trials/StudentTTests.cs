using OnnxPriors.Cli.Trials;

namespace OnnxPriors.Cli.Tests.Trials;

[TestClass]
public sealed class StudentTTests
{
    [TestMethod]
    [DataRow(1, 12.706)]
    [DataRow(4, 2.776)]
    [DataRow(10, 2.228)]
    [DataRow(11, 2.201)]
    [DataRow(15, 2.131)]
    [DataRow(30, 2.042)]
    [DataRow(120, 1.980)]
    public void The_quantile_is_the_tables(int freedom, double quantile) => Assert.AreEqual(quantile, StudentT.Quantile975(freedom), 3e-3);

    [TestMethod]
    public void No_freedom_has_none() => Assert.ThrowsExactly<ArgumentOutOfRangeException>(() => StudentT.Quantile975(0));

    [TestMethod]
    public void A_confidence_interval_is_the_quantile_times_the_standard_error()
    {
        var found = PairedComparison.Of([1.1, 1.8, 3.3, 4.4, 5.5], [1, 2, 3, 4, 5]);
        Assert.AreEqual(2.776 * found.StandardError, found.Margin, 1e-12);
        Assert.IsTrue(double.IsNaN(PairedComparison.Of([1], [2]).Margin));
    }
}
