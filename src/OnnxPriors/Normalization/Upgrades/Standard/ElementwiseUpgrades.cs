using OnnxPriors.Graphs;

namespace OnnxPriors.Normalization.Upgrades.Standard;

/// <summary>Element-wise operators and the softmax family.</summary>
internal static class ElementwiseUpgrades
{
    public static IEnumerable<UpgradeRule> Rules =>
    [
        UpgradeRule.Before(11, "Clip", BoundsToInputs),
        UpgradeRule.Before(12, "Dropout", RatioToInput),
        UpgradeRule.Before(13, "Softmax", Flattening),
        UpgradeRule.Before(13, "LogSoftmax", Flattening),
        UpgradeRule.Before(13, "Hardmax", Flattening),
        // The one variadic operators of one input, which need no operator.
        UpgradeRule.Always("Sum", OneIsItself),
        UpgradeRule.Always("Max", OneIsItself),
        UpgradeRule.Always("Min", OneIsItself),
        UpgradeRule.Always("Mean", OneIsItself),
        UpgradeRule.Always("Identity", OneIsItself),
    ];

    // Shared weights arrive through Identity: what reads them is to read the weights themselves.
    private static void OneIsItself(NodeUpgrade node)
    {
        if (node.Inputs.Length == 1)
            node.FinishWith(node.Input(0));
    }

    private static void BoundsToInputs(NodeUpgrade node)
    {
        var type = node.Input(0).Type;
        if (node.Attributes.Has("min"))
            node.SetInput(1, node.B.Scalar(node.Attributes.Float("min"), type));
        if (node.Attributes.Has("max"))
            node.SetInput(2, node.B.Scalar(node.Attributes.Float("max"), type));
        node.Attributes = node.Attributes.Without("min", "max", "consumed_inputs");
    }

    private static void RatioToInput(NodeUpgrade node)
    {
        node.SetInput(1, node.B.Scalar(node.Attributes.Float("ratio", 0.5f)));
        node.Attributes = node.Attributes.Without("ratio", "is_test");
    }

    /// <summary>Before opset 13 all axes from the one named on count as one; the default was 1.</summary>
    private static void Flattening(NodeUpgrade node)
    {
        var x = node.Input(0);
        var axis = node.Attributes.Int("axis", 1);
        if (x.Shape is { } shape)
        {
            axis = axis < 0 ? axis + shape.Rank : axis;
            if (axis == shape.Rank - 1 || (axis < shape.Rank && shape.Skip((int)axis + 1).All(d => d.Value == 1)))
            {
                node.Attributes = node.Attributes.With("axis", axis);
                return;
            }
        }
        var b = node.B;
        var flat = b.Apply(node.Op, [b.Flatten(x, axis)], Attributes.None.With("axis", -1L));
        node.Finish("Reshape", [flat, b.ShapeOf(x)]);
    }
}
