using OnnxPriors.Graphs;

namespace OnnxPriors.Artifacts.OrtTraining;

/// <summary>
/// The prior of one trained tensor, as its package keeps it: what is constant over the tensor is one number, what is zero is not there.
/// </summary>
/// <param name="Parameter">The trained tensor.</param>
/// <param name="HasMean">Whether μ is a tensor; else it is zero.</param>
/// <param name="IsIsotropic">Whether the precision is one number.</param>
/// <param name="Rank">The rows of B; 0 where the tensor has none.</param>
internal sealed record TensorPrior(string Parameter, bool HasMean, bool IsIsotropic, int Rank)
{
    public string MeanName => $"{Parameter}.prior_mean";

    public string PrecisionName => $"{Parameter}.prior_precision";

    public string FactorName => $"{Parameter}.prior_factor";

    /// <summary>The priors of a step's parameters; none where there is no prior.</summary>
    public static IReadOnlyList<TensorPrior> Of(IEnumerable<(string Name, bool IsHead)> parameters, ManifestPrior prior) =>
        !prior.IsPresent
            ? []
            : [.. parameters.Select(p => p.IsHead || prior.Kind == "zero" ? new TensorPrior(p.Name, HasMean: false, IsIsotropic: true, 0)
                : new TensorPrior(p.Name, HasMean: true, IsIsotropic: prior.Kind != "learned", prior.Kind == "learned" ? prior.Rank : 0))];
}

/// <summary>A tensor prior's inputs in a graph.</summary>
internal sealed record TensorPriorInputs(Value Theta, Value? Mean, Value Precision, Value? Factor);

/// <summary>
/// The Gaussian prior over named tensors, where no flat state is: with δₜ = θₜ − μₜ for each tensor t,
/// <code>
/// energy   ½(Σₜ Σ aₜδₜ² − ‖Σₜ Bₜᵀδₜ‖²)
/// gradient aₜδₜ − Bₜ(Σₛ Bₛᵀδₛ)
/// </code>
/// The projections of all tensors meet in one vector [1, K], so correlations between tensors are kept. B is read twice, by Gemm with the
/// second factor transposed and by MatMul: no constant is ever copied in another order. Sums are ended in float64, since their difference
/// nearly cancels where θ leaves μ along the factor.
/// </summary>
internal static class TensorPriorGraph
{
    // Stretches that are summed in float32.
    private const long LongestStretch = 128;

    public static (Value Energy, IReadOnlyList<Value> Gradients) Apply(GraphBuilder b, IReadOnlyList<TensorPriorInputs> tensors)
    {
        var deviations = tensors.Select(t => t.Mean is null ? t.Theta : t.Theta - t.Mean).ToArray();
        var slopes = tensors.Select((t, i) => t.Precision * deviations[i]).ToArray();
        var energy = b.Sum([.. slopes.Select((slope, i) => Total(b, slope * deviations[i]))]);
        var rows = tensors.Select((t, i) => t.Factor is null ? null : b.Gemm(b.Reshape(deviations[i], 1, -1), t.Factor, transposeB: true)).ToArray();
        if (rows.Any(r => r is not null))
        {
            var projection = b.Sum([.. rows.OfType<Value>()]);
            var wide = b.Cast(projection, ElementType.Double);
            energy -= b.SumAll(wide * wide);
            for (var i = 0; i < slopes.Length; i++)
                if (tensors[i].Factor is { } factor)
                    slopes[i] -= b.ReshapeTo(b.MatMul(projection, factor), tensors[i].Theta.Shape);
        }
        return (b.Cast(energy * 0.5, ElementType.Float), slopes);
    }

    private static Value Total(GraphBuilder b, Value terms)
    {
        var count = terms.Shape!.Aggregate(1L, (product, d) => product * d.Value!.Value);
        var stretch = 1L;
        for (var d = 2L; d <= LongestStretch; d++)
            if (count % d == 0)
                stretch = d;
        var partial = stretch == 1 ? b.Reshape(terms, -1) : b.ReduceSum(b.Reshape(terms, -1, stretch), [1], keep: false);
        return b.SumAll(b.Cast(partial, ElementType.Double));
    }
}
