using OnnxPriors.Graphs;

namespace OnnxPriors.Tests.Gradients;

internal static partial class GradientCases
{
    private static GradientCase Float(string op, Attributes attributes, params CaseInput?[] inputs) => new(op, attributes, inputs) { Type = ElementType.Float };

    // A kernel has a fixed shape; where the padding depends on the image's size, that must be fixed too.
    private static GradientCase Windowed(string op, Attributes attributes, params CaseInput?[] inputs) => Float(op, attributes, [inputs[0], .. inputs.Skip(1).Select(i => i! with { IsWeight = true })])
        with
    { WorksDynamically = !attributes.String("auto_pad").StartsWith("SAME_L", StringComparison.Ordinal) && !attributes.Has("output_shape") };

    private static IEnumerable<GradientCase> Convolutions()
    {
        static Attributes A(long group = 1, long[]? strides = null, long[]? dilations = null, long[]? pads = null, string autoPad = "NOTSET") =>
            Attributes.None.With("group", group).With("strides", strides).With("dilations", dilations).With("pads", pads).With("auto_pad", autoPad);

        yield return Windowed("Conv", A(), In(2, 2, 5, 4), In(3, 2, 3, 3), In(3));
        yield return Windowed("Conv", A(pads: [1, 1, 1, 1]), In(2, 2, 4, 4), In(3, 2, 3, 3), In(3));
        yield return Windowed("Conv", A(), In(2, 3, 3, 2), In(4, 3, 1, 1), In(4));
        yield return Windowed("Conv", A(strides: [2, 2]), In(2, 3, 5, 4), In(4, 3, 1, 1));
        yield return Windowed("Conv", A(strides: [2, 2], pads: [1, 1, 1, 1]), In(2, 2, 6, 5), In(3, 2, 3, 3), In(3));
        yield return Windowed("Conv", A(strides: [2, 3], pads: [0, 2, 1, 0]), In(2, 2, 7, 6), In(2, 2, 3, 2));
        yield return Windowed("Conv", A(dilations: [2, 1], pads: [2, 0, 1, 1]), In(1, 2, 6, 4), In(2, 2, 3, 3));
        yield return Windowed("Conv", A(strides: [2, 1], dilations: [1, 2]), In(2, 1, 6, 6), In(2, 1, 2, 2));
        yield return Windowed("Conv", A(pads: [3, 3, 3, 3]), In(1, 1, 3, 3), In(2, 1, 2, 2));
        yield return Windowed("Conv", A(group: 3, pads: [1, 1, 1, 1]), In(2, 3, 4, 4), In(3, 1, 3, 3), In(3));
        yield return Windowed("Conv", A(group: 3, strides: [2, 2], pads: [1, 1, 1, 1]), In(2, 3, 5, 5), In(3, 1, 3, 3));
        yield return Windowed("Conv", A(group: 2, pads: [1, 1, 1, 1]), In(2, 2, 3, 3), In(4, 1, 3, 3));
        yield return Windowed("Conv", A(group: 2, pads: [0, 1, 0, 1]), In(2, 4, 3, 3), In(6, 2, 2, 3));
        yield return Windowed("Conv", A(group: 2, strides: [2, 2]), In(2, 4, 4, 4), In(2, 2, 2, 2));
        yield return Windowed("Conv", A(autoPad: "SAME_UPPER"), In(2, 2, 4, 4), In(2, 2, 2, 2));
        yield return Windowed("Conv", A(strides: [2, 2], autoPad: "SAME_LOWER"), In(2, 1, 5, 4), In(2, 1, 3, 2));
        yield return Windowed("Conv", A(strides: [2, 2], autoPad: "VALID"), In(2, 1, 6, 5), In(2, 1, 3, 2));
        yield return Windowed("Conv", A(strides: [2], pads: [2, 1]), In(2, 2, 7), In(3, 2, 3), In(3));
        yield return Windowed("Conv", A(pads: [1, 0, 1, 0, 1, 1]), In(1, 2, 3, 3, 3), In(2, 2, 2, 2, 3));
        yield return Windowed("Conv", A(strides: [1, 2, 2]), In(1, 1, 3, 4, 4), In(2, 1, 2, 2, 2));

        // Sizes at which each form of the kernel's gradient is chosen: all offsets as channels, channels and images exchanged, image by image, over images.
        yield return Windowed("Conv", A(pads: [2, 2, 2, 2]), In(2, 1, 5, 5), In(2, 1, 5, 5));
        yield return Windowed("Conv", A(strides: [2, 2], pads: [1, 1, 1, 1]), In(2, 4, 6, 5), In(2, 4, 5, 4));
        yield return Windowed("Conv", A(strides: [2, 3], dilations: [2, 1], pads: [3, 0, 1, 2]), In(1, 3, 9, 8), In(2, 3, 5, 5));
        yield return Windowed("Conv", A(pads: [1, 1, 1, 1]), In(1, 9, 2, 2), In(2, 9, 3, 3)) with { WorksDynamically = false };
        yield return Windowed("Conv", A(pads: [1, 1, 1, 1]), In(1, 8, 17, 16), In(1, 8, 3, 3)) with { NeedsFixedBatch = true, WorksDynamically = false };
        yield return Windowed("Conv", A(), In(2, 3, 1, 1), In(8, 3, 1, 1));
        yield return Windowed("Conv", A(group: 2, pads: [2, 2, 2, 2]), In(2, 2, 4, 5), In(2, 1, 5, 5), In(2));
        yield return Windowed("Conv", A(group: 2, strides: [1, 3], dilations: [2, 1], pads: [0, 1, 1, 0]), In(2, 2, 5, 6), In(2, 1, 2, 3));

        yield return Windowed("ConvTranspose", A(), In(2, 2, 3, 3), In(2, 3, 2, 2), In(3));
        yield return Windowed("ConvTranspose", A(strides: [2, 2], pads: [1, 1, 1, 1]).With("output_padding", new long[] { 1, 1 }), In(2, 2, 3, 3), In(2, 1, 3, 3));
        yield return Windowed("ConvTranspose", A(strides: [2, 1], dilations: [1, 2], pads: [0, 1, 1, 0]), In(1, 2, 3, 4), In(2, 2, 2, 2));
        yield return Windowed("ConvTranspose", A(group: 2, strides: [2, 2]), In(2, 4, 2, 2), In(4, 1, 2, 2), In(2));
        yield return Windowed("ConvTranspose", A(strides: [2, 2]).With("output_shape", new long[] { 5, 5 }), In(1, 1, 3, 3), In(1, 2, 2, 2));
        yield return Windowed("ConvTranspose", A(strides: [2]), In(2, 2, 3), In(2, 1, 3));
        yield return Windowed("ConvTranspose", A(group: 2, strides: [2], dilations: [2], pads: [1, 2]).With("output_padding", new long[] { 1 }), In(2, 4, 4), In(4, 2, 3), In(4));
        yield return Windowed("ConvTranspose", A(strides: [1, 2, 2], pads: [1, 0, 1, 0, 1, 1]), In(2, 1, 2, 3, 2), In(1, 2, 2, 3, 2), In(2));
        yield return Windowed("ConvTranspose", A(group: 2, dilations: [1, 2, 1]), In(1, 2, 2, 2, 2), In(2, 1, 2, 2, 2));
        foreach (var padding in (string[])["SAME_UPPER", "SAME_LOWER", "VALID"])
            yield return Windowed("ConvTranspose", A(strides: [2, 2], autoPad: padding), In(2, 2, 3, 2), In(2, 2, 3, 4)) with { WorksDynamically = true };
        yield return Windowed("Conv", A(group: 2, strides: [2, 1, 1], dilations: [1, 2, 1], pads: [1, 1, 0, 0, 1, 1]), In(2, 4, 3, 4, 3), In(4, 2, 2, 2, 2), In(4));
        yield return Windowed("Conv", A(group: 4, strides: [2], dilations: [2], pads: [2, 1]), In(2, 4, 9), In(4, 1, 3), In(4));
    }

    private static IEnumerable<GradientCase> Pooling()
    {
        static Attributes A(long[] kernel, long[]? strides = null, long[]? pads = null, bool ceil = false, bool? includePad = null, long[]? dilations = null, string autoPad = "NOTSET")
        {
            var all = Attributes.None.With("kernel_shape", kernel).With("strides", strides).With("pads", pads).With("ceil_mode", ceil).With("auto_pad", autoPad).With("dilations", dilations);
            return includePad is { } flag ? all.With("count_include_pad", flag) : all;
        }

        // Far enough apart that a step does not change which is the largest.
        static CaseInput Apart(params long[] shape) => new(shape) { Spacing = 0.1 };

        yield return new("MaxPool", A([2, 2], [2, 2]), Apart(2, 2, 4, 4)) { WorksDynamically = true };
        yield return new("MaxPool", A([3, 3], [2, 2], [1, 1, 1, 1]), Apart(2, 2, 5, 5)) { WorksDynamically = true };
        yield return new("MaxPool", A([3, 3], [2, 2], ceil: true), Apart(2, 1, 6, 6));
        yield return new("MaxPool", A([2, 2], [1, 1], dilations: [2, 1]), Apart(2, 1, 4, 3));
        yield return new("MaxPool", A([2, 2], [2, 2], autoPad: "SAME_UPPER"), Apart(1, 2, 5, 5));
        yield return new("MaxPool", A([3], [2]), Apart(2, 2, 7));
        yield return new("MaxPool", A([3, 2], [2, 1], [1, 0, 1, 1]).With("storage_order", 1), Apart(2, 2, 5, 4));
        yield return new("MaxPool", A([2, 2, 2], [1, 2, 1], [1, 0, 0, 0, 1, 0], dilations: [1, 1, 2], ceil: true), Apart(2, 1, 3, 4, 4));
        yield return new("MaxPool", A([3], [2], [1, 1], dilations: [2], ceil: true), Apart(2, 2, 8)) { WorksDynamically = true };
        yield return new("MaxPool", A([2, 2, 2], [2, 2, 2]), Apart(1, 2, 4, 2, 2));

        yield return Float("AveragePool", A([2, 2], [2, 2]), In(2, 2, 4, 4)) with { WorksDynamically = true };
        yield return Float("AveragePool", A([2, 2], [2, 2]), In(2, 2, 5, 5)) with { WorksDynamically = true };
        yield return Float("AveragePool", A([3, 3], [1, 1], [1, 1, 1, 1]), In(2, 2, 4, 4)) with { WorksDynamically = true };
        yield return Float("AveragePool", A([3, 3], [1, 1], [1, 1, 1, 1], includePad: true), In(2, 2, 4, 4)) with { WorksDynamically = true };
        yield return Float("AveragePool", A([3, 3], [2, 2], [0, 1, 1, 0]), In(2, 1, 5, 5)) with { WorksDynamically = true };
        yield return Float("AveragePool", A([3, 3], [2, 2], [0, 1, 1, 0], includePad: true), In(2, 1, 5, 5)) with { WorksDynamically = true };
        yield return Float("AveragePool", A([3, 3], [2, 2], ceil: true), In(2, 1, 6, 6)) with { WorksDynamically = true };
        yield return Float("AveragePool", A([2, 2], [2, 2], ceil: true), In(2, 1, 5, 5)) with { WorksDynamically = true };
        yield return Float("AveragePool", A([3, 3], [2, 2], [1, 1, 1, 1], ceil: true), In(2, 1, 6, 6)) with { WorksDynamically = true };
        yield return Float("AveragePool", A([3, 3], [2, 2], [1, 1, 1, 1], ceil: true, includePad: true), In(2, 1, 6, 6)) with { WorksDynamically = true };
        yield return Float("AveragePool", A([2, 2], [1, 1], autoPad: "SAME_UPPER"), In(2, 1, 3, 3));
        yield return Float("AveragePool", A([3], [2]), In(2, 2, 7)) with { WorksDynamically = true };
        yield return Float("AveragePool", A([2, 3, 2], [2, 1, 2], [1, 1, 0, 0, 1, 1], ceil: true), In(2, 1, 4, 3, 3)) with { WorksDynamically = true };
        yield return Float("AveragePool", A([3], [3], [1, 0], ceil: true, includePad: true), In(2, 2, 6)) with { WorksDynamically = true };
        yield return Float("LpPool", A([2, 2], [2, 2]), Within(0.5, 2, 2, 1, 4, 4));
        yield return Float("LpPool", A([2, 2], [1, 1]).With("p", 3), Within(0.5, 2, 2, 1, 3, 3));
        yield return Float("LpPool", A([2, 2], [1, 2], dilations: [2, 1]), Within(0.5, 2, 2, 1, 4, 4));
        yield return Float("LpPool", A([3], [2], [1, 1], ceil: true).With("p", 3), Within(0.5, 2, 2, 1, 6));
        yield return Float("LpPool", A([2, 2, 2], [2, 2, 2]).With("p", 1), Within(0.5, 2, 2, 1, 4, 2, 2));
        yield return Float("GlobalAveragePool", Attributes.None, In(2, 2, 3, 3)) with { WorksDynamically = true };
        yield return Float("GlobalMaxPool", Attributes.None, Apart(2, 2, 3, 3)) with { WorksDynamically = true };
        yield return Float("GlobalLpPool", With("p", 3), Within(0.5, 2, 2, 2, 3, 3)) with { WorksDynamically = true };
    }

    private static IEnumerable<GradientCase> Resizing()
    {
        static CaseInput Numbers(params double[] values) => new([values.Length]) { Fixed = TensorData.Of(values, values.Length), IsConstant = true };
        static CaseInput None() => new([0]) { Fixed = TensorData.Of(Array.Empty<double>(), 0), IsConstant = true };
        static GradientCase Case(Attributes attributes, long[] shape, double[]? scales, long[]? sizes) =>
            Float("Resize", attributes, shape, null, scales is null ? None() : Numbers(scales), sizes is null ? null : CaseInput.Ints(sizes)) with { NeedsFixedBatch = sizes is { Length: 4 } };

        yield return Case(Attributes.None, [2, 2, 3, 3], [1, 1, 2, 3], null) with { WorksDynamically = true };
        yield return Case(With(("coordinate_transformation_mode", "asymmetric"), ("nearest_mode", "floor")), [2, 2, 3, 3], [1, 1, 2, 2], null);
        foreach (var rounding in (string[])["round_prefer_floor", "round_prefer_ceil", "floor", "ceil"])
            yield return Case(With(("mode", "nearest"), ("nearest_mode", rounding)), [2, 1, 5, 4], null, [2, 1, 7, 3]);
        foreach (var coordinates in (string[])["half_pixel", "half_pixel_symmetric", "pytorch_half_pixel", "align_corners", "asymmetric"])
        {
            yield return Case(With(("mode", "linear"), ("coordinate_transformation_mode", coordinates)), [2, 1, 3, 4], null, [2, 1, 6, 7]);
            yield return Case(With(("mode", "cubic"), ("coordinate_transformation_mode", coordinates)), [2, 1, 4, 5], null, [2, 1, 7, 4]);
        }
        yield return Case(With("mode", "linear"), [2, 1, 4, 4], [1, 1, 0.5, 1.7], null);
        yield return Case(With(("mode", "cubic"), ("exclude_outside", 1), ("cubic_coeff_a", -0.5f)), [2, 1, 4, 4], [1, 1, 1.6, 2], null);
        yield return Case(With(("mode", "linear"), ("axes", new long[] { 2, 3 })), [2, 1, 4, 4], null, [6, 3]) with { WorksDynamically = true };
        foreach (var mode in (string[])["linear", "cubic"])
            foreach (var outside in (bool[])[false, true])
            {
                var smooth = With(("mode", mode), ("antialias", 1), ("exclude_outside", outside));
                yield return Case(smooth, [2, 1, 7, 6], [1, 1, 0.4, 0.7], null);
                yield return Case(smooth, [2, 1, 7, 6], null, [2, 1, 3, 9]);
            }
        foreach (var policy in (string[])["not_larger", "not_smaller"])
            foreach (var mode in (string[])["nearest", "linear", "cubic"])
                yield return Case(With(("mode", mode), ("keep_aspect_ratio_policy", policy), ("axes", new long[] { 2, 3 })), [2, 1, 4, 5], null, [7, 6]) with { NeedsFixedBatch = false };
        // A part of the image, and beyond it, where a number stands.
        foreach (var mode in (string[])["nearest", "linear"])
        {
            var crop = With(("mode", mode), ("coordinate_transformation_mode", "tf_crop_and_resize"), ("extrapolation_value", 0.5f));
            yield return Float("Resize", crop, In(2, 1, 4, 5), Numbers(0, 0, 0.2, 0.3, 1, 1, 0.8, 1.4), None(), CaseInput.Ints(2, 1, 3, 4)) with { NeedsFixedBatch = true };
            yield return Float("Resize", crop.With("axes", new long[] { 2, 3 }), In(2, 1, 4, 5), Numbers(0.1, -0.2, 0.9, 0.7), None(), CaseInput.Ints(5, 1)) with { WorksDynamically = true };
        }
        foreach (var coordinates in (string[])["half_pixel", "half_pixel_symmetric", "pytorch_half_pixel", "align_corners", "asymmetric"])
            foreach (var mode in (string[])["nearest", "linear", "cubic"])
                yield return Case(With(("mode", mode), ("coordinate_transformation_mode", coordinates)), [2, 2, 3, 4], [1, 1, 1.7, 0.6], null) with { WorksDynamically = true };
    }

    private static IEnumerable<GradientCase> Losses()
    {
        var labels = CaseInput.IntsOf([4], 0, 2, 1, 2);
        foreach (var reduction in (string[])["none", "sum", "mean"])
        {
            yield return new("NegativeLogLikelihoodLoss", With("reduction", reduction), In(4, 3), labels) { Type = ElementType.Float };
            yield return new("SoftmaxCrossEntropyLoss", With("reduction", reduction), In(4, 3), labels) { Type = ElementType.Float };
            yield return new("SoftmaxCrossEntropyLoss", With(("reduction", reduction), ("ignore_index", 2)), In(4, 3), labels, Within(0.5, 1.5, 3) with { IsDifferentiated = false }) { Type = ElementType.Float };
        }
        yield return new("SoftmaxCrossEntropyLoss", In(2, 3, 2), CaseInput.IntsOf([2, 2], 0, 2, 1, 2)) { Type = ElementType.Float, Outputs = 2, Used = 2 };
        yield return new("NegativeLogLikelihoodLoss", With("ignore_index", 1), In(2, 3, 2), CaseInput.IntsOf([2, 2], 0, 2, 1, 2), Within(0.5, 1.5, 3) with { IsDifferentiated = false }) { Type = ElementType.Float };
    }

    private static IEnumerable<GradientCase> Normalisations()
    {
        yield return Float("BatchNormalization", With("epsilon", 0.1f), In(2, 3, 2, 2), In(3), In(3), In(3), Within(0.5, 2, 3));
        yield return Float("BatchNormalization", With("epsilon", 1e-3f), In(4, 3), In(3), In(3), In(3), Within(0.5, 2, 3));
        yield return Float("BatchNormalization", With("epsilon", 1e-3f), In(2, 3, 4), In(3), In(3), In(3), Within(0.5, 2, 3));
        // The running statistics that the training form takes are state: nothing of the result hangs on them.
        var state = Within(0.5, 2, 3) with { IsDifferentiated = false };
        yield return Float("BatchNormalization", With(("training_mode", 1), ("epsilon", 0.1f)), In(3, 3, 2, 2), In(3), In(3), state, state) with { Outputs = 3 };
        yield return Float("BatchNormalization", With(("training_mode", 1), ("epsilon", 0.1f)), In(5, 3), In(3), In(3), state, state) with { Outputs = 3 };

        yield return new("LayerNormalization", In(2, 3, 4), In(4), In(4));
        yield return new("LayerNormalization", With(("axis", 1), ("epsilon", 0.1f)), In(2, 3, 2), In(3, 2), In(3, 2));
        yield return new("LayerNormalization", In(2, 4), In(4));
        yield return new("LayerNormalization", In(2, 3, 4), In(4), In(4)) { Type = ElementType.Float, Outputs = 3, Used = 3 };
        yield return new("LayerNormalization", With(("axis", 1), ("epsilon", 0.1f)), In(2, 3, 2), In(3, 2)) { Type = ElementType.Float, Outputs = 3, Used = 3, WorksDynamically = true };
        yield return Float("InstanceNormalization", With("epsilon", 0.1f), In(2, 3, 3, 2), In(3), In(3));
        yield return Float("InstanceNormalization", With("epsilon", 0.1f), In(2, 3, 5), In(3), In(3));
        yield return Float("GroupNormalization", With(("num_groups", 2), ("epsilon", 0.1f)), In(2, 4, 3, 2), In(2), In(2)) with { WorksDynamically = true };
        yield return Float("MeanVarianceNormalization", Attributes.None, In(2, 3, 3, 2));
        foreach (var p in (int[])[1, 2])
            yield return Float("LpNormalization", With(("p", p), ("axis", 1)), Within(0.5, 2, 2, 3, 2));
        yield return Float("LRN", With(("size", 3), ("alpha", 0.5f), ("beta", 0.6f), ("bias", 1.5f)), In(2, 5, 2, 2));
        yield return Float("LRN", With(("size", 5), ("alpha", 0.5f)), In(1, 4, 2, 1));
    }
}
