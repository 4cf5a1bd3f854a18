using System.Collections.Immutable;
using OnnxPriors.Graphs;

namespace OnnxPriors.Optimizers;

/// <summary>
/// Stochastic gradient Hamiltonian Monte Carlo (Chen, Fox, Guestrin, ICML 2014, equation 15) with friction α on Ũ = U / N, the mean loss
/// plus the weighted prior energy:
/// <code>
/// v ← (1 − α) v − η g + √(2 α η) s ξ,   ξ ~ N(0, I),   g = ∇Ũ
/// θ ← θ + v
/// </code>
/// With noise scale s = √(T / N) the chain samples exp(−U / T), U = N · mean loss − log p(θ); with s = 0 it is descent with momentum
/// 1 − α, for which η is the learning rate. The gradient noise's own variance (β̂ in the paper) is taken as 0.
/// </summary>
public sealed record Sghmc : Optimizer
{
    /// <inheritdoc/>
    public override string Name => "sghmc";

    /// <inheritdoc/>
    public override ImmutableArray<string> States => ["velocity"];

    /// <inheritdoc/>
    public override ImmutableArray<string> Scalars => ["friction", "noise_scale"];

    /// <inheritdoc/>
    public override UpdateResult Apply(GraphBuilder b, UpdateStep step)
    {
        ArgumentNullException.ThrowIfNull(b);
        ArgumentNullException.ThrowIfNull(step);
        var (theta, g, rate) = (step.Theta, step.Gradient, step.LearningRate);
        var friction = step.Scalars[0];
        var amplitude = b.Sqrt(2 * friction * rate) * step.Scalars[1];
        var velocity = (1 - friction) * step.States[0] - rate * g + amplitude * Noise.Like(b, theta);
        return new(theta + velocity, [velocity]);
    }
}
