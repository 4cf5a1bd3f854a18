using OnnxPriors.Graphs;

namespace OnnxPriors.Normalization.Upgrades.Spatial;

/// <summary>Forms of padding, cropping and pooling that are newer than the canonical opset, or that it can write in fewer operators.</summary>
internal static class WindowUpgrades
{
    public static IEnumerable<UpgradeRule> Rules =>
    [
        UpgradeRule.Since(18, "Pad", AllAxes),
        UpgradeRule.Since(19, "Pad", Wrap),
        UpgradeRule.Always("CenterCropPad", CenterCropPad),
        UpgradeRule.Since(19, "AveragePool", Dilated),
    ];

    /// <summary>Amounts for some axes become amounts for all.</summary>
    private static void AllAxes(NodeUpgrade node)
    {
        if (node.TryInput(3) is null || GraphBuilder.TryEvaluate(node.Input(3)) is not { } given || GraphBuilder.TryEvaluate(node.Input(1)) is not { } amounts)
            return;
        var shape = node.ShapeOf(0);
        var (axes, some, pads) = (given.ToInt64(), amounts.ToInt64(), new long[2 * shape.Rank]);
        for (var i = 0; i < axes.Length; i++)
        {
            pads[shape.Axis(axes[i])] = some[i];
            pads[shape.Axis(axes[i]) + shape.Rank] = some[i + axes.Length];
        }
        node.Inputs = [node.Input(0), node.B.Ints(pads), node.TryInput(2)];
    }

    /// <summary>Padding with the other end of the axis (opset 19): what stands at each place is read round the axis.</summary>
    private static void Wrap(NodeUpgrade node)
    {
        if (node.Attributes.String("mode") != "wrap")
            return;
        var (b, x, shape) = (node.B, node.Input(0), node.ShapeOf(0));
        if (node.TryInput(3) is not null)
            throw NodeUpgrade.Refuse("the axes of the padding depend on the inputs", "Bind the inputs they depend on with --bind NAME=VALUE");
        var known = GraphBuilder.TryEvaluate(node.Input(1))?.ToInt64();
        for (var axis = 0; axis < shape.Rank; axis++)
        {
            if (known is not null && known[axis] == 0 && known[axis + shape.Rank] == 0)
                continue;
            var extent = Extents.Of(b, x, axis);
            var places = b.Range(b.Neg(Amount(axis)), extent + Amount(axis + shape.Rank), b.Scalar(1, ElementType.Int64));
            x = b.Gather(x, b.Mod(places, extent), axis);
        }
        node.FinishWith(x);

        Value Amount(int place) => b.Squeeze(b.Slice(node.Input(1), 0, place, place + 1), 0);
    }

    /// <summary>The middle of a tensor, or a tensor in the middle of zeros (CenterCropPad-18).</summary>
    private static void CenterCropPad(NodeUpgrade node)
    {
        var (b, x, shape) = (node.B, node.Input(0), node.ShapeOf(0));
        // A size that the inputs choose stays the operator's own.
        if (GraphBuilder.TryEvaluate(node.Input(1)) is not { } size || shape.Any(d => !d.IsStatic))
            return;
        var target = size.ToInt64();
        var axes = node.Attributes.Ints("axes") ?? [.. Enumerable.Range(0, shape.Rank).Select(i => (long)i)];
        var pads = new long[2 * shape.Rank];
        for (var i = 0; i < axes.Length; i++)
        {
            var axis = shape.Axis(axes[i]);
            var extent = shape[axis].Value!.Value;
            if (target[i] < extent)
            {
                var start = (extent - target[i]) / 2;
                x = b.Slice(x, axis, start, start + target[i]);
            }
            else
            {
                (pads[axis], pads[axis + shape.Rank]) = ((target[i] - extent) / 2, (target[i] - extent + 1) / 2);
            }
        }
        node.FinishWith(b.Pad(x, b.Ints(pads)));
    }

    /// <summary>
    /// Means over windows with gaps (opset 19): a convolution of each plane with ones, over the number of elements that count.
    /// </summary>
    private static void Dilated(NodeUpgrade node)
    {
        var a = node.Attributes;
        var dilations = a.Ints("dilations");
        node.Attributes = a.Without("dilations");
        if (dilations is null || dilations.All(d => d == 1))
            return;
        var (b, x, shape) = (node.B, node.Input(0), node.ShapeOf(0));
        var axes = shape.Rank - 2;
        var kernel = a.Ints("kernel_shape") ?? throw new GraphException($"{node.Node.Title} lacks its kernel_shape.");
        var strides = a.Ints("strides") ?? [.. Enumerable.Repeat(1L, axes)];
        var pads = a.Ints("pads") ?? new long[2 * axes];
        var automatic = a.String("auto_pad", "NOTSET");
        var overhang = new long[axes];
        for (var axis = 0; axis < axes; axis++)
        {
            var window = (kernel[axis] - 1) * dilations[axis] + 1;
            if (automatic.StartsWith("SAME", StringComparison.Ordinal))
            {
                var extent = NodeUpgrade.Known(shape[axis + 2], "the size of the maps");
                var total = Math.Max(0, ((extent + strides[axis] - 1) / strides[axis] - 1) * strides[axis] + window - extent);
                pads[axis] = automatic == "SAME_UPPER" ? total / 2 : (total + 1) / 2;
                pads[axis + axes] = total - pads[axis];
            }
            else if (a.Flag("ceil_mode"))
            {
                var room = NodeUpgrade.Known(shape[axis + 2], "the size of the maps") + pads[axis] + pads[axis + axes] - window;
                var windows = (room + strides[axis] - 1) / strides[axis];
                // The last window begins inside of the map or of the padding before it.
                if (windows * strides[axis] >= room + window - pads[axis + axes])
                    windows--;
                overhang[axis] = Math.Max(0, windows * strides[axis] - room);
            }
        }
        // The planes side by side in the batch: [N·C, 1, …].
        var planes = b.Reshape(x, b.Concat([b.Ints(-1, 1), b.ShapeOf(x, 2, shape.Rank)], 0));
        var counted = b.Filled(b.Concat([b.Ints(1, 1), b.ShapeOf(x, 2, shape.Rank)], 0), 1, x.Type);
        var padding = b.Ints([0, 0, .. pads.AsSpan(0, axes), 0, 0, .. pads.AsSpan(axes)]);
        planes = b.Pad(planes, padding);
        counted = b.Pad(counted, padding, b.Scalar(a.Flag("count_include_pad") ? 1 : 0, x.Type));
        var window1 = b.Filled(b.Ints([1, 1, .. kernel]), 1, x.Type);
        var attributes = Attributes.None.With("kernel_shape", kernel).With("strides", strides).With("dilations", dilations).With("pads", (long[])[.. new long[axes], .. overhang]);
        var mean = b.Conv(planes, window1, null, attributes) / b.Conv(counted, window1, null, attributes);
        node.Finish("Reshape", [mean, b.Concat([b.ShapeOf(x, 0, 2), b.ShapeOf(mean, 2, shape.Rank)], 0)]);
    }
}
