using OnnxPriors.Graphs;
using OnnxPriors.Onnx;
using OnnxPriors.Optimizers;
using OnnxPriors.Priors;

namespace OnnxPriors.Artifacts;

/// <summary>
/// Builds <c>update.onnx</c>: one update of a flat state of any length P (a multiple of 64), whatever the network. It clips the data
/// gradient's norm, adds the weighted prior's gradient, and applies the optimizer:
/// <code>
/// g = clip(gradient) + prior_weight · ∇energy(theta)
/// theta_next, states_next = optimizer(theta, g, states)
/// </code>
/// Nothing of the prior's values is in the file: μ, a and B are inputs, which a host maps from <c>prior.bin</c>.
/// </summary>
public static class UpdateModel
{
    /// <summary>The name of the state's length in the model's shapes.</summary>
    public const string Length = "P";

    /// <summary>Builds the model.</summary>
    /// <param name="optimizer">The update rule.</param>
    /// <param name="priorRank">K, the rank of the prior's factor; 0 for a diagonal prior, null for none.</param>
    /// <returns>The model, at the canonical opset.</returns>
    public static Model Build(Optimizer optimizer, int? priorRank)
    {
        ArgumentNullException.ThrowIfNull(optimizer);
        if (priorRank is { } rank)
            ArgumentOutOfRangeException.ThrowIfNegative(rank, nameof(priorRank));
        var b = new GraphBuilder();
        var theta = Flat("theta");
        var gradient = Flat("gradient");
        var learningRate = Scalar("learning_rate");
        var clipNorm = Scalar("clip_norm");
        var outputs = new List<(string, Value)>();

        var (total, norm) = GradientClipping.Apply(b, gradient, clipNorm);
        if (priorRank is { } columns)
        {
            var mean = Flat("prior_mean");
            var precision = Flat("prior_precision");
            var factor = columns > 0 ? b.Input("prior_factor", ElementType.Float, [columns, Dimension.Symbolic(Length)]) : null;
            var weight = Scalar("prior_weight");
            var (energy, slope) = PriorGraph.Apply(b, theta, mean, precision, factor);
            total += weight * slope;
            outputs.Add(("prior_energy", energy));
        }
        var step = new UpdateStep(theta, total, learningRate, [.. optimizer.States.Select(Flat)], [.. optimizer.Scalars.Select(Scalar)]);
        var next = optimizer.Apply(b, step);
        outputs.Insert(0, ("theta_next", next.Theta));
        outputs.InsertRange(1, optimizer.States.Zip(next.States, (name, state) => (name + "_next", state)));
        outputs.Add(("gradient_norm", norm));
        return Model.Canonical(b.Build(outputs, "update"));

        Value Flat(string name) => b.Input(name, ElementType.Float, [Dimension.Symbolic(Length)]);

        Value Scalar(string name) => b.Input(name, ElementType.Float, Shape.Scalar);
    }
}
