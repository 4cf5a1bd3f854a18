using OnnxPriors.Graphs;

namespace OnnxPriors.Normalization.Upgrades.Spatial;

/// <summary>
/// auto_pad SAME with a stride over extents that the inputs choose, for graphs that train: how much is padded depends on the extent, so
/// the amounts become values of the graph and the window slides over what is padded. Forms with fixed extents stay as they are.
/// </summary>
internal static class SamePadding
{
    public static IEnumerable<UpgradeRule> Rules =>
    [
        UpgradeRule.Always("Conv", node => Pad(node, 0)),
        UpgradeRule.Always("LpPool", node => Pad(node, 0)),
        UpgradeRule.Always("MaxPool", node => Pad(node, double.NegativeInfinity)),
        UpgradeRule.Always("AveragePool", Average),
    ];

    private static void Pad(NodeUpgrade node, double filling)
    {
        // Indices of a MaxPool count in what is not padded.
        if (Amounts(node) is not { } pads || node.HasOutput(1))
            return;
        var b = node.B;
        node.SetInput(0, b.Pad(node.Input(0), pads, b.Scalar(filling, node.Input(0).Type)));
        node.Attributes = node.Attributes.With("auto_pad", "VALID");
    }

    /// <summary>Means that leave the padding out of their count: those of what is padded with zeros over those of ones padded the same.</summary>
    private static void Average(NodeUpgrade node)
    {
        if (Amounts(node) is not { } pads)
            return;
        var (b, x) = (node.B, node.Input(0));
        var valid = node.Attributes.With("auto_pad", "VALID").Without("count_include_pad");
        var mean = Mean(x);
        node.FinishWith(node.Attributes.Flag("count_include_pad") ? mean : mean / Mean(b.Filled(b.ShapeOf(x), 1, x.Type)));

        Value Mean(Value value) => b.Apply("AveragePool", [b.Pad(value, pads, b.Scalar(0, x.Type))], valid);
    }

    // max((⌈D/s⌉ − 1)s + span − D, 0) along each spatial axis of extent D, half of it before; an odd one behind, or before for SAME_LOWER.
    private static Value? Amounts(NodeUpgrade node)
    {
        if (!node.IsTraining || node.TryInput(0)?.Shape is not { Rank: > 2 } shape || !node.Input(0).Type.IsFloating())
            return null;
        var axes = shape.Rank - 2;
        var window = Window.Read(node.Attributes, axes);
        if (!window.IsSame || Enumerable.Range(0, axes).All(a => window.Strides[a] == 1 || shape[a + 2].IsStatic))
            return null;
        var b = node.B;
        var spans = new long[axes];
        for (var a = 0; a < axes; a++)
        {
            var kernel = node.Attributes.Ints("kernel_shape")?[a] ?? NodeUpgrade.Known(node.ShapeOf(1)[a + 2], "the extent of its kernel");
            spans[a] = (kernel - 1) * window.Dilations[a] + 1;
        }
        var (extents, strides) = (b.ShapeOf(node.Input(0), 2, shape.Rank), b.Ints(window.Strides));
        var places = (extents + b.Ints([.. window.Strides.Select(s => s - 1)])) / strides;
        var total = b.Max((places - 1) * strides + b.Ints(spans) - extents, b.Ints(new long[axes]));
        var less = total / 2;
        var (before, after) = window.PadsLower ? (total - less, less) : (less, total - less);
        return b.Concat([b.Ints(0, 0), before, b.Ints(0, 0), after], 0);
    }
}
