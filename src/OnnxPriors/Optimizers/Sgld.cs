using System.Collections.Immutable;
using OnnxPriors.Graphs;

namespace OnnxPriors.Optimizers;

/// <summary>
/// Stochastic gradient Langevin dynamics (Welling and Teh, ICML 2011) on Ũ = U / N, the mean loss plus the weighted prior energy:
/// <code>
/// θ ← θ − η g + √(2 η) s ξ,   ξ ~ N(0, I),   g = ∇Ũ
/// </code>
/// With noise scale s = √(T / N) the chain samples exp(−U / T), U = N · mean loss − log p(θ); with s = 0 it is plain descent. In the
/// paper's terms the step size is ε = 2 η / N.
/// </summary>
public sealed record Sgld : Optimizer
{
    /// <inheritdoc/>
    public override string Name => "sgld";

    /// <inheritdoc/>
    public override ImmutableArray<string> Scalars => ["noise_scale"];

    /// <inheritdoc/>
    public override UpdateResult Apply(GraphBuilder b, UpdateStep step)
    {
        ArgumentNullException.ThrowIfNull(b);
        ArgumentNullException.ThrowIfNull(step);
        var (theta, g, rate) = (step.Theta, step.Gradient, step.LearningRate);
        var amplitude = b.Sqrt(2 * rate) * step.Scalars[0];
        return new(theta - rate * g + amplitude * Noise.Like(b, theta), []);
    }
}
