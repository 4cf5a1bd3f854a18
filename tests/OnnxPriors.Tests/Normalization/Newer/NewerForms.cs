using OnnxPriors.Graphs;

namespace OnnxPriors.Tests.Normalization.Newer;

/// <summary>Operators newer than opset 17 in the forms that the specification gives them.</summary>
internal static partial class NewerForms
{
    public static IReadOnlyList<OperatorForm> All { get; } = [.. Attention(), .. Activations(), .. Sampling(), .. Windows(), .. Formulas(), .. Quantised(), .. Vendor(), .. Experimental()];

    private static IEnumerable<OperatorForm> Attention()
    {
        const string plain = "q:2x3x4x8 k:2x3x6x8 v:2x3x6x5";
        (string, object)[] heads = [("q_num_heads", 6), ("kv_num_heads", 3)];
        return
        [
            new("as it is", 23, "Attention", plain),
            new("heads side by side", 23, "Attention", "q:2x4x24 k:2x6x24 v:2x6x15", ("q_num_heads", 3), ("kv_num_heads", 3)),
            new("shared heads side by side", 23, "Attention", "q:2x4x24 k:2x6x12 v:2x6x9", heads),
            new("shared heads", 23, "Attention", "q:2x6x4x8 k:2x2x6x8 v:2x2x6x8"),
            new("one key head for all", 24, "Attention", "q:2x6x4x8 k:2x1x6x8 v:2x1x6x8"),
            new("causal", 23, "Attention", plain, ("is_causal", 1)),
            new("a scale and a soft cap", 23, "Attention", plain, ("scale", 0.2f), ("softcap", 2.5f)),
            new("a mask of numbers", 23, "Attention", plain + " m:4x6"),
            new("a mask of numbers for each head", 23, "Attention", plain + " m:3x4x6"),
            new("a mask of conditions for each example", 23, "Attention", plain + " m:b2x1x4x6"),
            new("a mask and causal", 23, "Attention", plain + " m:b4x6", ("is_causal", 1)),
            new("a row all masked", 24, "Attention", "q:2x3x2x8 k:2x3x6x8 v:2x3x6x5 m") { Given = { ["m"] = TensorData.Of([false, false, false, false, false, false, true, false, true, true, false, true], 2, 6) } },
            new("a cache", 23, "Attention", plain + " _ pk:2x3x2x8 pv:2x3x2x5") { Outputs = "y k1 v1" },
            new("a cache, causal, with the scores", 23, "Attention", plain + " _ pk:2x3x2x8 pv:2x3x2x5", ("is_causal", 1)) { Outputs = "y k1 v1 s" },
            new("the scores after the cap", 24, "Attention", plain, ("softcap", 2f), ("qk_matmul_output_mode", 1)) { Outputs = "y _ _ s" },
            new("the scores after the mask", 24, "Attention", plain + " m:4x6", ("qk_matmul_output_mode", 2)) { Outputs = "y _ _ s" },
            new("the shares", 24, "Attention", plain + " m:4x6", ("qk_matmul_output_mode", 3)) { Outputs = "y _ _ s" },
            new("lengths of the examples", 24, "Attention", plain + " _ _ _ n=6,3"),
            new("float64 in the softmax", 23, "Attention", plain, ("softmax_precision", ElementType.Double)),
            new("float16", 23, "Attention", "q:h2x3x4x8 k:h2x3x6x8 v:h2x3x6x8") { Tolerance = 3e-3 },
            new("turned by tables at places", 23, "RotaryEmbedding", "x:2x3x4x8 =c:10x4 =s:10x4 p") { Given = { ["p"] = TensorData.Of([0L, 1, 2, 3, 5, 6, 7, 9], 2, 4) } },
            new("turned by tables", 23, "RotaryEmbedding", "x:2x3x4x8 c:2x4x4 s:2x4x4"),
            new("neighbours turned", 23, "RotaryEmbedding", "x:2x3x4x8 c:2x4x4 s:2x4x4", ("interleaved", 1)),
            new("a part turned", 23, "RotaryEmbedding", "x:2x3x4x8 c:2x4x2 s:2x4x2", ("rotary_embedding_dim", 4)),
            new("heads side by side turned", 23, "RotaryEmbedding", "x:2x4x24 c:2x4x4 s:2x4x4", ("num_heads", 3)),
            new("a part of neighbours side by side turned", 23, "RotaryEmbedding", "x:2x4x24 c:2x4x2 s:2x4x2", ("num_heads", 3), ("rotary_embedding_dim", 4), ("interleaved", 1)),
            new("rows of a cache", 24, "TensorScatter", "x:2x3x6x4 u:2x3x2x4 n=1,4"),
            new("rows round a cache", 24, "TensorScatter", "x:2x3x6x4 u:2x3x3x4 n=5,4", ("mode", "circular")),
            new("rows from the start", 24, "TensorScatter", "x:2x6x4 u:2x3x4"),
        ];
    }

    private static IEnumerable<OperatorForm> Activations() =>
    [
        new("exact", 20, "Gelu", "x:3x5"),
        new("by tanh", 20, "Gelu", "x:3x5", ("approximate", "tanh")),
        new("float16", 20, "Gelu", "x:h3x5") { Tolerance = 3e-3 },
        new("as it is", 22, "Mish", "x:3x5"),
        new("as it is", 22, "HardSwish", "x:3x5"),
        new("as it is", 24, "Swish", "x:3x5"),
        new("a factor", 24, "Swish", "x:3x5", ("alpha", 1.7f)),
        new("as it is", 23, "RMSNormalization", "x:3x4x5 s:5"),
        new("over two axes", 23, "RMSNormalization", "x:3x4x5 s:4x5", ("axis", 1), ("epsilon", 1e-3f)),
        new("a number for each channel", 21, "GroupNormalization", "x:2x6x4x3 s:6 b:6", ("num_groups", 3)),
        new("a number for each group", 18, "GroupNormalization", "x:2x6x4x3 s:3 b:3", ("num_groups", 3)),
        new("forward", 26, "CumProd", "x:3x7 =a=1"),
        new("backward without itself", 26, "CumProd", "x:3x7 =a=0", ("reverse", 1), ("exclusive", 1)),
        new("an axis of the inputs", 26, "CumProd", "x:3x7 a") { Given = { ["a"] = TensorData.Of([-1L], []) } },
        new("of whole numbers", 26, "CumProd", "x:j2x5 =a=1", ("exclusive", 1)),
        new("of conditions", 20, "ReduceMax", "x:b3x4 =a=1"),
        new("of conditions without the axis", 20, "ReduceMin", "x:b3x4 =a=1", ("keepdims", 0)),
        new("over the last axis", 20, "DFT", "x:2x5x4x1 _ =a") { Given = { ["a"] = TensorData.Of([1L], []) } },
        new("of complex numbers backward", 20, "DFT", "x:2x5x2 _ =a", ("inverse", 1)) { Given = { ["a"] = TensorData.Of([1L], []) } },
        new("one side along an axis of the inputs", 20, "DFT", "x:2x6x3x1 _ a", ("onesided", 1)) { Given = { ["a"] = TensorData.Of([1L], []) } },
        new("with a default axis", 20, "DFT", "x:2x8x1"),
        new("an even signal of one side of its spectrum", 20, "DFT", "x:2x4x3x2 _ =a", ("inverse", 1), ("onesided", 1)) { Given = { ["a"] = TensorData.Of([1L], []) }, Formula = i => RealSignal(i["x"], 6), Shape = [2, 6, 3, 1] },
        new("an odd signal of one side of its spectrum", 20, "DFT", "x:2x4x3x2 =n =a", ("inverse", 1), ("onesided", 1)) { Given = { ["a"] = TensorData.Of([1L], []), ["n"] = TensorData.Of([7L], []) }, Formula = i => RealSignal(i["x"], 7), Shape = [2, 7, 3, 1] },
        new("a signal shorter than its spectrum", 17, "DFT", "x:2x4x3x2 =n", ("inverse", 1), ("onesided", 1)) { Given = { ["n"] = TensorData.Of([4L], []) }, Formula = i => RealSignal(i["x"], 4), Shape = [2, 4, 3, 1] },
        new("of infinities of one sign", 20, "IsInf", "x:h4", ("detect_negative", 0)) { Given = { ["x"] = TensorData.Of([1, double.PositiveInfinity, double.NegativeInfinity, double.NaN], 4).ConvertTo(ElementType.Float16) } },
        new("of strange numbers", 20, "IsNaN", "x:4") { Given = { ["x"] = TensorData.Of([1f, float.PositiveInfinity, float.NaN, 0], 4) } },
    ];

    private static IEnumerable<OperatorForm> Sampling() =>
    [
        new("pictures", 20, "AffineGrid", "x:2x2x3 =n=2,3,4,5"),
        new("pictures, corners in the middle", 20, "AffineGrid", "x:2x2x3 n=2,3,4,5", ("align_corners", 1)),
        new("volumes", 20, "AffineGrid", "x:2x3x4 =n=2,3,4,5,3"),
        new("pictures", 20, "GridSample", "x:2x3x5x4 g:2x3x2x2", ("mode", "linear")),
        new("pictures, cubic", 20, "GridSample", "x:2x3x5x4 g:2x3x2x2", ("mode", "cubic"), ("padding_mode", "border")),
        .. from padding in (string[])["zeros", "border", "reflection"]
           from mode in (string[])["linear", "nearest"]
           from aligned in (int[])[0, 1]
           select new OperatorForm($"volumes, {mode}, {padding}, {aligned}", 20, "GridSample", "x:2x3x5x4x3 g:2x3x2x2x3", ("mode", mode), ("padding_mode", padding), ("align_corners", aligned)),
        new("one group", 19, "DeformConv", "x:2x4x6x5 w:3x4x3x3 o:2x18x4x3"),
        new("groups, mask and bias", 19, "DeformConv", "x:2x4x6x6 w:6x2x3x2 o:2x24x6x3 b:6 m:2x12x6x3",
            ("group", 2), ("offset_group", 2), ("pads", new long[] { 1, 0, 1, 0 }), ("kernel_shape", new long[] { 3, 2 }), ("strides", new long[] { 1, 2 }), ("dilations", new long[] { 1, 1 })),
        new("dilated", 22, "DeformConv", "x:1x2x7x7 w:2x2x2x2 o:1x8x3x3", ("dilations", new long[] { 2, 2 }), ("strides", new long[] { 2, 2 })),
        new("smoothed", 18, "Resize", "x:1x2x6x8 _ =s _", ("mode", "linear"), ("antialias", 1)) { Given = { ["s"] = TensorData.Of([1f, 1, 0.5f, 0.6f], 4) } },
        new("smoothed, cubic", 18, "Resize", "x:1x2x6x8 _ =s _", ("mode", "cubic"), ("antialias", 1)) { Given = { ["s"] = TensorData.Of([1f, 1, 0.5f, 0.6f], 4) } },
        new("of some axes", 18, "Resize", "x:1x2x6x8 _ =s _", ("mode", "linear"), ("axes", new long[] { 2, 3 })) { Given = { ["s"] = TensorData.Of([2f, 1.5f], 2) } },
        new("no larger", 18, "Resize", "x:1x2x6x8 _ _ =n=9,20", ("mode", "nearest"), ("axes", new long[] { 2, 3 }), ("keep_aspect_ratio_policy", "not_larger")),
        new("no smaller", 18, "Resize", "x:1x2x6x8 _ _ =n=9,20", ("mode", "linear"), ("axes", new long[] { 2, 3 }), ("keep_aspect_ratio_policy", "not_smaller")),
        new("symmetric", 19, "Resize", "x:1x1x1x4 _ =s _", ("mode", "linear"), ("coordinate_transformation_mode", "half_pixel_symmetric")) { Given = { ["s"] = TensorData.Of([1f, 1, 1, 0.6f], 4) } },
        new("TensorFlow's places", 11, "Resize", "x:1x2x4x4 =r =r =n=1,2,7,6", ("mode", "nearest"), ("nearest_mode", "floor"), ("coordinate_transformation_mode", "tf_half_pixel_for_nn")) { Given = { ["r"] = TensorData.Of(Array.Empty<float>(), 0) } },
        new("TensorFlow's places, rounded, where it shrinks", 11, "Resize", "x:1x2x4x4 =r =r =n=1,2,3,2", ("mode", "nearest"), ("coordinate_transformation_mode", "tf_half_pixel_for_nn")) { Given = { ["r"] = TensorData.Of(Array.Empty<float>(), 0) } },
    ];

    private static IEnumerable<OperatorForm> Windows() =>
    [
        new("of some axes", 18, "Pad", "x:2x3x4 =n=1,0,2,1 _ =a=-1,1", ("mode", "reflect")),
        new("wrapped", 19, "Pad", "x:2x3x4 =n=0,1,6,0,2,1", ("mode", "wrap")),
        new("wrapped by inputs", 19, "Pad", "x:2x3x4 n=0,1,2,0,2,1", ("mode", "wrap")),
        new("cropped and padded", 18, "CenterCropPad", "x:5x4x6 =n=3,7,6"),
        new("cropped along some axes", 18, "CenterCropPad", "x:5x4x7 =n=2,4", ("axes", new long[] { -1, 0 })),
        new("cropped by inputs", 18, "CenterCropPad", "x:5x4 n=2,7"),
        new("of picked planes", 18, "Col2Im", "x:1x12x12 =n=5,4 =k=2,2"),
        new("dilated", 19, "AveragePool", "x:2x3x9x8", ("kernel_shape", new long[] { 3, 2 }), ("dilations", new long[] { 2, 3 })),
        new("dilated with padding", 19, "AveragePool", "x:2x3x9x8", ("kernel_shape", new long[] { 3, 2 }), ("dilations", new long[] { 2, 2 }), ("pads", new long[] { 1, 1, 2, 1 }), ("strides", new long[] { 2, 1 })),
        new("dilated, padding counted", 22, "AveragePool", "x:2x3x9x8", ("kernel_shape", new long[] { 3, 2 }), ("dilations", new long[] { 2, 2 }), ("pads", new long[] { 1, 1, 2, 1 }), ("count_include_pad", 1)),
        new("dilated, overhanging", 19, "AveragePool", "x:1x1x8x8", ("kernel_shape", new long[] { 2, 2 }), ("dilations", new long[] { 2, 2 }), ("strides", new long[] { 2, 2 }), ("ceil_mode", 1)),
        new("dilated", 18, "LpPool", "x:2x3x9x8", ("kernel_shape", new long[] { 3, 2 }), ("dilations", new long[] { 2, 3 }), ("p", 2)),
        new("the largest of several", 18, "ScatterElements", "x:3x4 =i u:2x4", ("axis", 0), ("reduction", "max")) { Given = { ["i"] = TensorData.Of([0L, 1, 2, 0, 1, 1, 2, 0], 2, 4) } },
        new("the least of several", 18, "ScatterND", "x:4x3 =i u:3x3", ("reduction", "min")) { Given = { ["i"] = TensorData.Of([1L, 3, 1], 3, 1) } },
        new("by number, uneven", 18, "Split", "x:7x2", ("num_outputs", 3)) { Outputs = "y z w" },
        new("over an axis of the inputs", 18, "ReduceMean", "x:3x4x5 a=2,0", ("keepdims", 0)),
        new("wider types", 25, "Transpose", "x:d3x4"),
        new("a number of places", 21, "ConstantOfShape", "n=2,3", ("value", TensorData.Of([1.5f], 1))),
    ];
}
