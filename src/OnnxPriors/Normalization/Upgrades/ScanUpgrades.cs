using OnnxPriors.Graphs;

namespace OnnxPriors.Normalization.Upgrades;

/// <summary>Products and transforms along an axis that newer opsets give as an input.</summary>
internal static class ScanUpgrades
{
    public static IEnumerable<UpgradeRule> Rules =>
    [
        UpgradeRule.Always("CumProd", CumProd),
        UpgradeRule.Since(20, "DFT", AxisToAttribute),
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
        var axis = shape.Axis(node.Constant(1, "the axis").ToInt64()[0]);
        var extent = NodeUpgrade.Known(shape[axis], "the extent of the axis");
        var isReverse = node.Attributes.Flag("reverse");
        var y = node.Attributes.Flag("exclusive") ? Shifted(x, 1) : x;
        for (var step = 1L; step < extent; step *= 2)
            y *= Shifted(y, step);
        node.FinishWith(y);

        // Ones come in where nothing precedes.
        Value Shifted(Value value, long by)
        {
            var kept = isReverse ? b.Slice(value, axis, by, extent) : b.Slice(value, axis, 0, extent - by);
            var pads = new long[2 * shape.Rank];
            pads[isReverse ? axis + shape.Rank : axis] = by;
            return b.Pad(kept, b.Ints(pads), b.Scalar(1, value.Type));
        }
    }

    /// <summary>The axis was an attribute before opset 20, by default 1; it is an input now, by default −2.</summary>
    private static void AxisToAttribute(NodeUpgrade node)
    {
        var axis = node.TryInput(2) is null ? -2 : node.Constant(2, "the axis").ToInt64()[0];
        node.Inputs = [.. node.Inputs.Take(2)];
        node.Attributes = node.Attributes.With("axis", (long)node.ShapeOf(0).Axis(axis));
    }

    /// <summary>The greatest and the least of conditions (opset 20) are those of numbers 0 and 1.</summary>
    private static void OfConditions(NodeUpgrade node)
    {
        var b = node.B;
        if (node.Input(0).Type == ElementType.Bool)
            node.FinishWith(b.Cast(b.Apply(node.Op, [b.Cast(node.Input(0), ElementType.Int32), .. node.Inputs.Skip(1)], node.Attributes), ElementType.Bool));
    }
}
