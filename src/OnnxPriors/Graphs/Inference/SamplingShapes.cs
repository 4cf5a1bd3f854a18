namespace OnnxPriors.Graphs.Inference;

/// <summary>Operators that read, cut or write images at places that are computed, and that draw at random.</summary>
internal static class SamplingShapes
{
    public static IReadOnlyDictionary<string, ShapeRule> Rules { get; } = new Dictionary<string, ShapeRule>(StringComparer.Ordinal)
    {
        ["GridSample"] = GridSample,
        ["RoiAlign"] = c => Regions(c, c.Attributes.Int("output_height", 1), c.Attributes.Int("output_width", 1)),
        ["MaxRoiPool"] = c =>
        {
            var pooled = c.Attributes.Ints("pooled_shape") is { Length: 2 } given ? given : throw c.Error("lacks its attribute pooled_shape of two extents");
            Regions(c, pooled[0], pooled[1]);
        },
        ["NonMaxSuppression"] = c => c.Set(0, ElementType.Int64, [Dimension.Unknown, 3]),
        ["Unique"] = Unique,
        ["MaxUnpool"] = MaxUnpool,
        ["Col2Im"] = ColumnsToImage,
        ["CenterCropPad"] = CenterCropPad,
        ["RandomNormal"] = Random,
        ["RandomUniform"] = Random,
        ["Multinomial"] = c => c.Set(
            0, (ElementType)c.Attributes.Int("dtype", (long)ElementType.Int32), [c.ShapeOf(0) is { } x ? x[0] : Dimension.Unknown, c.Attributes.Int("sample_size", 1)]),
    };

    private static void Random(OperatorCall c) => c.Set(
        0,
        (ElementType)c.Attributes.Int("dtype", (long)ElementType.Float),
        Shape.Of(c.Attributes.Ints("shape") ?? throw c.Error("lacks its attribute shape")));

    private static void GridSample(OperatorCall c)
    {
        if (c.ShapeOf(0) is not { } x || c.Input(1).Shape is not { } grid)
        {
            c.Set(0, c.Input(0).Type, null);
            return;
        }
        if (x.Rank != grid.Rank || (grid[grid.Rank - 1].Value is { } coordinates && coordinates != x.Rank - 2))
            throw c.Error("needs a grid [N, h, w, 2] for an input [N, C, H, W]");
        c.Set(0, c.Input(0).Type, new([x[0], x[1], .. grid.Skip(1).Take(grid.Rank - 2)]));
    }

    private static void Regions(OperatorCall c, Dimension height, Dimension width) => c.Set(
        0,
        c.Input(0).Type,
        [c.Input(1).Shape is { } regions ? regions[0] : Dimension.Unknown, c.ShapeOf(0) is { } x ? x[1] : Dimension.Unknown, height, width]);

    private static void Unique(OperatorCall c)
    {
        var x = c.ShapeOf(0);
        Shape? distinct = [Dimension.Unknown];
        var all = x?.Elements ?? Dimension.Unknown;
        if (c.Attributes.Has("axis"))
        {
            var axis = x?.Axis(c.Attributes.Int("axis")) ?? 0;
            distinct = x?.With(axis, Dimension.Unknown);
            all = x is null ? Dimension.Unknown : x[axis];
        }
        c.Set(0, c.Input(0).Type, distinct);
        c.Set(1, ElementType.Int64, [Dimension.Unknown]);
        c.Set(2, ElementType.Int64, [all]);
        c.Set(3, ElementType.Int64, [Dimension.Unknown]);
    }

    private static void MaxUnpool(OperatorCall c)
    {
        var kernel = c.Attributes.Ints("kernel_shape") ?? throw c.Error("lacks its attribute kernel_shape");
        if (c.TryInput(2) is not null)
        {
            c.Set(0, c.Input(0).Type, c.Contents(2) is { IsDefault: false } wanted ? new(wanted) : new([.. Enumerable.Repeat(Dimension.Unknown, kernel.Length + 2)]));
            return;
        }
        if (c.ShapeOf(0) is not { } x)
        {
            c.Set(0, c.Input(0).Type, null);
            return;
        }
        var window = Graphs.Window.Read(c.Attributes, kernel.Length);
        c.Set(0, c.Input(0).Type, new(
        [
            x[0], x[1],
            .. kernel.Select((k, i) => (x[i + 2] - 1) * window.Strides[i] + (k - window.Pads[i] - window.Pads[i + kernel.Length])),
        ]));
    }

    /// <summary>[N, C·k₁·k₂…, L] → [N, C, *image].</summary>
    private static void ColumnsToImage(OperatorCall c)
    {
        if (c.Contents(1) is not { IsDefault: false } image)
        {
            c.Set(0, c.Input(0).Type, null);
            return;
        }
        var block = c.TryInts(2)?.Aggregate(1L, (product, extent) => product * extent);
        var x = c.ShapeOf(0);
        var channels = x is not null && block is { } cells ? x[1].DivideExactly(cells) ?? Dimension.Unknown : Dimension.Unknown;
        c.Set(0, c.Input(0).Type, new([x is null ? Dimension.Unknown : x[0], channels, .. image]));
    }

    private static void CenterCropPad(OperatorCall c)
    {
        if (c.ShapeOf(0) is not { } x)
        {
            c.Set(0, c.Input(0).Type, null);
            return;
        }
        var axes = c.Attributes.Ints("axes") ?? [.. Enumerable.Range(0, x.Rank).Select(i => (long)i)];
        var wanted = c.Contents(1);
        var all = x.Dimensions.ToBuilder();
        for (var i = 0; i < axes.Length; i++)
            all[x.Axis(axes[i])] = wanted.IsDefault ? Dimension.Unknown : wanted[i];
        c.Set(0, c.Input(0).Type, new(all.ToImmutable()));
    }
}
