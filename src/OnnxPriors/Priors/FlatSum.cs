using OnnxPriors.Graphs;

namespace OnnxPriors.Priors;

/// <summary>
/// Sums over a flat vector [P] whose error does not grow with P: stretches of 64 in float32, where all is vectorised and nothing is
/// copied, their sums in float64. Flat states have a length that is a multiple of 64.
/// </summary>
internal static class FlatSum
{
    private const long Stretch = 64;

    /// <summary>Σ x² as float64 [].</summary>
    public static Value OfSquares(GraphBuilder b, Value x) => Total(b, b.ReduceSumSquare(Rows(b, x), [1], keep: false));

    /// <summary>Σ x as float64 [].</summary>
    public static Value Of(GraphBuilder b, Value x) => Total(b, b.ReduceSum(Rows(b, x), [1], keep: false));

    private static Value Rows(GraphBuilder b, Value x) => b.Reshape(x, -1, Stretch);

    private static Value Total(GraphBuilder b, Value partial) => b.SumAll(b.Cast(partial, ElementType.Double));
}
