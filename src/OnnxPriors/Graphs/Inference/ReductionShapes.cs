using System.Collections.Immutable;

namespace OnnxPriors.Graphs.Inference;

/// <summary>Operators that take a sum, an extreme or a place of one along axes.</summary>
internal static class ReductionShapes
{
    public static IReadOnlyDictionary<string, ShapeRule> Rules { get; } = Make();

    private static Dictionary<string, ShapeRule> Make()
    {
        var rules = new Dictionary<string, ShapeRule>(StringComparer.Ordinal);
        foreach (var op in (string[])
            ["ReduceSum", "ReduceMean", "ReduceMax", "ReduceMin", "ReduceProd", "ReduceL1", "ReduceL2", "ReduceLogSum", "ReduceLogSumExp", "ReduceSumSquare"])
            rules.Add(op, Reduce);
        foreach (var op in (string[])["ArgMax", "ArgMin"])
            rules.Add(op, c => c.Set(0, ElementType.Int64, Reduced(c.ShapeOf(0), [c.Attributes.Int("axis")], c.Attributes.Flag("keepdims", true))));
        return rules;
    }

    private static void Reduce(OperatorCall c)
    {
        var keep = c.Attributes.Flag("keepdims", true);
        var shape = c.ShapeOf(0);
        if (c.TryInput(1) is { } axesInput)
        {
            if (c.TryInts(1) is not { } axes)
                c.Set(0, c.Input(0).Type, keep && shape is not null ? new([.. shape.Select(_ => Dimension.Unknown)]) : null);
            else if (axes.Length == 0 && c.Attributes.Flag("noop_with_empty_axes"))
                c.Set(0, c.Input(0).Type, shape);
            else
                c.Set(0, c.Input(0).Type, Reduced(shape, axes.Length == 0 ? null : axes, keep));
            return;
        }
        c.Set(0, c.Input(0).Type, c.Attributes.Flag("noop_with_empty_axes") ? shape : Reduced(shape, null, keep));
    }

    /// <summary>A shape without, or with 1 for, given axes; all of them where none are given.</summary>
    public static Shape? Reduced(Shape? shape, long[]? axes, bool keep)
    {
        if (shape is null)
            return axes is null && !keep ? Shape.Scalar : null;
        var reduced = axes is null ? [.. Enumerable.Range(0, shape.Rank)] : axes.Select(shape.Axis).ToHashSet();
        var all = ImmutableArray.CreateBuilder<Dimension>();
        for (var i = 0; i < shape.Rank; i++)
            if (!reduced.Contains(i))
                all.Add(shape[i]);
            else if (keep)
                all.Add(1);
        return new(all.ToImmutable());
    }
}
