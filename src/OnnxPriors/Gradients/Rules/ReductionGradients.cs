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

    /// <summary>Along which axes a node reduces: numbers, or a value that is found when the graph runs.</summary>
    /// <param name="B">Where nodes are added.</param>
    /// <param name="Axes">The axes.</param>
    /// <param name="Count">The number of elements that became one.</param>
    private sealed record Reduction(GraphBuilder B, Value Axes, Value Count)
    {
        public Value Sum(Value x) => B.Apply("ReduceSum", [x, Axes], Attributes.None.With("keepdims", true));

        public Value Product(Value x) => B.Apply("ReduceProd", [x, Axes], Attributes.None.With("keepdims", true));
    }

    private static GradientRule Over(Func<Reduction, Value, Value, Value, Value> dx) => c => c.Give(0, () =>
    {
        var (b, x) = (c.B, c.X());
        if (c.Node.TryInput(1) is { } given && given.Contents.IsDefault && GraphBuilder.TryEvaluate(given) is null)
            return Unknown(c, given, dx);
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
        return dx(new(b, b.Ints(axes), count), x, Kept(c.Y()), Kept(c.Dy()));
    });

    // The axes, at least one, are found when the graph runs: the shape that keeps them has ones there.
    private static Value Unknown(GradientCall c, Value axes, Func<Reduction, Value, Value, Value, Value> dx)
    {
        var (b, x) = (c.B, c.X());
        var places = b.Cast(axes, ElementType.Int64);
        Value Kept(Value reduced) => c.Attributes.Flag("keepdims", true) ? reduced
            : b.Reshape(reduced, b.ScatterElements(b.ShapeOf(x), places, b.FilledLike(places, 1), 0));
        return dx(new(b, places, b.Cast(b.Div(b.SizeOf(x), b.SizeOf(c.Y())), x.Type)), x, Kept(c.Y()), Kept(c.Dy()));
    }

    // Elements that tie share the gradient, as amax and amin of libtorch have it.
    private static Value Extreme(Reduction r, Value x, Value y, Value dy)
    {
        var hits = r.B.Mask(r.B.Equal(x, y), dy);
        return dy / r.Sum(hits) * hits;
    }

    // The product of the others: with zeros counted and taken for ones, what remains is divided by the element.
    private static Value Product(Reduction r, Value x, Value y, Value dy)
    {
        var b = r.B;
        var isZero = b.Equal(x, b.Like(0, x));
        var zeros = b.Mask(isZero, x);
        var others = r.Sum(zeros) - zeros;
        var filled = b.Where(isZero, b.Like(1, x), x);
        return dy * r.Product(filled) / filled * b.Mask(b.Equal(others, b.Like(0, x)), x);
    }
}
