using OnnxPriors.Graphs;
using OnnxPriors.Priors;

namespace OnnxPriors.Optimizers;

/// <summary>
/// Clipping by the global norm (Pascanu, Mikolov, Bengio, ICML 2013), as PyTorch's <c>clip_grad_norm_</c> has it:
/// g ← g · min(1, c / (‖g‖ + 10⁻⁶)). A bound c of 0, below 0 or +∞ leaves the gradient as it is.
/// </summary>
internal static class GradientClipping
{
    /// <summary>Adds the clipping to a graph.</summary>
    /// <param name="b">The graph.</param>
    /// <param name="gradient">g [P].</param>
    /// <param name="bound">c [].</param>
    /// <returns>The clipped gradient [P] and ‖g‖ [] before clipping.</returns>
    public static (Value Gradient, Value Norm) Apply(GraphBuilder b, Value gradient, Value bound)
    {
        var norm = b.Cast(b.Sqrt(FlatSum.OfSquares(b, gradient)), ElementType.Float);
        var factor = b.Min(bound / (norm + 1e-6), b.Scalar(1));
        return (gradient * b.Where(b.Greater(bound, b.Scalar(0)), factor, b.Scalar(1)), norm);
    }
}
