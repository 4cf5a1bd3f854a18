namespace OnnxPriors.Graphs.Inference;

/// <summary>Operators that read or write elements at places that another tensor names.</summary>
internal static class IndexingShapes
{
    public static IReadOnlyDictionary<string, ShapeRule> Rules { get; } = new Dictionary<string, ShapeRule>(StringComparer.Ordinal)
    {
        ["Gather"] = Gather,
        ["GatherElements"] = c => c.Set(0, c.Input(0).Type, c.Input(1).Shape),
        ["GatherND"] = GatherNd,
        ["ScatterElements"] = c => c.Set(0, c.Input(0).Type, c.ShapeOf(0)),
        ["ScatterND"] = c => c.Set(0, c.Input(0).Type, c.ShapeOf(0)),
        ["OneHot"] = OneHot,
        ["TopK"] = TopK,
        ["NonZero"] = c => c.Set(0, ElementType.Int64, [c.ShapeOf(0) is { } s ? s.Rank : Dimension.Unknown, Dimension.Unknown]),
        ["Compress"] = c => c.Set(0, c.Input(0).Type, !c.Attributes.Has("axis") ? [Dimension.Unknown]
            : c.ShapeOf(0) is { } s ? s.With(s.Axis(c.Attributes.Int("axis")), Dimension.Unknown) : null),
    };

    private static void Gather(OperatorCall c)
    {
        if (c.Input(0).Shape is not { } x || c.Input(1).Shape is not { } indices)
        {
            c.Set(0, c.Input(0).Type, null);
            return;
        }
        var axis = x.Axis(c.Attributes.Int("axis"));
        c.Set(0, c.Input(0).Type, new([.. x.Take(axis), .. indices, .. x.Skip(axis + 1)]));
    }

    private static void GatherNd(OperatorCall c)
    {
        var batch = (int)c.Attributes.Int("batch_dims");
        c.Set(0, c.Input(0).Type, c.Input(0).Shape is { } x && c.Input(1).Shape is { } indices && indices[indices.Rank - 1].Value is { } depth
            ? new([.. indices.Take(indices.Rank - 1), .. x.Skip(batch + (int)depth)])
            : null);
    }

    private static void OneHot(OperatorCall c)
    {
        if (c.Input(0).Shape is not { } indices)
        {
            c.Set(0, c.Input(2).Type, null);
            return;
        }
        var axis = c.Attributes.Int("axis", -1);
        var place = (int)(axis < 0 ? axis + indices.Rank + 1 : axis);
        var depth = c.Contents(1) is { IsDefault: false } d ? d[0] : c.TryData(1) is { } data ? (long)data.ToDouble()[0] : Dimension.Unknown;
        c.Set(0, c.Input(2).Type, new(indices.Dimensions.Insert(place, depth)));
    }

    private static void TopK(OperatorCall c)
    {
        var shape = c.Input(0).Shape is { } x
            ? x.With(x.Axis(c.Attributes.Int("axis", -1)), c.Contents(1) is { IsDefault: false } k ? k[0] : Dimension.Unknown)
            : null;
        c.Set(0, c.Input(0).Type, shape);
        c.Set(1, ElementType.Int64, shape);
    }
}
