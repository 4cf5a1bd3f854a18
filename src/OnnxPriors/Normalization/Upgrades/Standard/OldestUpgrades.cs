using OnnxPriors.Graphs;

namespace OnnxPriors.Normalization.Upgrades.Standard;

/// <summary>What opsets 1 to 6 wrote otherwise: broadcasting by attribute, shapes as attributes, hints for computing in place.</summary>
internal static class OldestUpgrades
{
    public static IEnumerable<UpgradeRule> Rules =>
    [
        .. from op in (string[])
            [
                "Abs", "Add", "BatchNormalization", "Ceil", "Clip", "Div", "Dropout", "Elu", "Exp", "Floor", "HardSigmoid", "InstanceNormalization",
                "LeakyRelu", "Log", "Max", "Mean", "Min", "Mul", "Neg", "PRelu", "Reciprocal", "Relu", "Selu", "Sigmoid", "Sqrt", "Sub", "Sum", "Tanh",
            ]
           select UpgradeRule.Before(6, op, node => node.Attributes = node.Attributes.Without("consumed_inputs")),
        .. from op in (string[])["Add", "Sub", "Mul", "Div", "Pow", "And", "Or", "Xor", "Equal", "Greater", "Less"]
           select UpgradeRule.Before(7, op, BroadcastByAxis),
        UpgradeRule.Before(7, "PRelu", SlopeForEachChannel),
        UpgradeRule.Before(7, "Gemm", node => node.Attributes = node.Attributes.Without("broadcast")),
        UpgradeRule.Before(7, "BatchNormalization", node => node.Attributes = node.Attributes.Without("is_test", "consumed_inputs")),
        UpgradeRule.Before(7, "Upsample", ScalesByName),
        .. from op in (string[])["RNN", "GRU", "LSTM"] select UpgradeRule.Before(7, op, node => node.Attributes = node.Attributes.Without("output_sequence")),
        UpgradeRule.Before(6, "Cast", TypeByName),
        UpgradeRule.Before(6, "Selu", node => node.Attributes = node.Attributes
            .With("alpha", node.Attributes.Float("alpha", 1.6732f)).With("gamma", node.Attributes.Float("gamma", 1.0507f))),
        UpgradeRule.Before(6, "Tile", TileAlongOne),
        UpgradeRule.Before(5, "Reshape", ShapeToInput),
        UpgradeRule.Before(4, "Concat", node => node.Attributes = node.Attributes.With("axis", node.Attributes.Int("axis", 1))),
        UpgradeRule.Before(2, "Pad", node => node.Attributes = node.Attributes.With("pads", node.Attributes.Ints("paddings")).Without("paddings")),
        UpgradeRule.Before(2, "Split", LengthsFromInput),
        UpgradeRule.Before(2, "LpPool", WholeOrder),
        UpgradeRule.Before(2, "GlobalLpPool", WholeOrder),
    ];

    /// <summary>
    /// Before opset 7 shapes had to be equal, or the second was laid along the first from <c>axis</c> on; by default along its end, which
    /// is today's rule.
    /// </summary>
    private static void BroadcastByAxis(NodeUpgrade node)
    {
        if (node.Attributes.Flag("broadcast") && node.Attributes.Has("axis"))
        {
            var (a, b) = (node.Input(0), node.Input(1));
            if (a.Shape is not { } shape || b.Shape is not { } part)
                throw NodeUpgrade.Refuse("it broadcasts along an axis, and the number of axes is not known", "Give the model's inputs fixed shapes");
            var behind = shape.Rank - shape.Axis(node.Attributes.Int("axis")) - part.Rank;
            if (behind > 0)
                node.SetInput(1, node.B.Unsqueeze(b, [.. Enumerable.Range(part.Rank, behind).Select(i => (long)i)]));
        }
        node.Attributes = node.Attributes.Without("broadcast", "axis");
    }

    /// <summary>Before opset 7 a vector of slopes was one for each channel; now it is broadcast from the last axis.</summary>
    private static void SlopeForEachChannel(NodeUpgrade node)
    {
        var (x, slope) = (node.Input(0), node.Input(1));
        if (slope.Shape is not { Rank: 1 } shape || shape[0].Value == 1 || x.Shape is { Rank: <= 2 })
            return;
        if (x.Shape is null)
            throw NodeUpgrade.Refuse("it has a slope for each channel, and the number of axes is not known", "Give the model's inputs fixed shapes");
        node.SetInput(1, node.B.Unsqueeze(slope, [.. Enumerable.Range(1, x.Rank - 2).Select(i => (long)i)]));
    }

    private static void ScalesByName(NodeUpgrade node)
    {
        if (!node.Attributes.Has("height_scale"))
            return;
        node.Attributes = Attributes.None.With("mode", node.Attributes.String("mode", "nearest"))
            .With("scales", new[] { 1, 1, node.Attributes.Float("height_scale"), node.Attributes.Float("width_scale") });
    }

    private static void TypeByName(NodeUpgrade node)
    {
        var name = node.Attributes.String("to");
        if (!Enum.TryParse<ElementType>(name, ignoreCase: true, out var type))
            throw new GraphException($"{node.Node.Title} casts to '{name}', which is no element type.");
        node.Attributes = Attributes.None.With("to", type);
    }

    /// <summary>Opset 1 repeats along one axis, whose number and count are inputs of one element.</summary>
    private static void TileAlongOne(NodeUpgrade node)
    {
        if (node.Inputs.Length < 3)
            return;
        if (node.Input(0).Shape is not { } shape || GraphBuilder.TryEvaluate(node.Input(1)) is not { Count: 1 } tiles || GraphBuilder.TryEvaluate(node.Input(2)) is not { Count: 1 } axis)
            throw NodeUpgrade.Refuse("its repeats follow from the inputs", "Bind the inputs they depend on with --bind NAME=VALUE");
        var repeats = Enumerable.Repeat(1L, shape.Rank).ToArray();
        repeats[shape.Axis((long)axis.ToDouble()[0])] = (long)tiles.ToDouble()[0];
        node.Finish("Tile", [node.Input(0), node.B.Ints(repeats)]);
    }

    private static void ShapeToInput(NodeUpgrade node)
    {
        if (node.Attributes.Ints("shape") is { } shape)
            node.SetInput(1, node.B.Ints(shape));
        node.Attributes = Attributes.None;
    }

    private static void LengthsFromInput(NodeUpgrade node)
    {
        if (node.TryInput(1) is { } lengths)
            node.SetInput(1, node.B.Cast(lengths, ElementType.Int64));
    }

    /// <summary>Opset 1 gave the order of the norm as a real number.</summary>
    private static void WholeOrder(NodeUpgrade node)
    {
        var order = node.Attributes.Float("p", 2);
        if (order != MathF.Round(order))
            throw NodeUpgrade.Refuse($"the order {order} of its norm is not whole", "Export the model with an order of 1 or 2");
        node.Attributes = node.Attributes.With("p", (long)order);
    }
}
