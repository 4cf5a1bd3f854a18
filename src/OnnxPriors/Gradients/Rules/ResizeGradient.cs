using OnnxPriors.Graphs;

namespace OnnxPriors.Gradients.Rules;

/// <summary>
/// Resize of opset 18. In every mode each axis is a matrix: an element of the result is a weighted sum of elements along the axis. The gradient is the product
/// with its transpose, axis by axis; where elements are only repeated, a sum over the repeats.
/// </summary>
internal static class ResizeGradient
{
    private const int Region = 1;
    private const int Scales = 2;
    private const int Sizes = 3;

    public static IReadOnlyDictionary<string, GradientRule> Rules { get; } = new Dictionary<string, GradientRule>(StringComparer.Ordinal)
    {
        ["Resize"] = c => c.Give(0, () => Transposed(c)),
    };

    private static Value Transposed(GradientCall c)
    {
        var (b, x, y) = (c.B, c.X(), c.Y());
        var method = ResizeMethod.Of(c);
        var axes = c.Attributes.Ints("axes")?.Select(x.Shape!.Axis).ToArray() ?? [.. Enumerable.Range(0, x.Rank)];
        var scales = c.Node.TryInput(Sizes) is null && c.Node.TryInput(Scales) is { } given ? given : null;
        var numbers = GraphBuilder.TryEvaluate(scales)?.ToDouble();
        var policy = c.Attributes.String("keep_aspect_ratio_policy", "stretch");
        var common = scales is null && policy != "stretch" ? CommonScale(c, axes, policy) : null;
        var dy = c.Dy();
        for (var i = 0; i < axes.Length; i++)
        {
            var axis = axes[i];
            var (from, to) = (x.Shape![axis], y.Shape![axis]);
            if (!method.Crops && (numbers is not null ? numbers[i] == 1 : scales is null && from.IsKnown && from == to))
                continue;
            var factor = method.Crops || common is not null ? 0
                : numbers is not null ? (numbers[i] == Math.Floor(numbers[i]) ? (long)numbers[i] : 0)
                : scales is null && from.IsKnown ? to.DivideExactly(from)?.Value ?? 0 : 0;
            if (method.Repeats(b, factor))
            {
                dy = SumRepeats(b, dy, x, axis, factor);
                continue;
            }
            var (input, output) = (b.Squeeze(b.Extent(x, axis), 0), b.Squeeze(b.Extent(y, axis), 0));
            var scale = scales is not null ? b.Squeeze(b.Cast(b.Slice(scales, 0, i, i + 1), ElementType.Float), 0)
                : common ?? b.Cast(output, ElementType.Float) / b.Cast(input, ElementType.Float);
            var (start, end) = method.Crops
                ? (b.Squeeze(b.Cast(b.Slice(c.X(Region), 0, i, i + 1), ElementType.Float), 0), b.Squeeze(b.Cast(b.Slice(c.X(Region), 0, axes.Length + i, axes.Length + i + 1), ElementType.Float), 0))
                : (b.Scalar(0), b.Scalar(1));
            dy = Along(b, dy, axis, b.Cast(method.Matrix(c, new(input, output, scale, start, end)), x.Type), output);
        }
        return dy;
    }

    // The smallest or largest of the axes' scales, for all.
    private static Value CommonScale(GradientCall c, int[] axes, string policy)
    {
        var b = c.B;
        var scales = b.Concat(axes.Select((axis, i) => b.Cast(b.Slice(c.X(Sizes), 0, i, i + 1), ElementType.Float) / b.Cast(b.Extent(c.X(), axis), ElementType.Float)), 0);
        return policy == "not_larger" ? b.ReduceMin(scales, [0], keep: false) : b.ReduceMax(scales, [0], keep: false);
    }

    private static Value SumRepeats(GraphBuilder b, Value dy, Value x, int axis, long repeats)
    {
        var extents = Enumerable.Range(0, dy.Rank).SelectMany(i => i == axis ? (Value[])[b.Extent(x, i), b.Ints(repeats)] : [b.Extent(dy, i)]);
        return b.ReduceSum(b.Reshape(dy, b.Join(extents)), [axis + 1], keep: false);
    }

    // [outer, out, inner] from the left by the transpose of [out, in].
    private static Value Along(GraphBuilder b, Value dy, int axis, Value matrix, Value output)
    {
        var before = Enumerable.Range(0, axis).Select(i => b.Extent(dy, i)).ToArray();
        var after = Enumerable.Range(axis + 1, dy.Rank - axis - 1).Select(i => b.Extent(dy, i)).ToArray();
        var flat = b.Reshape(dy, b.Join(b.Ints(-1), b.Unsqueeze(output, 0), after.Aggregate(b.Ints(1), (p, e) => p * e)));
        return b.Reshape(b.MatMul(b.Transpose(matrix, 1, 0), flat), b.Join([.. before, b.Extent(matrix, 1), .. after]));
    }
}
