using OnnxPriors.Graphs;

namespace OnnxPriors.Normalization.Upgrades.Spatial;

/// <summary>Upsample and the versions of Resize.</summary>
internal static class ResizeUpgrades
{
    public static IEnumerable<UpgradeRule> Rules =>
    [
        UpgradeRule.Before(9, "Upsample", node =>
        {
            var scales = node.Attributes.Floats("scales") ?? throw new GraphException($"{node.Node.Title} lacks its scales.");
            node.SetInput(1, node.B.Constant(TensorData.Of(scales, scales.Length)));
        }),
        UpgradeRule.Always("Upsample", ByScales),
        UpgradeRule.Before(11, "Resize", ByScales),
        UpgradeRule.Since(11, "Resize", Modern),
    ];

    /// <summary>Before opset 11: x, scales; places count from the corner, and the nearest is the one below (above where it shrinks).</summary>
    private static void ByScales(NodeUpgrade node)
    {
        var mode = node.Attributes.String("mode", "nearest");
        var shrinks = GraphBuilder.TryEvaluate(node.Input(1)) is { } scales && scales.ToSingle().Any(s => s < 1);
        var attributes = Attributes.None
            .With("mode", mode is "bilinear" or "trilinear" ? "linear" : mode)
            .With("coordinate_transformation_mode", "asymmetric")
            .With("nearest_mode", shrinks ? "ceil" : "floor");
        node.Finish("Resize", [node.Input(0), null, node.Input(1)], attributes);
    }

    /// <summary>Up to opset 12 an input that is left out is an empty tensor.</summary>
    private static void Modern(NodeUpgrade node)
    {
        for (var i = 1; i < node.Inputs.Length; i++)
            if (node.Inputs[i] is { Data.Count: 0 })
                node.Inputs[i] = null;
        var mode = node.Attributes.String("coordinate_transformation_mode");
        if (mode == "tf_half_pixel_for_nn")
            FromTensorFlow(node);
        // Sizes are whole; both together mean the sizes.
        if (node.TryInput(2) is not null && node.TryInput(3) is not null)
            node.Inputs[2] = null;
    }

    /// <summary>
    /// Up to opset 12 there were the coordinates (i + ½)/s, those of half_pixel plus ½, for the nearest element alone: the one below is the
    /// one that half_pixel rounds to, and the one rounded to is the one above.
    /// </summary>
    private static void FromTensorFlow(NodeUpgrade node)
    {
        var rounding = (node.Attributes.String("mode", "nearest"), node.Attributes.String("nearest_mode", "round_prefer_floor")) switch
        {
            ("nearest", "floor") => "round_prefer_ceil",
            ("nearest", "round_prefer_floor") => "ceil",
            _ => throw NodeUpgrade.Refuse("the coordinates 'tf_half_pixel_for_nn' are for the nearest element alone, the one below or the one rounded to", "Export the model with half_pixel or align_corners"),
        };
        node.Attributes = node.Attributes.With("coordinate_transformation_mode", "half_pixel").With("nearest_mode", rounding);
    }
}
