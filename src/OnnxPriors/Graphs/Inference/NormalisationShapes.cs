namespace OnnxPriors.Graphs.Inference;

/// <summary>Normalisations and losses that stand as one operator.</summary>
internal static class NormalisationShapes
{
    public static IReadOnlyDictionary<string, ShapeRule> Rules { get; } = new Dictionary<string, ShapeRule>(StringComparer.Ordinal)
    {
        ["BatchNormalization"] = c =>
        {
            c.Set(0, c.Input(0).Type, c.ShapeOf(0));
            c.Set(1, c.Input(3).Type, c.ShapeOf(3));
            c.Set(2, c.Input(4).Type, c.ShapeOf(4));
        },
        ["InstanceNormalization"] = SameAsInput,
        ["GroupNormalization"] = SameAsInput,
        ["LRN"] = SameAsInput,
        ["LpNormalization"] = SameAsInput,
        ["MeanVarianceNormalization"] = SameAsInput,
        ["LayerNormalization"] = c =>
        {
            var shape = c.ShapeOf(0);
            c.Set(0, c.Input(0).Type, shape);
            if (shape is null || c.OutputCount < 2)
                return;
            var axis = shape.Axis(c.Attributes.Int("axis", -1));
            var statistics = ReductionShapes.Reduced(shape, [.. Enumerable.Range(axis, shape.Rank - axis).Select(i => (long)i)], keep: true);
            c.Set(1, (ElementType)c.Attributes.Int("stash_type", 1), statistics);
            c.Set(2, (ElementType)c.Attributes.Int("stash_type", 1), statistics);
        },
        ["SoftmaxCrossEntropyLoss"] = c =>
        {
            c.Set(0, c.Input(0).Type, c.Attributes.String("reduction", "mean") == "none" ? c.Input(1).Shape : Shape.Scalar);
            c.Set(1, c.Input(0).Type, c.ShapeOf(0));
        },
        ["NegativeLogLikelihoodLoss"] = c =>
            c.Set(0, c.Input(0).Type, c.Attributes.String("reduction", "mean") == "none" ? c.Input(1).Shape : Shape.Scalar),
    };

    private static void SameAsInput(OperatorCall c) => c.Set(0, c.Input(0).Type, c.ShapeOf(0));
}
