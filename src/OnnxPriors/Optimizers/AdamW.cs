using System.Collections.Immutable;
using OnnxPriors.Graphs;

namespace OnnxPriors.Optimizers;

/// <summary>
/// Adam with decoupled weight decay λ (Loshchilov and Hutter, 'Decoupled Weight Decay Regularization', ICLR 2019, algorithm 2, with the
/// decay multiplied by the learning rate as in PyTorch's <c>AdamW</c>); t counts the updates from 1:
/// <code>
/// m ← β₁ m + (1 − β₁) g
/// v ← β₂ v + (1 − β₂) g²
/// θ ← (1 − η λ) θ − η / (1 − β₁ᵗ) · m / (√v / √(1 − β₂ᵗ) + ε)
/// </code>
/// </summary>
public sealed record AdamW : Optimizer
{
    /// <summary>β₁, 0 to 1.</summary>
    public double Beta1 { get; init; } = 0.9;

    /// <summary>β₂, 0 to 1.</summary>
    public double Beta2 { get; init; } = 0.999;

    /// <summary>ε, above 0.</summary>
    public double Epsilon { get; init; } = 1e-8;

    /// <summary>λ, 0 or above: shrinks every weight towards zero, beside whatever prior there is.</summary>
    public double WeightDecay { get; init; }

    /// <inheritdoc/>
    public override string Name => "adamw";

    /// <inheritdoc/>
    public override ImmutableArray<string> States => ["moment1", "moment2"];

    /// <inheritdoc/>
    public override ImmutableArray<string> Scalars => ["step"];

    /// <inheritdoc/>
    public override ImmutableSortedDictionary<string, double> Hyperparameters => new Dictionary<string, double>
    {
        ["beta1"] = Beta1,
        ["beta2"] = Beta2,
        ["epsilon"] = Epsilon,
        ["weight_decay"] = WeightDecay,
    }.ToImmutableSortedDictionary(StringComparer.Ordinal);

    /// <inheritdoc/>
    public override UpdateResult Apply(GraphBuilder b, UpdateStep step)
    {
        ArgumentNullException.ThrowIfNull(b);
        ArgumentNullException.ThrowIfNull(step);
        var (theta, g, rate) = (step.Theta, step.Gradient, step.LearningRate);
        // 1 − β₂ᵗ loses four digits to cancellation in float32; these are scalars, so float64 costs nothing.
        var t = b.Cast(step.Scalars[0], ElementType.Double);
        var unbias1 = 1 - b.Pow(b.Scalar(Beta1, ElementType.Double), t);
        var unbias2 = b.Sqrt(1 - b.Pow(b.Scalar(Beta2, ElementType.Double), t));
        var pace = b.Cast(b.Cast(rate, ElementType.Double) / unbias1, ElementType.Float);
        var root = b.Cast(unbias2, ElementType.Float);

        var m = step.States[0] * Beta1 + g * (1 - Beta1);
        var v = step.States[1] * Beta2 + g * g * (1 - Beta2);
        var decayed = WeightDecay == 0 ? theta : theta * (1 - rate * WeightDecay);
        return new(decayed - pace * (m / (b.Sqrt(v) / root + Epsilon)), [m, v]);
    }
}
