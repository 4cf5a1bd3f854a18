using OnnxPriors.Graphs;
using OnnxPriors.Normalization.Passes;

namespace OnnxPriors.Normalization.Upgrades;

/// <summary>
/// Nodes that hold the number of examples which the file was exported for: targets of Reshape and Expand, and constants joined to
/// something of the batch. They do nothing where the batch stays as the file has it.
/// </summary>
internal static class BatchUpgrades
{
    public static IEnumerable<UpgradeRule> Rules =>
    [
        UpgradeRule.Always("Reshape", Reshape),
        UpgradeRule.Always("Expand", Expand),
        UpgradeRule.Always("Concat", Concat),
        UpgradeRule.Always("Squeeze", Squeeze),
    ];

    /// <summary>
    /// A reshape keeps the order of elements, so the batch goes where as many elements lie before it as in the input. That place is
    /// between two axes of the target: the batch takes an extent of its own there where there is one, else it joins one of them.
    /// </summary>
    private static void Reshape(NodeUpgrade node)
    {
        if (node.Batch is not { } batch || node.Input(0).Shape is not { } shape || node.Attributes.Flag("allowzero"))
            return;
        var target = TryTarget(node, 1);
        var axis = BatchFolds.AxisOf(shape);
        if (target is null || axis < 0)
            return;
        var before = BatchFolds.At(shape, batch.Size);
        var fileTarget = Resolved(target, before);
        var outer = before.Slice(0, axis).Elements;
        var isInner = batch.IsInner(node.Input(0));
        // The number of axes behind the batch, counting what shares its axis.
        var behind = shape.Rank - axis - 1 + (before[axis].Value != batch.Size ? 1 : 0);
        var place = isInner ? PlaceOf(outer * before[axis].DivideExactly(batch.Size) ?? Dimension.Unknown, fileTarget) : PlaceOf(outer, fileTarget);
        if (isInner && (place < 0 || fileTarget[place].Value != batch.Size))
        {
            // The axis that the batch is the inner part of may pass as it is, and nothing else.
            place = PlaceOf(outer, fileTarget);
            if (place < 0 || fileTarget[place] != before[axis])
                throw NodeUpgrade.Refuse("it takes apart an axis that the examples of the batch share", "Export the model with a dynamic batch");
        }
        else if (!isInner && place > 0 && fileTarget[place].Value != batch.Size && fileTarget[place] != before[axis] && target.Length - place <= behind)
        {
            // What follows keeps its extents or joins, so the batch joins what comes before: tokens of all examples in one axis.
            place--;
            batch.JoinsInner(fileTarget[place]);
        }
        if (place < 0 || target[place] == -1 || (target[place] == 0 && place == axis))
            return;
        if (fileTarget[place].Value is not { } fileExtent)
            return;
        if (shape[axis].Symbol == MakeBatchDynamic.Symbol && place == axis && fileExtent == batch.Size)
            target[place] = 0;
        else if (OpenTo(target, fileTarget, place))
            target[place] = -1;
        else
        {
            node.SetInput(1, Written(node.B, node.Input(0), axis, fileExtent, before[axis].Value ?? batch.Size, target, place));
            return;
        }
        node.SetInput(1, node.B.Ints(target));
    }

    // Another −1 gives way where its extent is a number.
    private static bool OpenTo(long[] target, Dimension[] fileTarget, int place)
    {
        var other = Array.IndexOf(target, -1);
        if (other >= 0 && other != place)
        {
            if (fileTarget[other].Value is not { } extent)
                return false;
            target[other] = extent;
        }
        return true;
    }

    private static Value Written(GraphBuilder b, Value x, int axis, long fileExtent, long fileBatch, long[] target, int place)
    {
        var batch = b.ShapeOf(x, axis, axis + 1);
        var extent = fileExtent % fileBatch == 0 ? batch * b.Ints(fileExtent / fileBatch) : b.Div(batch * b.Ints(fileExtent), b.Ints(fileBatch));
        List<Value> parts = [];
        if (place > 0)
            parts.Add(b.Ints(target.AsSpan(0, place)));
        parts.Add(extent);
        if (place + 1 < target.Length)
            parts.Add(b.Ints(target.AsSpan(place + 1)));
        return b.Concat(parts, 0);
    }

    /// <summary>An extent of the batch's size in a target is 1 there: broadcasting leaves the batch as it is.</summary>
    private static void Expand(NodeUpgrade node)
    {
        if (node.Batch is not { Size: > 1 } batch || node.Input(0).Shape is not { } shape || TryTarget(node, 1) is not { } target)
            return;
        var axis = BatchFolds.AxisOf(shape) + target.Length - shape.Rank;
        if (BatchFolds.AxisOf(shape) >= 0 && axis >= 0 && target[axis] == batch.Size)
        {
            target[axis] = 1;
            node.SetInput(1, node.B.Ints(target));
        }
    }

    /// <summary>A constant of one example is repeated for each of the batch, as for the class token of a vision transformer.</summary>
    private static void Concat(NodeUpgrade node)
    {
        if (node.Batch is not { } batch)
            return;
        var whole = node.Inputs.FirstOrDefault(i => i?.Shape is { } s && BatchFolds.AxisOf(s) >= 0);
        if (whole?.Shape is not { } shape)
            return;
        var axis = BatchFolds.AxisOf(shape);
        if (shape.Axis(node.Attributes.Int("axis")) == axis)
            return;
        for (var i = 0; i < node.Inputs.Length; i++)
        {
            if (node.Inputs[i] is not { Shape: { } part } input || part.Rank != shape.Rank || BatchFolds.AxisOf(part) >= 0 || part[axis].Value is not { } extent || extent != BatchFolds.At(shape, batch.Size)[axis].Value)
                continue;
            var b = node.B;
            if (extent > 1)
                input = b.Slice(input, axis, 0, 1);
            List<Value> target = [b.ShapeOf(whole, axis, axis + 1)];
            if (axis > 0)
                target.Insert(0, b.Ints([.. Enumerable.Repeat(1L, axis)]));
            if (axis + 1 < shape.Rank)
                target.Add(b.Ints([.. Enumerable.Repeat(1L, shape.Rank - axis - 1)]));
            node.Inputs[i] = b.Expand(input, b.Concat(target, 0));
        }
    }

    /// <summary>Dropping all axes of one place dropped the batch of a file that fixed it at 1; it is to stay.</summary>
    private static void Squeeze(NodeUpgrade node)
    {
        if (node.Batch is null || node.TryInput(1) is not null || node.Input(0).Shape is not { } shape || BatchFolds.AxisOf(shape) is not (>= 0 and var batch))
            return;
        if (shape.Where((d, i) => i != batch && !d.IsStatic).Any())
            return;
        node.SetInput(1, node.B.Ints([.. Enumerable.Range(0, shape.Rank).Where(i => shape[i].Value == 1).Select(i => (long)i)]));
    }

    // Numbers alone: a target with a name in it follows the batch by itself.
    private static long[]? TryTarget(NodeUpgrade node, int input)
    {
        var value = node.Input(input);
        return value.Contents.IsDefault ? GraphBuilder.TryEvaluate(value)?.ToInt64()
            : value.Contents.All(d => d.IsStatic) ? [.. value.Contents.Select(d => d.Value!.Value)]
            : null;
    }

    private static Dimension[] Resolved(long[] target, Shape source)
    {
        var all = new Dimension[target.Length];
        Dimension rest = 1;
        for (var i = 0; i < target.Length; i++)
        {
            all[i] = target[i] != 0 ? target[i] : i < source.Rank ? source[i] : Dimension.Unknown;
            if (target[i] != -1)
                rest *= all[i];
        }
        if (Array.IndexOf(target, -1) is >= 0 and var open)
            all[open] = source.Elements.DivideExactly(rest) ?? Dimension.Unknown;
        return all;
    }

    private static int PlaceOf(Dimension elementsBefore, Dimension[] target)
    {
        Dimension product = 1;
        for (var i = 0; i < target.Length; i++)
        {
            if (product == elementsBefore)
                return i;
            product *= target[i];
        }
        return -1;
    }
}
