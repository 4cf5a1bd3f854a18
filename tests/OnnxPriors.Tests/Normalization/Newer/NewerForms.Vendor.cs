using OnnxPriors.Graphs;

namespace OnnxPriors.Tests.Normalization.Newer;

/// <summary>What ONNX Runtime's optimizer leaves in a file, and what old converters wrote, beside the runtime's own kernels.</summary>
internal static partial class NewerForms
{
    private static IEnumerable<OperatorForm> Vendor()
    {
        const string ms = "com.microsoft.";
        (string, object)[] window = [("kernel_shape", new long[] { 3, 3 }), ("pads", new long[] { 1, 1, 1, 1 })];
        const string attention = "x:2x4x12 w:12x36 b:36";
        return
        [
            new("exact", 17, ms + "Gelu", "x:3x5"),
            new("with a bias", 17, ms + "BiasGelu", "x:3x5 b:5"),
            new("with a bias", 17, ms + "FastGelu", "x:3x5 b:5"),
            new("without a bias", 17, ms + "FastGelu", "x:3x5"),
            new("a factor", 17, ms + "QuickGelu", "x:3x5", ("alpha", 1.5f)),
            new("the usual factor", 17, ms + "QuickGelu", "x:3x5"),
            new("transposed", 17, ms + "FusedMatMul", "a:2x4x3 b:2x5x4", ("transA", 1), ("transB", 1), ("alpha", 0.5f)),
            new("transposed batches", 17, ms + "FusedMatMul", "a:3x2x4 b:4x2x5", ("transBatchA", 1), ("transBatchB", 1)),
            new("transposed batches and matrices", 17, ms + "FusedMatMul", "a:4x2x3 b:5x2x4", ("transBatchA", 1), ("transA", 1), ("transBatchB", 1), ("transB", 1)),
            new("relu", 17, ms + "FusedGemm", "a:3x4 b:5x4 c:5", ("transB", 1), ("alpha", 0.5f), ("activation", "Relu")),
            new("leaky", 17, ms + "FusedGemm", "a:3x4 b:4x5", ("activation", "LeakyRelu"), ("activation_alpha", 0.2f)),
            new("relu", 17, ms + "FusedConv", "x:1x3x6x6 =w:4x3x3x3 =b:4", [.. window, ("activation", "Relu")]),
            new("a sum and relu", 17, ms + "FusedConv", "x:1x3x6x6 =w:4x3x3x3 =b:4 z:1x4x6x6", [.. window, ("activation", "Relu")]),
            new("clipped", 17, ms + "FusedConv", "x:1x3x6x6 =w:4x3x3x3", [.. window, ("activation", "Clip"), ("activation_params", new float[] { -0.5f, 1 })]),
            new("a hard sigmoid", 17, ms + "FusedConv", "x:1x3x6x6 =w:4x3x3x3", [.. window, ("activation", "HardSigmoid"), ("activation_params", new float[] { 0.3f, 0.4f })]),
            new("leaky", 17, ms + "FusedConv", "x:1x3x6x6 =w:4x3x3x3", [.. window, ("activation", "LeakyRelu"), ("activation_params", new float[] { 0.3f })]),
            new("two groups, strides", 17, ms + "NhwcConv", "x:2x5x6x4 w:6x3x3x2 b:6", ("kernel_shape", new long[] { 3, 3 }), ("strides", new long[] { 2, 1 }), ("pads", new long[] { 1, 0, 1, 1 }), ("group", 2)) { Formula = ChannelsLast, Shape = [2, 3, 5, 6] },
            new("all inputs", 17, ms + "SkipLayerNormalization", "x:2x3x8 s:2x3x8 g:8 b:8 c:8", ("epsilon", 1e-3f)) { Outputs = "y _ _ z" },
            new("a skip for all examples", 17, ms + "SkipLayerNormalization", "x:2x3x8 s:1x3x8 g:8", ("epsilon", 1e-5f)),
            new("all inputs", 17, ms + "SkipSimplifiedLayerNormalization", "x:2x3x8 s:2x3x8 g:8 c:8", ("epsilon", 1e-3f)) { Outputs = "y _ _ z" },
            new("as it is", 17, "SimplifiedLayerNormalization", "x:2x3x8 g:8", ("epsilon", 1e-3f)),
            new("older than its opset", 14, "LayerNormalization", "x:2x3x8 g:8 b:8", ("axis", -1)),
            new("words, places and segments", 17, ms + "EmbedLayerNormalization", "x s w:12x8 p:6x8 t:2x8 g:8 b:8 m", ("epsilon", 1e-3f)) { Given = Words(), Outputs = "y n" },
            new("words at given places", 17, ms + "EmbedLayerNormalization", "x _ w:12x8 p:6x8 _ g:8 b:8 _ q", ("epsilon", 1e-3f)) { Given = Words(), Outputs = "y n" },
            new("as it is", 17, ms + "Attention", attention, ("num_heads", 3)),
            new("looking back", 17, ms + "Attention", attention, ("num_heads", 3), ("unidirectional", 1)),
            new("a scale and a bias of the scores", 17, ms + "Attention", attention + " _ _ a:2x3x4x4", ("num_heads", 3), ("scale", 0.4f)),
            new("lengths", 17, ms + "Attention", attention + " m", ("num_heads", 3)) { Given = { ["m"] = TensorData.Vector(3, 4).ConvertTo(ElementType.Int32) } },
            new("ends and starts", 17, ms + "Attention", attention + " m", ("num_heads", 3)) { Given = { ["m"] = TensorData.Vector(3, 4, 0, 1).ConvertTo(ElementType.Int32) } },
            new("a mask of keys", 17, ms + "Attention", attention + " m", ("num_heads", 3)) { Given = { ["m"] = Keys() } },
            new("a past", 17, ms + "Attention", attention + " _ p:2x2x3x2x4", ("num_heads", 3), ("unidirectional", 1)) { Outputs = "y z" },
            new("values of another width", 17, ms + "Attention", "x:2x4x12 w:12x30 b:30", ("num_heads", 3), ("qkv_hidden_sizes", new long[] { 12, 12, 6 })),
            new("as it is", 17, ms + "MultiHeadAttention", "q:2x4x12 k:2x5x12 v:2x5x12", ("num_heads", 3)),
            new("a bias and a mask", 17, ms + "MultiHeadAttention", "q:2x4x12 k:2x4x12 v:2x4x12 b:36 m", ("num_heads", 3)) { Given = { ["m"] = Keys() } },
            new("looking back, with a bias of the scores", 17, ms + "MultiHeadAttention", "q:2x4x12 k:2x4x12 v:2x4x12 _ _ a:1x3x4x4", ("num_heads", 3), ("unidirectional", 1)),
            new("keys and values in one", 17, ms + "MultiHeadAttention", "q:2x4x12 k:2x5x3x2x4", ("num_heads", 3)) { Formula = i => Unpacked(i["q"], i["k"], 0), Shape = [2, 4, 12] },
            new("all in one", 17, ms + "MultiHeadAttention", "q:2x4x3x3x4", ("num_heads", 3)) { Formula = i => Unpacked(null, i["q"], 1), Shape = [2, 4, 12] },
            new("keys of another node", 17, ms + "MultiHeadAttention", "q:2x4x12 k:2x3x5x4 v:2x3x5x4", ("num_heads", 3)),
            new("a past", 17, ms + "MultiHeadAttention", "q:2x4x12 k:2x4x12 v:2x4x12 _ _ _ pk:2x3x2x4 pv:2x3x2x4", ("num_heads", 3)) { Outputs = "y u w" },
            new("all heads share one", 17, ms + "GroupQueryAttention", "q:2x4x32 k:2x4x8 v:2x4x8 _ _ =n =t", ("num_heads", 4), ("kv_num_heads", 1)) { Given = Lengths(4) },
            new("turned, in pairs, a window", 17, ms + "GroupQueryAttention", "q:2x5x64 k:2x5x32 v:2x5x32 _ _ =n =t =c:10x8 =s:10x8", ("num_heads", 4), ("kv_num_heads", 2), ("do_rotary", 1), ("local_window_size", 2)) { Given = Lengths(5) },
            new("in one, neighbours turned, a soft cap", 17, ms + "GroupQueryAttention", "q:2x3x128 _ _ _ _ =n =t =c:10x8 =s:10x8", ("num_heads", 4), ("kv_num_heads", 2), ("do_rotary", 1), ("rotary_interleaved", 1), ("softcap", 0.5f), ("scale", 0.4f)) { Given = Lengths(3) },
            new("a past, turned", 17, ms + "GroupQueryAttention", "q:2x1x64 k:2x1x32 v:2x1x32 pk:2x2x3x16 pv:2x2x3x16 =n =t =c:10x8 =s:10x8", ("num_heads", 4), ("kv_num_heads", 2), ("do_rotary", 1)) { Given = Lengths(4), Outputs = "y u w" },
            new("a bias of the scores", 17, ms + "GroupQueryAttention", "q:2x4x32 k:2x4x16 v:2x4x16 _ _ =n =t _ _ _ a:1x4x4x4", ("num_heads", 4), ("kv_num_heads", 2)) { Given = Lengths(4) },
            new("turned at places", 17, ms + "RotaryEmbedding", "x:2x3x4x8 p =c:10x4 =s:10x4") { Given = { ["p"] = TensorData.Of([0L, 1, 2, 3, 5, 6, 7, 9], 2, 4) } },
            new("turned from a place on", 17, ms + "RotaryEmbedding", "x:2x4x24 p=3 =c:10x4 =s:10x4"),
            new("neighbours turned from a place on", 17, ms + "RotaryEmbedding", "x:2x4x24 p=3 =c:10x4 =s:10x4", ("interleaved", 1)),
            new("a part turned", 17, ms + "RotaryEmbedding", "x:2x4x24 p=3 =c:10x2 =s:10x2", ("num_heads", 3), ("rotary_embedding_dim", 4)),
            new("padded", 17, ms + "Pad", "x:2x3 n=0,1,2,0"),
            new("below the diagonal", 17, ms + "Trilu", "x:4x4", ("upper", 0)),
        ];
    }

    // How far each example reaches, less one, and the longest of them.
    private static Dictionary<string, TensorData> Lengths(int total) => new()
    {
        ["n"] = TensorData.Vector(total - 1, total - 1).ConvertTo(ElementType.Int32),
        ["t"] = TensorData.Of([(long)total], []).ConvertTo(ElementType.Int32),
    };

    private static IEnumerable<OperatorForm> Experimental() =>
    [
        new("as it is", 7, "Affine", "x:2x3", ("alpha", 2f), ("beta", -0.5f)),
        new("as it is", 9, "Scale", "x:2x3", ("scale", 2f)),
        new("as it is", 8, "ScaledTanh", "x:2x3", ("alpha", 2f), ("beta", 0.5f)),
        new("as it is", 8, "ParametricSoftplus", "x:2x3", ("alpha", 2f), ("beta", 0.5f)),
        new("as it is", 8, "ImageScaler", "x:2x3x4x4", ("scale", 2f), ("bias", new float[] { 0.1f, 0.2f, 0.3f })),
        new("borders", 7, "Crop", "x:2x3x7x6", ("border", new long[] { 1, 2, 0, 1 })),
        new("a window", 7, "Crop", "x:2x3x7x6", ("border", new long[] { 1, 2, 0, 0 }), ("scale", new long[] { 3, 4 })),
        new("some axes", 8, "DynamicSlice", "x:4x5 =n=1,-3 =k=3,9 =a=0,1"),
        new("above a threshold", 8, "ThresholdedRelu", "x:3x4", ("alpha", 0.4f)),
        new("across channels", 8, "MeanVarianceNormalization", "x:2x3x4x4", ("across_channels", 1)),
        new("by channel", 7, "MeanVarianceNormalization", "x:2x3x4x4"),
        new("the mean alone", 7, "MeanVarianceNormalization", "x:2x3x4x4", ("normalize_variance", 0)),
    ];

    // The runtime's CPU kernel takes no packed form: the same with the parts of [N, L, H, parts, E] apart.
    private static double[] Unpacked(TensorData? queries, TensorData packed, int first)
    {
        var (form, parts) = (new OperatorForm("apart", 17, "com.microsoft.MultiHeadAttention", "q k v", ("num_heads", 3)), packed.Dimensions[3]);
        form.Given["q"] = queries ?? Part(0);
        form.Given["k"] = Part(first);
        form.Given["v"] = Part(first + 1);
        var (model, inputs) = form.Build();
        return Engines.OnnxRuntime.Run(model, inputs)["y"].ToDouble();

        TensorData Part(int which)
        {
            var size = packed.Dimensions[4];
            var all = packed.ToSingle();
            return TensorData.Of([.. all.Where((_, i) => i / size % parts == which)], packed.Dimensions[0], packed.Dimensions[1], packed.Dimensions[2] * size);
        }
    }

    private static Dictionary<string, TensorData> Words() => new()
    {
        ["x"] = TensorData.Of([1L, 4, 7, 11, 0, 2, 3, 5], 2, 4).ConvertTo(ElementType.Int32),
        ["s"] = TensorData.Of([0L, 0, 1, 1, 0, 1, 1, 1], 2, 4).ConvertTo(ElementType.Int32),
        ["q"] = TensorData.Of([5L, 4, 3, 2, 0, 1, 1, 0], 2, 4).ConvertTo(ElementType.Int32),
        ["m"] = TensorData.Of([1L, 1, 1, 0, 1, 1, 0, 0], 2, 4).ConvertTo(ElementType.Int32),
    };

    private static TensorData Keys() => TensorData.Of([1L, 1, 0, 1, 1, 1, 1, 0], 2, 4).ConvertTo(ElementType.Int32);

    // The convolution of the form above, term by term: x [2, 5, 6, 4], w [6, 3, 3, 2], two groups, strides 2 and 1.
    private static double[] ChannelsLast(IReadOnlyDictionary<string, TensorData> given)
    {
        var (x, w, bias) = (given["x"].ToDouble(), given["w"].ToDouble(), given["b"].ToDouble());
        List<double> y = [];
        for (var n = 0; n < 2; n++)
            for (var i = 0; i < 3; i++)
                for (var j = 0; j < 5; j++)
                    for (var o = 0; o < 6; o++)
                    {
                        var sum = bias[o];
                        for (var k = 0; k < 3; k++)
                            for (var l = 0; l < 3; l++)
                                if (2 * i + k - 1 is >= 0 and < 5 and var row && j + l is < 6 and var column)
                                    for (var c = 0; c < 2; c++)
                                        sum += x[((n * 5 + row) * 6 + column) * 4 + o / 3 * 2 + c] * w[((o * 3 + k) * 3 + l) * 2 + c];
                        y.Add(sum);
                    }
        return [.. y];
    }
}
