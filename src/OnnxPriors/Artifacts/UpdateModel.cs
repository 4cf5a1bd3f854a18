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
/// With the proximal step the optimizer takes the clipped gradient and the prior apart (<see cref="ProximalSgd"/>), the inputs are D and W
/// in place of a and B, M⁻¹ [K, K] as <c>prior_inverse</c>, which a host computes by <see cref="ProximalGram"/> whenever learning rate, prior
/// weight or momentum changes, and <c>prior_energy</c> is that of the next θ.
/// Nothing of the prior's values is in the file: a host maps them from <c>prior.bin</c>.
/// </summary>
public static class UpdateModel
{
    /// <summary>The name of the state's length in the model's shapes.</summary>
    public const string Length = "P";

    /// <summary>Builds the model.</summary>
    /// <param name="optimizer">The update rule.</param>
    /// <param name="priorRank">K, the rank of the prior's factor; 0 for a diagonal prior, null for none.</param>
    /// <param name="step">How the prior is taken.</param>
    /// <param name="learnsScale">Whether λ and the head's variance are learned (<see cref="EvidenceBound"/>): features and head have weights of their own, and the slope along the noise comes out.</param>
    /// <returns>The model, at the canonical opset.</returns>
    /// <exception cref="ArtifactException">The proximal step is asked of another rule than SGD, or the scale is to be learned without it.</exception>
    public static Model Build(Optimizer optimizer, int? priorRank, PriorStep step = PriorStep.Plain, bool learnsScale = false)
    {
        ArgumentNullException.ThrowIfNull(optimizer);
        if (priorRank is { } rank)
            ArgumentOutOfRangeException.ThrowIfNegative(rank, nameof(priorRank));
        var isProximal = step == PriorStep.Proximal && priorRank is not null;
        if (isProximal && optimizer is not Sgd)
            throw new ArtifactException($"The proximal step is SGD's; with {optimizer.Name} bake with --prior-step plain.");
        if (learnsScale && !isProximal)
            throw new ArtifactException("The prior's scale is learned under the proximal step alone; bake with a prior, --optimizer sgd and --prior-step proximal.");
        var b = new GraphBuilder();
        var inputs = new UpdateInputs(b);
        var outputs = new List<(string, Value)>();
        var (theta, gradient, rate, clip) = (inputs.Flat("theta"), inputs.Flat("gradient"), inputs.Scalar("learning_rate"), inputs.Scalar("clip_norm"));
        var (total, norm) = GradientClipping.Apply(b, gradient, clip);
        UpdateStep At(Value g) => new(theta, g, rate, [.. optimizer.States.Select(inputs.Flat)], [.. optimizer.Scalars.Select(inputs.Scalar)]);
        UpdateResult next;
        if (isProximal)
        {
            var prior = inputs.Proximal(priorRank!.Value, learnsScale, out var head);
            var perturbed = learnsScale ? inputs.Flat("perturbed") : null;
            var update = ProximalSgd.Apply(b, ((Sgd)optimizer).Nesterov, At(total), prior);
            next = new(update.Theta, [update.Buffer]);
            outputs.AddRange(Energies(b, update, head));
            if (perturbed is not null)
                outputs.Add(("noise_slope", b.Cast(FlatSum.Of(b, total * (perturbed - theta)), ElementType.Float)));
        }
        else
        {
            if (priorRank is { } columns)
            {
                var (mean, precision, factor) = (inputs.Flat("prior_mean"), inputs.Flat("prior_precision"), inputs.Factor(columns));
                var weight = inputs.Scalar("prior_weight");
                var (energy, slope) = PriorGraph.Apply(b, theta, mean, precision, factor);
                total += weight * slope;
                outputs.Add(("prior_energy", energy));
            }
            next = optimizer.Apply(b, At(total));
        }
        outputs.Insert(0, ("theta_next", next.Theta));
        outputs.InsertRange(1, optimizer.States.Zip(next.States, (name, state) => (name + "_next", state)));
        outputs.Add(("gradient_norm", norm));
        return Model.Canonical(b.Build(outputs, "update"));
    }

    // ½δᵀΣ⁻¹δ, and where the head counts for itself its share apart: tensors begin at multiples of the stretches that are summed first, so
    // the difference of the sums is exact.
    private static IEnumerable<(string, Value)> Energies(GraphBuilder b, ProximalUpdate update, Value? head)
    {
        var terms = update.Delta * update.Slope;
        var all = FlatSum.Of(b, terms);
        if (head is null)
            return [("prior_energy", Half(all))];
        var own = FlatSum.Of(b, terms * head);
        return [("prior_energy", Half(all - own)), ("head_energy", Half(own))];

        Value Half(Value sum) => b.Cast(sum * 0.5, ElementType.Float);
    }

    private sealed class UpdateInputs(GraphBuilder b)
    {
        public Value Flat(string name) => b.Input(name, ElementType.Float, [Dimension.Symbolic(Length)]);

        public Value Scalar(string name) => b.Input(name, ElementType.Float, Shape.Scalar);

        public Value? Factor(int columns) => columns > 0 ? b.Input("prior_factor", ElementType.Float, [columns, Dimension.Symbolic(Length)]) : null;

        public ProximalInputs Proximal(int columns, bool learnsScale, out Value? head)
        {
            var (mean, variance, factor) = (Flat("prior_mean"), Flat("prior_variance"), Factor(columns));
            var inverse = columns > 0 ? b.Input("prior_inverse", ElementType.Float, [columns, columns]) : null;
            var weight = Scalar("prior_weight");
            head = learnsScale ? Flat("prior_head") : null;
            if (head is not null)
                weight = head * Scalar("head_weight") + (1 - head) * weight;
            return new(mean, variance, factor, inverse, weight);
        }
    }
}

/// <summary>
/// Builds <c>perturb.onnx</c>, which goes before the gradient where the prior's scale is learned: a draw from q(θ) = N(theta, sigma² I).
/// <code>
/// perturbed = theta + sigma · ξ,   ξ ~ N(0, I)
/// </code>
/// ξ is a RandomNormalLike node named <c>noise</c>, which a host that must repeat a run replaces by an input (<see cref="NoiseInput"/>).
/// </summary>
public static class PerturbModel
{
    /// <summary>Builds the model.</summary>
    public static Model Build()
    {
        var b = new GraphBuilder();
        var theta = b.Input("theta", ElementType.Float, [Dimension.Symbolic(UpdateModel.Length)]);
        var sigma = b.Input("sigma", ElementType.Float, Shape.Scalar);
        return Model.Canonical(b.Build([("perturbed", theta + sigma * Noise.Like(b, theta))], "perturb"));
    }
}
