using OnnxPriors.Graphs;

namespace OnnxPriors.Normalization.Upgrades.Standard;

/// <summary>Operators that move elements: what were attributes became inputs.</summary>
internal static class MovementUpgrades
{
    public static IEnumerable<UpgradeRule> Rules =>
    [
        UpgradeRule.Before(13, "Squeeze", node => ListToInput(node, "axes", 1)),
        UpgradeRule.Before(13, "Unsqueeze", node => ListToInput(node, "axes", 1)),
        UpgradeRule.Before(13, "Split", node => ListToInput(node, "split", 1)),
        UpgradeRule.Always("Split", SplitByNumber),
        UpgradeRule.Before(10, "Slice", Slice),
        UpgradeRule.Before(11, "Pad", Pad),
        UpgradeRule.Before(10, "TopK", TopK),
        UpgradeRule.Always("Scatter", node => node.Op = "ScatterElements"),
        UpgradeRule.Since(19, "Cast", node => node.Attributes = node.Attributes.Without("saturate", "round_mode")),
        UpgradeRule.Since(19, "CastLike", node => node.Attributes = node.Attributes.Without("saturate", "round_mode")),
        UpgradeRule.Always("CastLike", CastLike),
        UpgradeRule.Before(11, "DepthToSpace", node => node.Attributes = node.Attributes.Has("mode") ? node.Attributes : node.Attributes.With("mode", "DCR")),
    ];

    private static void ListToInput(NodeUpgrade node, string attribute, int input)
    {
        if (node.Attributes.Ints(attribute) is { } list)
            node.SetInput(input, node.B.Ints(list));
        node.Attributes = node.Attributes.Without(attribute);
    }

    /// <summary>Without lengths, opset 18 wants the number of parts; lengths that are known are written out.</summary>
    private static void SplitByNumber(NodeUpgrade node)
    {
        var parts = node.Attributes.Int("num_outputs", node.Node.Outputs.Length);
        node.Attributes = node.Attributes.Without("num_outputs");
        if (node.TryInput(1) is not null)
            return;
        if (parts != node.Node.Outputs.Length)
            throw new GraphException($"{node.Node.Title} has {node.Node.Outputs.Length} outputs and asks for {parts}.");
        var x = node.Input(0);
        if (x.Shape is { } shape && shape[shape.Axis(node.Attributes.Int("axis"))].Value is { } extent)
        {
            var chunk = (extent + parts - 1) / parts;
            node.SetInput(1, node.B.Ints([.. Enumerable.Range(0, (int)parts).Select(i => i < parts - 1 ? chunk : extent - (parts - 1) * chunk)]));
        }
        else
        {
            node.Attributes = node.Attributes.With("num_outputs", parts);
        }
    }

    private static void Slice(NodeUpgrade node)
    {
        var starts = node.Attributes.Ints("starts") ?? throw new GraphException($"{node.Node.Title} lacks its starts.");
        var ends = node.Attributes.Ints("ends") ?? throw new GraphException($"{node.Node.Title} lacks its ends.");
        var axes = node.Attributes.Ints("axes") ?? [.. Enumerable.Range(0, starts.Length).Select(i => (long)i)];
        node.Finish("Slice", [node.Input(0), node.B.Ints(starts), node.B.Ints(ends), node.B.Ints(axes)]);
    }

    private static void Pad(NodeUpgrade node)
    {
        var pads = node.Attributes.Ints("pads") ?? throw new GraphException($"{node.Node.Title} lacks its pads.");
        node.Inputs = [node.Input(0), node.B.Ints(pads), node.Attributes.Has("value") ? node.B.Scalar(node.Attributes.Float("value"), node.Input(0).Type) : null];
        node.Attributes = node.Attributes.Without("pads", "value");
    }

    private static void TopK(NodeUpgrade node)
    {
        node.SetInput(1, node.B.Ints(node.Attributes.Int("k")));
        node.Attributes = node.Attributes.Without("k");
    }

    private static void CastLike(NodeUpgrade node)
    {
        if (node.Input(1).Type != ElementType.Undefined)
            node.Finish("Cast", [node.Input(0)], Attributes.None.With("to", node.Input(1).Type));
    }
}
