using System.Collections.Immutable;
using OnnxPriors.Graphs;

namespace OnnxPriors.Optimizers;

/// <summary>
/// Stochastic gradient descent with momentum μ, as PyTorch's <c>SGD</c> without dampening has it:
/// <code>
/// m ← μ m + g
/// θ ← θ − η m            (heavy ball; Polyak 1964)
/// θ ← θ − η (g + μ m)    (Nesterov; Sutskever, Martens, Dahl, Hinton, ICML 2013)
/// </code>
/// </summary>
public sealed record Sgd : Optimizer
{
    /// <summary>Whether the momentum is Nesterov's.</summary>
    public bool Nesterov { get; init; }

    /// <inheritdoc/>
    public override string Name => "sgd";

    /// <inheritdoc/>
    public override ImmutableArray<string> States => ["momentum_buffer"];

    /// <inheritdoc/>
    public override ImmutableArray<string> Scalars => ["momentum"];

    /// <inheritdoc/>
    public override UpdateResult Apply(GraphBuilder b, UpdateStep step)
    {
        ArgumentNullException.ThrowIfNull(step);
        var (theta, g, rate) = (step.Theta, step.Gradient, step.LearningRate);
        var momentum = step.Scalars[0];
        var m = momentum * step.States[0] + g;
        var direction = Nesterov ? g + momentum * m : m;
        return new(theta - rate * direction, [m]);
    }
}
