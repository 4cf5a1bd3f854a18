using OnnxPriors.Graphs;

namespace OnnxPriors.Normalization.Upgrades.Standard;

/// <summary>Convolutions, pooling and normalisation.</summary>
internal static class NeuralUpgrades
{
    public static IEnumerable<UpgradeRule> Rules =>
    [
        UpgradeRule.Before(9, "BatchNormalization", Spatial),
        UpgradeRule.Before(14, "BatchNormalization", OldOutputs),
        UpgradeRule.Before(16, "RoiAlign", node =>
        {
            if (!node.Attributes.Has("coordinate_transformation_mode"))
                node.Attributes = node.Attributes.With("coordinate_transformation_mode", "output_half_pixel");
        }),
        UpgradeRule.Always("GroupNormalization", GroupNormalization),
    ];

    /// <summary>With spatial = 0 each place had statistics of its own; for [N, C] the two are the same.</summary>
    private static void Spatial(NodeUpgrade node)
    {
        if (!node.Attributes.Flag("spatial", true) && node.Input(0).Shape is not { Rank: 2 })
            throw NodeUpgrade.Refuse("statistics for each place of its own (spatial = 0) are older than opset 9", "Export the model for opset 9 or newer");
        node.Attributes = node.Attributes.Without("spatial", "is_test", "consumed_inputs");
    }

    /// <summary>Up to opset 13 the running statistics of the batch were outputs 1 and 2 and its own 3 and 4, there in training alone.</summary>
    private static void OldOutputs(NodeUpgrade node)
    {
        var inputs = node.Inputs;
        var name = node.Node.Outputs[0]!.Name;
        var y = node.B.Emit("BatchNormalization", inputs, node.Attributes, 1, [name], node.Node.Name)[0];
        node.FinishWith(y, TryGet(3), TryGet(4), TryGet(3), TryGet(4));

        Value? TryGet(int index) => index < inputs.Length ? inputs[index] : null;
    }

    /// <summary>
    /// InstanceNormalization of [N, G, …], then scale and shift: one for each group at opset 18, one for each channel from 21 on.
    /// </summary>
    private static void GroupNormalization(NodeUpgrade node)
    {
        var b = node.B;
        var (x, scale, bias) = (node.Input(0), node.Input(1), node.Input(2));
        var groups = node.Attributes.Int("num_groups");
        if (x.Shape is not { Rank: > 2 } shape || scale.Shape is not { Rank: 1 } parts || parts[0].Value is not { } count)
            throw NodeUpgrade.Refuse("the number of axes or channels is not known", "Give the model's inputs fixed shapes");
        var epsilon = Attributes.None.With("epsilon", node.Attributes.Float("epsilon", 1e-5f));
        var ones = b.Filled(b.Ints(groups), 1, x.Type);
        var zeros = b.Filled(b.Ints(groups), 0, x.Type);
        var normal = b.Apply("InstanceNormalization", [b.Reshape(x, [0, groups, -1]), ones, zeros], epsilon);
        long[] column = [1, count, .. Enumerable.Repeat(1L, shape.Rank - 2)];
        if (count == groups)
        {
            var scaled = normal * b.Reshape(scale, [1, groups, 1]) + b.Reshape(bias, [1, groups, 1]);
            node.Finish("Reshape", [scaled, b.ShapeOf(x)]);
            return;
        }
        node.Finish("Add", [b.Reshape(normal, b.ShapeOf(x)) * b.Reshape(scale, column), b.Reshape(bias, column)]);
    }
}
