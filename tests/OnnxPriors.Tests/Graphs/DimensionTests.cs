using OnnxPriors.Graphs;

namespace OnnxPriors.Tests.Graphs;

[TestClass]
public sealed class DimensionTests
{
    private static readonly Dimension N = Dimension.Symbolic("n");
    private static readonly Dimension H = Dimension.Symbolic("h");

    [TestMethod]
    public void Sums_and_products_collect_like_terms()
    {
        Assert.AreEqual((2 * N) + 3, N + 1 + N + 2);
        Assert.AreEqual((N * N) - 1, (N + 1) * (N - 1));
        Assert.AreEqual((Dimension)0, N - N);
        Assert.AreEqual((Dimension)12, (Dimension)3 * 4);
        Assert.AreEqual(N * H, H * N);
    }

    [TestMethod]
    public void The_unknown_stays_unknown_and_equals_nothing_known()
    {
        Assert.IsFalse((N + Dimension.Unknown).IsKnown);
        Assert.IsFalse((Dimension.Unknown * 2).IsKnown);
        Assert.AreEqual((Dimension)0, Dimension.Unknown * 0);
        Assert.AreNotEqual(Dimension.Unknown, N);
        Assert.IsFalse(Dimension.Symbolic("").IsKnown);
    }

    [TestMethod]
    public void A_quotient_that_comes_out_even_is_exact()
    {
        Assert.AreEqual(N * 4, (N * 12).DivideExactly(3));
        Assert.AreEqual((Dimension)6, (N * 6).DivideExactly(N));
        Assert.AreEqual(H + 1, ((N * H) + N).DivideExactly(N));
        Assert.IsNull((N + 1).DivideExactly(2));
        Assert.IsNull((N + 1).DivideExactly(N));
        Assert.IsNull(N.DivideExactly(Dimension.Unknown));
    }

    [TestMethod]
    [DataRow(7L, 2L, 3L, 4L)]
    [DataRow(-7L, 2L, -4L, -3L)]
    [DataRow(8L, 4L, 2L, 2L)]
    [DataRow(0L, 5L, 0L, 0L)]
    public void Quotients_of_numbers_round_down_and_up(long number, long divisor, long floor, long ceiling)
    {
        Assert.AreEqual((Dimension)floor, ((Dimension)number).FloorDivide(divisor));
        Assert.AreEqual((Dimension)ceiling, ((Dimension)number).CeilDivide(divisor));
    }

    [TestMethod]
    public void Two_ways_to_halve_a_height_are_equal()
    {
        Assert.AreEqual((H - 1).FloorDivide(2) + 1, (H + 1).FloorDivide(2));
        Assert.AreEqual(H.CeilDivide(2), (H + 1).FloorDivide(2));
        Assert.AreEqual(H, (2 * H).FloorDivide(2));
        Assert.AreNotEqual(H.FloorDivide(2), H.CeilDivide(2));
    }

    [TestMethod]
    public void Names_can_be_given_sizes()
    {
        var sizes = new Dictionary<string, Dimension> { ["n"] = 3, ["h"] = 5 };
        Assert.AreEqual((Dimension)46, ((N * N * H) + 1).Substitute(sizes));
        Assert.AreEqual((2 * H) + 3, (N + (2 * H)).Substitute(new Dictionary<string, Dimension> { ["n"] = 3 }));
        Assert.AreEqual("n", N.Symbol);
        Assert.IsNull((2 * N).Symbol);
        Assert.IsNull((N * H).Symbol);
    }

    [TestMethod]
    public void The_text_reads_like_the_expression()
    {
        Assert.AreEqual("2*n - 1", ((2 * N) - 1).ToString());
        Assert.AreEqual("h*n", (N * H).ToString());
        Assert.AreEqual("floor((1 + h)/2)".Replace("1 + h", "h + 1", StringComparison.Ordinal), (H + 1).FloorDivide(2).ToString());
        Assert.AreEqual("?", Dimension.Unknown.ToString());
        Assert.AreEqual("0", ((Dimension)0).ToString());
        Assert.AreEqual("-n", ((Dimension)0 - N).ToString());
    }

    [TestMethod]
    public void Sums_that_pass_64_bits_are_errors_not_wrong_numbers() =>
        Assert.ThrowsExactly<OverflowException>(() => (Dimension)long.MaxValue * (N + 2) * 3);
}
