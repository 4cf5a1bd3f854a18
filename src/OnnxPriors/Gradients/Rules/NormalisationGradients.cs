using OnnxPriors.Graphs;

namespace OnnxPriors.Gradients.Rules;

/// <summary>
/// Normalisations by statistics of the very input. With x̂ = (x − mean)/σ over some axes and g the gradient for x̂,
/// dx = (g − mean(g) − x̂ mean(g x̂))/σ (Ba, Kiros and Hinton, 'Layer Normalization', 2016, as all of the kind).
/// </summary>
internal static class NormalisationGradients
{
    public static IReadOnlyDictionary<string, GradientRule> Rules { get; } = new Dictionary<string, GradientRule>(StringComparer.Ordinal)
    {
        ["LayerNormalization"] = LayerNormalization,
        ["InstanceNormalization"] = c => PerChannel(c, c.X(), 1, [.. Axes(2, c.X().Rank)], scale => c.B.Unsqueeze(scale, [.. Axes(1, c.X().Rank - 1)])),
        ["GroupNormalization"] = GroupNormalization,
        ["MeanVarianceNormalization"] = c => c.Give(0, () =>
        {
            var (centred, inverse) = Standard(c.B, c.X(), c.Attributes.Ints("axes") ?? [0, 2, 3], 0);
            return Through(c.B, c.Dy(), centred * inverse, inverse, c.Attributes.Ints("axes") ?? [0, 2, 3]);
        }),
        ["LpNormalization"] = c => c.Give(0, () =>
        {
            var (b, axis, p) = (c.B, c.Attributes.Int("axis", -1), c.Attributes.Int("p", 2));
            var norm = b.Apply(p == 1 ? "ReduceL1" : "ReduceL2", [c.X(), b.Ints(axis)]);
            return (c.Dy() - (p == 1 ? b.Sign(c.X()) : c.Y()) * b.ReduceSum(c.Dy() * c.Y(), [axis])) / norm;
        }),
        ["LRN"] = c => c.Give(0, () => Lrn(c)),
    };

    private static IEnumerable<long> Axes(int first, int end) => Enumerable.Range(first, Math.Max(0, end - first)).Select(i => (long)i);

    /// <summary>x less its mean, and 1/σ, over some axes.</summary>
    private static (Value Centred, Value Inverse) Standard(GraphBuilder b, Value x, long[] axes, double epsilon)
    {
        var centred = x - b.ReduceMean(x, axes);
        return (centred, 1 / b.Sqrt(b.ReduceMean(centred * centred, axes) + epsilon));
    }

    private static Value Through(GraphBuilder b, Value g, Value standard, Value inverse, long[] axes) =>
        (g - b.ReduceMean(g, axes) - standard * b.ReduceMean(g * standard, axes)) * inverse;

    private static void LayerNormalization(GradientCall c)
    {
        var (b, x, dy) = (c.B, c.X(), c.Dy());
        long[] axes = [.. Axes(x.Shape!.Axis(c.Attributes.Int("axis", -1)), x.Rank)];
        var (centred, inverse) = Standard(b, x, axes, c.Attributes.Float("epsilon", 1e-5f));
        var standard = centred * inverse;
        c.Give(0, () =>
        {
            var dx = Through(b, dy * c.X(1), standard, inverse, axes);
            // Mean and 1/σ may be used by other nodes: d(1/σ)/dx = −x̂/(nσ²).
            var count = b.Cast(b.ReduceProd(b.Gather(b.ShapeOf(x), b.Ints(axes), 0), [0], keep: false), x.Type);
            if (c.TryDy(1) is { } ofMean)
                dx += ofMean / count;
            if (c.TryDy(2) is { } ofInverse)
                dx -= ofInverse * standard * inverse * inverse / count;
            return dx;
        });
        c.Give(1, () => dy * standard);
        c.Give(2, () => dy);
    }

    // In opset 18 scale and shift are one number a group; one a channel, as later opsets have it, is understood too.
    private static void GroupNormalization(GradientCall c)
    {
        var (b, groups) = (c.B, c.Attributes.Int("num_groups"));
        var channels = b.Div(b.Extent(c.X(), 1), b.Ints(groups));
        PerChannel(c, b.Reshape(c.X(), b.Join(b.Extent(c.X(), 0), b.Ints(groups), channels, b.Ints(-1))), 1, [2, 3], scale => b.Reshape(scale, groups, -1, 1));
    }

    private static void PerChannel(GradientCall c, Value x, int scaleInput, long[] axes, Func<Value, Value> spread)
    {
        var b = c.B;
        var dy = ReferenceEquals(x, c.X()) ? c.Dy() : b.ReshapeTo(c.Dy(), x.Shape, x);
        var (centred, inverse) = Standard(b, x, axes, c.Attributes.Float("epsilon", 1e-5f));
        var standard = centred * inverse;
        var scale = spread(c.X(scaleInput));
        c.Give(0, () => b.ReshapeTo(Through(b, dy * scale, standard, inverse, axes), c.X().Shape, c.X()));
        c.Give(scaleInput, () => b.ReshapeTo(Broadcast.Undo(b, dy * standard, scale), c.X(scaleInput).Shape, c.X(scaleInput)));
        c.Give(scaleInput + 1, () => b.ReshapeTo(Broadcast.Undo(b, dy, scale), c.X(scaleInput + 1).Shape, c.X(scaleInput + 1)));
    }

    // y = x s^−β with s = bias + α/n Σ x² over n neighbouring channels: dx = dy s^−β − 2αβ/n x Σ′ dy y/s, the sum over the windows that read x.
    private static Value Lrn(GradientCall c)
    {
        var (b, x, dy) = (c.B, c.X(), c.Dy());
        var size = c.Attributes.Int("size");
        var (alpha, beta, bias) = (c.Attributes.Float("alpha", 1e-4f), c.Attributes.Float("beta", 0.75f), c.Attributes.Float("bias", 1));
        var (before, after) = ((size - 1) / 2, size - 1 - (size - 1) / 2);
        var s = Neighbours(b, x * x, before, after) * (alpha / (double)size) + bias;
        return dy * b.Pow(s, -beta) - x * Neighbours(b, dy * c.Y() / s, after, before) * (2.0 * alpha * beta / size);
    }

    private static Value Neighbours(GraphBuilder b, Value x, long before, long after)
    {
        var pads = new long[2 * x.Rank];
        (pads[1], pads[x.Rank + 1]) = (before, after);
        var padded = b.Pad(x, b.Ints(pads), b.Like(0, x));
        var channels = b.Extent(x, 1);
        return b.Sum([.. Enumerable.Range(0, (int)(before + after + 1)).Select(i => b.Slice(padded, b.Ints(i), channels + i, b.Ints(1)))]);
    }
}
