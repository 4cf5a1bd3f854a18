using OnnxPriors.Graphs;

namespace OnnxPriors.Normalization.Upgrades.Spatial;

/// <summary>Operators newer than the canonical opset that read maps at computed places.</summary>
internal static class SamplingUpgrades
{
    public static IEnumerable<UpgradeRule> Rules =>
    [
        UpgradeRule.Always("AffineGrid", AffineGrid),
        UpgradeRule.Always("DeformConv", DeformConv),
        UpgradeRule.Since(20, "GridSample", GridSample),
    ];

    /// <summary>Places from −1 to 1 over a picture or a volume, each moved by an affine map [N, d, d + 1] (AffineGrid-20).</summary>
    private static void AffineGrid(NodeUpgrade node)
    {
        var b = node.B;
        var (theta, size) = (node.Input(0), node.Input(1));
        var axes = (int)NodeUpgrade.Known(node.ShapeOf(0)[1], "the number of spatial axes");
        var isAligned = node.Attributes.Flag("align_corners");
        var extents = b.Slice(size, 0, 2, axes + 2);
        var columns = new List<Value>();
        // The last axis is x, the first coordinate.
        for (var axis = axes - 1; axis >= 0; axis--)
        {
            var extent = b.Squeeze(b.Slice(extents, 0, axis, axis + 1), 0);
            var places = b.Cast(Extents.Count(b, extent), theta.Type);
            var length = b.Cast(extent, theta.Type);
            var unit = isAligned ? places * 2 / b.Max(length - 1, b.Scalar(1, theta.Type)) - 1 : (places * 2 + 1) / length - 1;
            columns.Add(b.Expand(b.Unsqueeze(unit, [.. Enumerable.Range(0, axes + 1).Where(i => i != axis).Select(i => (long)i)]), b.Concat([extents, b.Ints(1)], 0)));
        }
        columns.Add(b.Filled(b.Concat([extents, b.Ints(1)], 0), 1, theta.Type));
        var points = b.Reshape(b.Concat(columns, axes), [-1, axes + 1]);
        var moved = b.MatMul(points, b.TransposeMatrix(theta));
        node.Finish("Reshape", [moved, b.Concat([b.ShapeOf(theta, 0, 1), extents, b.Ints(axes)], 0)]);
    }

    /// <summary>
    /// A convolution that reads each of its places moved by an offset and weighted by a mask (DeformConv-19): the places are sampled into
    /// columns [N, C·K, P], and a matrix product with the kernel makes the maps.
    /// </summary>
    private static void DeformConv(NodeUpgrade node)
    {
        var (b, a) = (node.B, node.Attributes);
        var (x, kernel, offset) = (node.Input(0), node.Input(1), node.Input(2));
        var axes = node.ShapeOf(0).Rank - 2;
        long[] extents = [.. node.ShapeOf(1).Skip(2).Select(d => NodeUpgrade.Known(d, "the size of the kernel"))];
        var taps = extents.Aggregate(1L, (n, e) => n * e);
        var inputs = NodeUpgrade.Known(x.Shape![1], "the number of channels");
        var outputs = NodeUpgrade.Known(kernel.Shape![0], "the number of channels");
        var (groups, moves) = (a.Int("group", 1), a.Int("offset_group", 1));
        var strides = a.Ints("strides") ?? [.. Enumerable.Repeat(1L, axes)];
        var dilations = a.Ints("dilations") ?? [.. Enumerable.Repeat(1L, axes)];
        var pads = a.Ints("pads") ?? new long[2 * axes];
        var places = b.ShapeOf(offset, 2, axes + 2);
        var moved = b.Reshape(offset, b.Concat([b.Ints(-1, taps, axes), places], 0));
        var coordinates = new Value[axes];
        for (var axis = 0; axis < axes; axis++)
        {
            var inner = extents[(axis + 1)..].Aggregate(1L, (n, e) => n * e);
            var tap = Enumerable.Range(0, (int)taps).Select(t => (float)(t / inner % extents[axis] * dilations[axis] - pads[axis])).ToArray();
            var start = b.Cast(Extents.Count(b, Extents.Of(b, offset, axis + 2)), x.Type) * strides[axis];
            var own = b.Unsqueeze(start, [.. Enumerable.Range(0, axes).Where(i => i != axis).Select(i => (long)i)]);
            var fixedPart = b.Cast(b.Constant(TensorData.Of(tap, [taps, .. Enumerable.Repeat(1L, axes)])), x.Type) + own;
            coordinates[axis] = b.Reshape(b.Squeeze(b.Slice(moved, 2, axis, axis + 1), 2) + fixedPart, b.Concat([b.ShapeOf(moved, 0, 1), b.Ints(-1)], 0));
        }
        var maps = b.Reshape(x, b.Concat([b.Ints(-1, inputs / moves), b.ShapeOf(x, 2, axes + 2)], 0));
        var read = new PointSampling(b, maps).Linear(coordinates);
        if (node.TryInput(4) is { } mask)
            read *= b.Reshape(mask, b.Concat([b.ShapeOf(moved, 0, 1), b.Ints(1, -1)], 0));
        var columns = b.Reshape(read, b.Concat([b.ShapeOf(x, 0, 1), b.Ints(groups, inputs / groups * taps, -1)], 0));
        var y = b.MatMul(b.Reshape(kernel, [groups, outputs / groups, -1]), columns);
        y = b.Reshape(y, b.Concat([b.ShapeOf(x, 0, 1), b.Ints(outputs), places], 0));
        if (node.TryInput(3) is { } bias)
            y += b.Reshape(bias, [1, outputs, .. Enumerable.Repeat(1L, axes)]);
        node.FinishWith(y);
    }

    /// <summary>Opset 20 renamed the modes and added volumes [N, C, D, H, W], which are sampled in primitive operators.</summary>
    private static void GridSample(NodeUpgrade node)
    {
        var mode = node.Attributes.String("mode", "linear");
        if (node.ShapeOf(0).Rank == 4)
        {
            node.Attributes = node.Attributes.With("mode", mode switch { "linear" => "bilinear", "cubic" => "bicubic", _ => mode });
            return;
        }
        if (mode is not ("linear" or "nearest"))
            throw NodeUpgrade.Refuse($"sampling of mode '{mode}' is for pictures alone", "Export the model with mode linear or nearest");
        var b = node.B;
        var (x, grid) = (node.Input(0), node.Input(1));
        var axes = x.Rank - 2;
        var sampling = new PointSampling(b, x);
        var isAligned = node.Attributes.Flag("align_corners");
        var places = new Value[axes];
        for (var axis = 0; axis < axes; axis++)
        {
            // The grid has x first, which runs along the last axis.
            var unit = b.Reshape(b.Slice(grid, axes + 1, axes - 1 - axis, axes - axis), [0, -1]);
            var extent = sampling.Extent(axis);
            var place = isAligned ? (unit + 1) / 2 * (extent - 1) : ((unit + 1) * extent - 1) / 2;
            places[axis] = node.Attributes.String("padding_mode", "zeros") switch
            {
                "border" => Within(place, extent),
                "reflection" => Within(Reflected(place, extent), extent),
                _ => place,
            };
        }
        var read = mode == "nearest" ? sampling.Nearest(places) : sampling.Linear(places);
        node.Finish("Reshape", [read, b.Concat([b.ShapeOf(x, 0, 2), b.ShapeOf(grid, 1, axes + 1)], 0)]);

        Value Within(Value place, Value extent) => b.Min(b.Max(place, b.Scalar(0, place.Type)), extent - 1);

        // A triangle wave between the borders: the outermost elements' centres where aligned, else their edges.
        Value Reflected(Value place, Value extent)
        {
            var (low, span) = isAligned ? (0, extent - 1) : (-0.5, extent);
            var period = 2 * b.Max(span, b.Scalar(1e-6, place.Type));
            var along = place - low;
            var within = along - b.Floor(along / period) * period;
            return span - b.Abs(within - span) + low;
        }
    }
}
