using OnnxPriors.Graphs;

namespace OnnxPriors.Gradients.Rules;

/// <summary>Losses that stand in a model as one operator. With the weight w of each label, zero where it is ignored, a mean divides by Σ w.</summary>
internal static class LossGradients
{
    public static IReadOnlyDictionary<string, GradientRule> Rules { get; } = new Dictionary<string, GradientRule>(StringComparer.Ordinal)
    {
        ["NegativeLogLikelihoodLoss"] = c => c.Give(0, () =>
        {
            var (hot, g) = Parts(c);
            return -(hot * g);
        }),
        ["SoftmaxCrossEntropyLoss"] = c => c.Give(0, () =>
        {
            var b = c.B;
            Value? sum = null;
            if (c.TryDy(0) is not null)
            {
                var (hot, g) = Parts(c);
                sum = (b.Softmax(c.X(), 1) - hot) * g;
            }
            if (c.TryDy(1) is { } logarithms)
            {
                var through = logarithms - b.Exp(c.Y(1)) * b.ReduceSum(logarithms, [1]);
                sum = sum is null ? through : sum + through;
            }
            return sum!;
        }),
    };

    // The one-hot labels [N, C, …] and each label's share of the gradient [N, 1, …].
    private static (Value Hot, Value Gradient) Parts(GradientCall c)
    {
        var (b, x) = (c.B, c.X(0));
        var labels = b.Cast(c.X(1), ElementType.Int64);
        var classes = b.Squeeze(b.Extent(x, 1), 0);
        var indices = b.Reshape(b.Range(b.Scalar(0, ElementType.Int64), classes, b.Scalar(1, ElementType.Int64)), [-1, .. Enumerable.Repeat(1L, x.Rank - 2)]);
        var hot = b.Mask(b.Equal(b.Unsqueeze(labels, 1), indices), x);
        Value? weight = null;
        if (c.Node.TryInput(2) is { } weights)
            weight = b.Gather(weights, b.Where(Inside(b, labels, classes), labels, b.Ints(0)), 0);
        // An ignored label may lie outside the classes.
        if (c.Attributes.Has("ignore_index"))
        {
            var kept = b.Mask(b.Not(b.Equal(labels, b.Constant(TensorData.Of([c.Attributes.Int("ignore_index")], [])))), x);
            weight = weight is null ? kept : weight * kept;
        }
        var share = c.Attributes.String("reduction", "mean") == "mean"
            ? c.Dy() / (weight is null ? b.Cast(b.SizeOf(labels), x.Type) : b.SumAll(weight))
            : c.Dy();
        if (weight is not null)
            share *= weight;
        return (hot, share.Rank == 0 ? share : b.Unsqueeze(share, 1));
    }

    private static Value Inside(GraphBuilder b, Value labels, Value classes) => b.And(b.GreaterOrEqual(labels, b.Ints(0)), b.Less(labels, classes));
}
