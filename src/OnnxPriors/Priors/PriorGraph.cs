using OnnxPriors.Graphs;

namespace OnnxPriors.Priors;

/// <summary>
/// The Gaussian prior as a piece of graph. With δ = θ − μ:
/// <code>
/// energy   ½(Σ aδ² − ‖Bᵀδ‖²)
/// gradient aδ − B(Bᵀδ)
/// </code>
/// B is stored [K, P], so its two reads are two matrix products. On the CPU provider Gemm with B transposed takes a tenth of the time of
/// MatMul(B, δ) for P in the millions, and errs a tenth as much. The sums of squares are taken in float64, since they nearly cancel
/// where θ leaves μ along the factor.
/// </summary>
internal static class PriorGraph
{
    /// <summary>Adds the prior to a graph.</summary>
    /// <param name="b">The graph.</param>
    /// <param name="theta">θ [P].</param>
    /// <param name="mean">μ [P].</param>
    /// <param name="precision">a [P].</param>
    /// <param name="factor">B [K, P], or null where the covariance is diagonal.</param>
    /// <returns>The energy [] and its gradient [P].</returns>
    public static (Value Energy, Value Gradient) Apply(GraphBuilder b, Value theta, Value mean, Value precision, Value? factor)
    {
        var delta = theta - mean;
        var diagonal = precision * delta;
        var energy = FlatSum.Of(b, diagonal * delta);
        if (factor is null)
            return (Half(b, energy), diagonal);
        var projection = b.Gemm(b.Reshape(delta, 1, -1), factor, transposeB: true);
        var wide = b.Cast(projection, ElementType.Double);
        return (Half(b, energy - b.SumAll(wide * wide)), diagonal - b.Reshape(b.MatMul(projection, factor), -1));
    }

    private static Value Half(GraphBuilder b, Value energy) => b.Cast(energy * 0.5, ElementType.Float);
}
