using OnnxPriors.Graphs;

namespace OnnxPriors.Normalization.Upgrades.Vendor;

/// <summary>Experimental operators of the standard domain that converters wrote before opset 10 and that ONNX Runtime still runs.</summary>
internal static class ExperimentalOperators
{
    public static IEnumerable<UpgradeRule> Rules =>
    [
        UpgradeRule.Always("Affine", node => node.FinishWith(node.Input(0) * node.Attributes.Float("alpha", 1) + node.Attributes.Float("beta"))),
        UpgradeRule.Always("Scale", node => node.FinishWith(node.Input(0) * node.Attributes.Float("scale", 1))),
        UpgradeRule.Always("ScaledTanh", node => node.FinishWith(node.B.Tanh(node.Input(0) * node.Attributes.Float("beta", 1)) * node.Attributes.Float("alpha", 1))),
        UpgradeRule.Always("ParametricSoftplus", node => node.FinishWith(node.B.Softplus(node.Input(0) * node.Attributes.Float("beta", 1)) * node.Attributes.Float("alpha", 1))),
        UpgradeRule.Always("ImageScaler", ImageScaler),
        UpgradeRule.Always("Crop", Crop),
        UpgradeRule.Always("DynamicSlice", node => node.Op = "Slice"),
        UpgradeRule.Always("GivenTensorFill", GivenTensorFill),
        UpgradeRule.Before(9, "MeanVarianceNormalization", MeanVariance),
    ];

    /// <summary>scale · x + a bias for each channel of [N, C, H, W].</summary>
    private static void ImageScaler(NodeUpgrade node)
    {
        var b = node.B;
        var y = node.Input(0) * node.Attributes.Float("scale", 1);
        if (node.Attributes.Floats("bias") is { } bias)
            y += b.Cast(b.Constant(TensorData.Of(bias, bias.Length, 1, 1)), y.Type);
        node.FinishWith(y);
    }

    /// <summary>[N, C, H, W] without borders (left, top, right, bottom), or a window (height, width) that starts after the first two.</summary>
    private static void Crop(NodeUpgrade node)
    {
        var b = node.B;
        var border = node.Attributes.Ints("border") is { Length: 4 } given ? given : throw new GraphException($"{node.Node.Title} lacks its four borders.");
        var (left, top) = (border[0], border[1]);
        var ends = node.Attributes.Ints("scale") is [var height, var width]
            ? b.Ints(top + height, left + width)
            : b.ShapeOf(node.Input(0), 2, 4) - b.Ints(border[3], border[2]);
        node.Finish("Slice", [node.Input(0), b.Ints(top, left), ends, b.Ints(2, 3)]);
    }

    /// <summary>The numbers of an attribute in a given shape.</summary>
    private static void GivenTensorFill(NodeUpgrade node)
    {
        var b = node.B;
        var values = node.Attributes.Floats("values") ?? throw new GraphException($"{node.Node.Title} lacks its values.");
        var data = b.Constant(TensorData.Of(values, values.Length));
        if (node.TryInput(0) is not { } like)
        {
            node.Finish("Reshape", [data, b.Ints(node.Attributes.Ints("shape") ?? [values.Length])]);
            return;
        }
        var shape = node.Attributes.Flag("input_as_shape") ? b.Cast(like, ElementType.Int64) : b.ShapeOf(like);
        node.Finish("Reshape", [data, node.Attributes.Ints("extra_shape") is { } extra ? b.Concat([shape, b.Ints(extra)], 0) : shape]);
    }

    /// <summary>Before opset 9: over examples and places, or over all there is; the variance may be left as it is.</summary>
    private static void MeanVariance(NodeUpgrade node)
    {
        var isWhole = node.Attributes.Flag("across_channels");
        long[] axes = [.. Enumerable.Range(0, node.ShapeOf(0).Rank).Where(i => isWhole || i != 1).Select(i => (long)i)];
        if (node.Attributes.Flag("normalize_variance", true))
            node.Attributes = Attributes.None.With("axes", axes);
        else
            node.Finish("Sub", [node.Input(0), node.B.ReduceMean(node.Input(0), axes)]);
    }
}
