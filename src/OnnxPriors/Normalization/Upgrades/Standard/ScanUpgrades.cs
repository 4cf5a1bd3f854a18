using OnnxPriors.Graphs;

namespace OnnxPriors.Normalization.Upgrades.Standard;

/// <summary>Products and extremes along axes.</summary>
internal static class ScanUpgrades
{
    public static IEnumerable<UpgradeRule> Rules =>
    [
        UpgradeRule.Always("CumProd", CumProd),
        UpgradeRule.Since(20, "ReduceMax", OfConditions),
        UpgradeRule.Since(20, "ReduceMin", OfConditions),
    ];

    /// <summary>
    /// Running products (CumProd-26) by doubling: after the step of 2ⁱ each element holds the product of the 2ⁱ⁺¹ up to it, so that
    /// log₂ n multiplications are enough and a zero does no harm.
    /// </summary>
    private static void CumProd(NodeUpgrade node)
    {
        var b = node.B;
        var x = node.Input(0);
        var shape = node.ShapeOf(0);
        var isReverse = node.Attributes.Flag("reverse");
        if (GraphBuilder.TryEvaluate(node.Input(1)) is { } known)
        {
            node.FinishWith(Along(shape.Axis(known.ToInt64()[0])));
            return;
        }
        // An axis that the inputs choose: that one of all.
        var chosen = Along(0);
        for (var axis = 1; axis < shape.Rank; axis++)
        {
            var isIt = b.Or(Is(axis), Is(axis - shape.Rank));
            chosen = b.Where(isIt, Along(axis), chosen);
        }
        node.FinishWith(chosen);

        Value Is(int axis) => b.Equal(node.Input(1), b.Scalar(axis, node.Input(1).Type));

        Value Along(int axis)
        {
            var extent = NodeUpgrade.Known(shape[axis], "the extent of the axis");
            var y = node.Attributes.Flag("exclusive") ? Shifted(x, axis, 1, extent) : x;
            for (var step = 1L; step < extent; step *= 2)
                y *= Shifted(y, axis, step, extent);
            return y;
        }

        // Ones come in where nothing precedes.
        Value Shifted(Value value, int axis, long by, long extent)
        {
            var kept = isReverse ? b.Slice(value, axis, by, extent) : b.Slice(value, axis, 0, extent - by);
            var pads = new long[2 * shape.Rank];
            pads[isReverse ? axis + shape.Rank : axis] = by;
            return b.Pad(kept, b.Ints(pads), b.Scalar(1, value.Type));
        }
    }

    /// <summary>The greatest of conditions (opset 20) says whether one holds, the least whether all do; of none the least is true.</summary>
    private static void OfConditions(NodeUpgrade node)
    {
        var b = node.B;
        if (node.Input(0).Type != ElementType.Bool)
            return;
        var isLeast = node.Op == "ReduceMin";
        var counted = b.Cast(isLeast ? b.Not(node.Input(0)) : node.Input(0), ElementType.Int32);
        var some = b.Greater(b.Apply("ReduceSum", [counted, .. node.Inputs.Skip(1)], node.Attributes), b.Scalar(0, ElementType.Int32));
        node.FinishWith(isLeast ? b.Not(some) : some);
    }
}
