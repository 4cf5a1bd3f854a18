using OnnxPriors.Graphs;

namespace OnnxPriors.Gradients.Rules;

/// <summary>Sums, extremes and norms along axes. A formula sees the reduced values with their axes kept, so that they broadcast.</summary>
internal static class ReductionGradients
{
    public static IReadOnlyDictionary<string, GradientRule> Rules { get; } = new Dictionary<string, GradientRule>(StringComparer.Ordinal)
    {
        ["ReduceSum"] = Over((r, x, y, dy) => r.B.ExpandLike(dy, x)),
        ["ReduceMean"] = Over((r, x, y, dy) => r.B.ExpandLike(dy / r.Count, x)),
        ["ReduceSumSquare"] = Over((r, x, y, dy) => dy * 2 * x),
        ["ReduceL1"] = Over((r, x, y, dy) => dy * r.B.Sign(x)),
        // Zero where the norm is, as libtorch has it.
        ["ReduceL2"] = Over((r, x, y, dy) => dy / r.B.Where(r.B.Equal(y, r.B.Like(0, y)), r.B.Like(1, y), y) * x),
        ["ReduceLogSum"] = Over((r, x, y, dy) => r.B.ExpandLike(dy * r.B.Exp(-y), x)),
        ["ReduceLogSumExp"] = Over((r, x, y, dy) => dy * r.B.Exp(x - y)),
        ["ReduceMax"] = Over(Extreme),
        ["ReduceMin"] = Over(Extreme),
        ["ReduceProd"] = Over(Product),
    };

    private sealed record Reduction(GraphBuilder B, long[] Axes, Value Count);

    private static GradientRule Over(Func<Reduction, Value, Value, Value, Value> dx) => c => c.Give(0, () =>
    {
        var (b, x) = (c.B, c.X());
        var axes = c.Constant(1);
        if (axes is null or [])
        {
            if (c.Attributes.Flag("noop_with_empty_axes"))
                return c.Dy();
            axes = [.. Enumerable.Range(0, x.Rank).Select(i => (long)i)];
        }
        Value Kept(Value reduced) => c.Attributes.Flag("keepdims", true) ? reduced : b.Unsqueeze(reduced, axes);
        var elements = axes.Aggregate((Dimension)1, (product, axis) => product * x.Shape![x.Shape.Axis(axis)]);
        var count = elements.Value is { } number ? b.Like(number, x) : b.Cast(b.ReduceProd(b.Gather(b.ShapeOf(x), b.Ints(axes), 0), [0], keep: false), x.Type);
        return dx(new(b, axes, count), x, Kept(c.Y()), Kept(c.Dy()));
    });

    // Elements that tie share the gradient, as amax and amin of libtorch have it.
    private static Value Extreme(Reduction r, Value x, Value y, Value dy)
    {
        var hits = r.B.Mask(r.B.Equal(x, y), dy);
        return dy / r.B.ReduceSum(hits, r.Axes) * hits;
    }

    // The product of the others: with zeros counted and taken for ones, what remains is divided by the element.
    private static Value Product(Reduction r, Value x, Value y, Value dy)
    {
        var b = r.B;
        var isZero = b.Equal(x, b.Like(0, x));
        var zeros = b.Mask(isZero, x);
        var others = b.ReduceSum(zeros, r.Axes) - zeros;
        var filled = b.Where(isZero, b.Like(1, x), x);
        return dy * b.ReduceProd(filled, r.Axes) / filled * b.Mask(b.Equal(others, b.Like(0, x)), x);
    }
}
