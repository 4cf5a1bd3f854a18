using OnnxPriors.Graphs;

namespace OnnxPriors.Importing;

/// <summary>What a fresh head is.</summary>
public enum HeadForm
{
    /// <summary>A linear layer over the features: one row of numbers an example.</summary>
    Linear,

    /// <summary>For every pixel: a 1×1 convolution over the last feature map, enlarged bilinearly to the input's size (Long and others, FCN, CVPR 2015, without its skips).</summary>
    Fcn,

    /// <summary>For every pixel: an atrous pyramid over the last feature map, a 1×1 convolution, and the same enlargement (Chen and others, DeepLabv3, arXiv 1706.05587).</summary>
    Aspp,
}

/// <summary>
/// A new head that scores every pixel: from a feature map [N, F, h, w] to [N, C, H, W] at the input's size. The pyramid has a 1×1
/// convolution, three dilated 3×3 ones and the mean over the map, each of the same width, projected together to that width. It has no
/// normalisation layers: those of DeepLab need batches that few labels do not give; weights are drawn for ReLU instead (He and others,
/// ICCV 2015), so that it trains from scratch at any batch. The dilations are DeepLab's 6, 12, 18 on a map of 33 places, and in
/// proportion to the map's short side on others: larger ones would see nothing but the border.
/// </summary>
internal sealed class SegmentationHead(GraphBuilder b, int classes, ulong seed)
{
    // A map of this short side is what DeepLabv3's dilations were chosen on.
    private const double ReferenceSide = 33;

    // The streams 0 and 1 are the classifier's, as those of a linear head.
    private uint stream = 2;

    /// <summary>Adds the head.</summary>
    /// <param name="map">The feature map [N, F, h, w].</param>
    /// <param name="picture">The input [N, channels, H, W], its size known.</param>
    /// <param name="form">Fcn or Aspp.</param>
    /// <param name="width">The pyramid's channels.</param>
    /// <returns>The class scores [N, C, H, W].</returns>
    public Value Add(Value map, Value picture, HeadForm form, int width)
    {
        if (classes < 2)
            throw new ImportException($"A head has at least 2 classes, not {classes}; give --classes 2 or more.");
        if (map.Shape is not { Rank: 4 } shape || shape[1].Value is null or < 1 || shape[2].Value is null || shape[3].Value is null || !map.Type.IsFloating())
            throw new ImportException($"The features '{map.Name}' have the shape {map.Shape?.ToString() ?? "?"}; scores for every pixel need a map [N, F, h, w] of known size. Fix the input's size with --shape, or name a map with --features VALUE.");
        if (picture.Shape is not { Rank: 4 } size || size[2].Value is not { } height || size[3].Value is not { } pixels)
            throw new ImportException($"The input '{picture.Name}' has the shape {picture.Shape?.ToString() ?? "?"}; scores for every pixel need its height and width. Fix them with --shape {picture.Name}=batchx3xHxW or --image-size.");
        if (width is < 1 or > 4096)
            throw new ImportException($"A pyramid of {width} channels is not possible; give --aspp-width from 1 to 4096.");
        var features = form == HeadForm.Aspp ? Pyramid(map, width) : map;
        var scores = Convolution(features, "head", classes, 1, 1, bias: true, classifier: true);
        return b.Emit("Resize", [scores, null, null, b.Ints(height, pixels)],
            Attributes.None.With("mode", "linear").With("coordinate_transformation_mode", "half_pixel").With("axes", (long[])[2, 3]), nodeName: "head.upsample")[0];
    }

    private Value Pyramid(Value map, int width)
    {
        var unit = Math.Clamp((int)Math.Round(6 * Math.Min(map.Shape![2].Value!.Value, map.Shape[3].Value!.Value) / ReferenceSide), 1, 6);
        Value[] branches =
        [
            b.Relu(Convolution(map, "head.aspp.0", width, 1, 1, bias: true)),
            .. Enumerable.Range(1, 3).Select(i => b.Relu(Convolution(map, $"head.aspp.{i}", width, 3, i * unit, bias: true))),
        ];
        var mean = b.Relu(Convolution(b.GlobalAveragePool(map), "head.aspp.pool", width, 1, 1, bias: true));
        // The projection of all five together; the mean's part is the same at every place.
        var fanIn = 5 * width;
        return b.Relu(Convolution(b.Concat(branches, 1), "head.project", width, 1, 1, bias: true, fanIn: fanIn)
            + Convolution(mean, "head.project.pool", width, 1, 1, bias: false, fanIn: fanIn));
    }

    private Value Convolution(Value x, string name, int outputs, int kernel, int dilation, bool bias, bool classifier = false, long? fanIn = null)
    {
        var inputs = x.Shape![1].Value!.Value;
        var fan = fanIn ?? inputs * kernel * kernel;
        FreshHead.CheckSize(x, fan, outputs);
        var bound = classifier ? 1 / Math.Sqrt(fan) : Math.Sqrt(6.0 / fan);
        var weight = b.Parameter($"{name}.weight", FreshHead.Uniform(bound, seed, classifier ? 0 : stream++, [outputs, inputs, kernel, kernel]));
        Value? offset = bias ? b.Parameter($"{name}.bias", classifier ? FreshHead.Uniform(bound, seed, 1, [outputs]) : TensorData.Of(new float[outputs], outputs)) : null;
        long pad = dilation * (kernel / 2);
        var attributes = Attributes.None.With("kernel_shape", (long[])[kernel, kernel]).With("dilations", (long[])[dilation, dilation])
            .With("pads", (long[])[pad, pad, pad, pad]).With("strides", (long[])[1, 1]);
        return b.Emit("Conv", offset is null ? [x, weight] : [x, weight, offset], attributes, nodeName: $"{name}.conv")[0];
    }
}
