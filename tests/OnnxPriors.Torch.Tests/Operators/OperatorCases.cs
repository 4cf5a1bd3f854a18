using OnnxPriors.Graphs;

namespace OnnxPriors.Torch.Tests.Operators;

/// <summary>Operators of the canonical opset in the forms that models hold, family by family.</summary>
internal static class OperatorCases
{
    private static readonly Random Source = new(20);

    public static IReadOnlyList<OperatorCase> Convolutions { get; } =
    [
        .. from pads in new long[][] { [0, 0, 0, 0], [1, 1, 1, 1], [0, 1, 2, 1] }
           from stride in new long[] { 1, 2, 3 }
           from dilation in new long[] { 1, 2 }
           select new OperatorCase("Conv", Window([3, 3], pads, stride, dilation), Floats(2, 4, 9, 8), Floats(6, 4, 3, 3), Floats(6)),
        .. from pad in new[] { "SAME_UPPER", "SAME_LOWER", "VALID" }
           from stride in new long[] { 1, 2, 3 }
           select new OperatorCase("Conv", Attributes.None.With("auto_pad", pad).With("strides", new[] { stride, stride }), Floats(1, 2, 7, 8), Floats(3, 2, 4, 3)),
        new OperatorCase("Conv", Window([3, 3], [1, 1, 1, 1], 1, 1).With("group", 4), Floats(2, 4, 5, 5), Floats(4, 1, 3, 3)),
        new OperatorCase("Conv", Window([3, 3], [1, 1, 1, 1], 2, 1).With("group", 2), Floats(2, 4, 5, 5), Floats(6, 2, 3, 3), Floats(6)),
        new OperatorCase("Conv", Window([5], [3, 1], 2, 2), Floats(2, 3, 20), Floats(4, 3, 5), Floats(4)),
        new OperatorCase("Conv", Window([2, 3, 2], [0, 1, 0, 1, 1, 0], 2, 1), Floats(1, 2, 5, 6, 4), Floats(3, 2, 2, 3, 2)),
    ];

    public static IReadOnlyList<OperatorCase> TransposedConvolutions { get; } =
    [
        .. from pads in new long[][] { [0, 0, 0, 0], [1, 1, 1, 1], [0, 1, 2, 1] }
           from stride in new long[] { 1, 2, 3 }
           from dilation in new long[] { 1, 2 }
           select new OperatorCase("ConvTranspose", Window([3, 3], pads, stride, dilation), Floats(2, 4, 5, 4), Floats(4, 3, 3, 3), Floats(3)),
        new OperatorCase("ConvTranspose", Window([3, 3], [1, 1, 1, 1], 2, 1).With("output_padding", new long[] { 1, 0 }), Floats(1, 2, 5, 4), Floats(2, 3, 3, 3), Floats(3)),
        new OperatorCase("ConvTranspose", Window([3, 3], [1, 1, 1, 1], 2, 1).With("group", 2), Floats(1, 4, 5, 4), Floats(4, 3, 3, 3)),
        new OperatorCase("ConvTranspose", Attributes.None.With("strides", new long[] { 2, 2 }).With("output_shape", new long[] { 9, 8 }), Floats(1, 2, 5, 4), Floats(2, 3, 3, 3)),
        .. from pad in new[] { "SAME_UPPER", "SAME_LOWER" }
           select new OperatorCase("ConvTranspose", Attributes.None.With("strides", new long[] { 2, 2 }).With("auto_pad", pad), Floats(1, 2, 5, 4), Floats(2, 3, 3, 3)),
        new OperatorCase("ConvTranspose", Window([4], [1, 2], 3, 2), Floats(2, 2, 6), Floats(2, 3, 4)),
    ];

    public static IReadOnlyList<OperatorCase> Poolings { get; } =
    [
        .. from pads in new long[][] { [0, 0, 0, 0], [1, 1, 1, 1], [0, 1, 2, 1] }
           from stride in new long[] { 1, 2, 3 }
           from ceil in new[] { false, true }
           select new OperatorCase("MaxPool", Window([3, 3], pads, stride, 1).With("ceil_mode", ceil), Floats(2, 3, 8, 9)),
        .. from pads in new long[][] { [0, 0, 0, 0], [1, 1, 1, 1], [0, 1, 2, 1] }
           from stride in new long[] { 1, 2, 3 }
           from ceil in new[] { false, true }
           from count in new[] { false, true }
           select new OperatorCase("AveragePool", Attributes.None.With("kernel_shape", new long[] { 3, 3 }).With("pads", pads).With("strides", new[] { stride, stride }).With("ceil_mode", ceil).With("count_include_pad", count), Floats(2, 3, 8, 9)),
        .. from pads in new long[][] { [0, 0, 0, 0], [2, 1, 0, 1] }
           from order in new long[] { 0, 1 }
           select new OperatorCase("MaxPool", Window([3, 3], pads, 2, 1).With("storage_order", order), 2, Floats(2, 3, 7, 8)),
        new OperatorCase("MaxPool", Window([2, 2], [0, 0, 0, 0], 1, 3), Floats(1, 2, 7, 8)),
        new OperatorCase("MaxPool", Window([3], [1, 1], 2, 1), Floats(1, 2, 9)),
        new OperatorCase("MaxPool", Window([2, 3, 2], [0, 1, 0, 1, 1, 0], 2, 1), Floats(1, 2, 5, 6, 4)),
        .. from pad in new[] { "SAME_UPPER", "SAME_LOWER", "VALID" }
           from op in new[] { "MaxPool", "AveragePool", "LpPool" }
           select new OperatorCase(op, Attributes.None.With("kernel_shape", new long[] { 3, 2 }).With("strides", new long[] { 2, 2 }).With("auto_pad", pad), Floats(1, 2, 7, 8)),
        new OperatorCase("LpPool", Attributes.None.With("kernel_shape", new long[] { 3, 3 }).With("strides", new long[] { 2, 2 }).With("p", 3), Floats(1, 2, 7, 8)),
        new OperatorCase("GlobalAveragePool", Floats(2, 3, 4, 5)),
        new OperatorCase("GlobalMaxPool", Floats(2, 3, 4, 5)),
    ];

    public static IReadOnlyList<OperatorCase> Normalisations { get; } =
    [
        new OperatorCase("BatchNormalization", Attributes.None.With("epsilon", 1e-3), Floats(2, 3, 4, 5), Floats(3), Floats(3), Floats(3), Positive(3)),
        new OperatorCase("BatchNormalization", Floats(4, 3), Floats(3), Floats(3), Floats(3), Positive(3)),
        new OperatorCase("InstanceNormalization", Floats(2, 3, 4, 5), Floats(3), Floats(3)),
        new OperatorCase("LayerNormalization", Attributes.None.With("axis", 1), Floats(2, 3, 4), Floats(3, 4), Floats(3, 4)),
        new OperatorCase("LayerNormalization", Floats(2, 3, 4), Floats(4)),
        .. from size in new long[] { 3, 5 }
           select new OperatorCase("LRN", Attributes.None.With("size", size).With("alpha", 0.3).With("beta", 0.6), Floats(2, 7, 3, 2)),
        new OperatorCase("LpNormalization", Attributes.None.With("axis", 1), Floats(2, 3, 4)),
        new OperatorCase("MeanVarianceNormalization", Floats(2, 3, 4, 5)),
    ];

    public static IReadOnlyList<OperatorCase> Products { get; } =
    [
        new OperatorCase("MatMul", Floats(3, 4), Floats(4, 5)),
        new OperatorCase("MatMul", Floats(2, 1, 3, 4), Floats(6, 4, 5)),
        new OperatorCase("MatMul", Floats(4), Floats(2, 4, 5)),
        new OperatorCase("MatMul", Floats(2, 3, 4), Floats(4)),
        .. from a in new[] { false, true }
           from b in new[] { false, true }
           select new OperatorCase("Gemm", Attributes.None.With("transA", a).With("transB", b).With("alpha", 0.5).With("beta", 2.0), a ? Floats(4, 3) : Floats(3, 4), b ? Floats(5, 4) : Floats(4, 5), Floats(5)),
        new OperatorCase("Einsum", Attributes.None.With("equation", "bij,bjk->bik"), Floats(2, 3, 4), Floats(2, 4, 5)),
        new OperatorCase("Einsum", Attributes.None.With("equation", "...ij->...ji"), Floats(2, 3, 4)),
        new OperatorCase("Einsum", Attributes.None.With("equation", "bhid,bhjd->bhij"), Floats(2, 2, 3, 4), Floats(2, 2, 5, 4)),
    ];

    public static IReadOnlyList<OperatorCase> Movements { get; } =
    [
        new OperatorCase("Slice", Floats(4, 7, 5), Ints(1, 6), Ints(4, -100), Ints(0, 1), Ints(1, -2)),
        new OperatorCase("Slice", Floats(4, 7), Ints(-2, 0), Ints(long.MaxValue, 100), null, Ints(1, 3)),
        new OperatorCase("Slice", Floats(4, 7), Ints(5), Ints(2), Ints(1)),
        new OperatorCase("Split", Attributes.None.With("axis", 1).With("num_outputs", 3), 3, Floats(2, 7)),
        new OperatorCase("Split", Attributes.None.With("axis", -1), 2, Floats(2, 7), Ints(3, 4)),
        .. from mode in new[] { "reflect", "edge", "constant" }
           select new OperatorCase("Pad", Attributes.None.With("mode", mode), Floats(3, 4, 5), Ints(0, 2, 1, 1, 0, 3)),
        new OperatorCase("Pad", Floats(3, 4), Ints(-1, 2, 1, -2), TensorData.Of([1.5f], [])),
        new OperatorCase("Pad", Floats(3, 4, 5), Ints(1, 2), null, Ints(-1)),
        new OperatorCase("Expand", Floats(3, 1), Ints(2, 1, 4)),
        new OperatorCase("Tile", Floats(2, 3), Ints(2, 2)),
        new OperatorCase("Transpose", Attributes.None.With("perm", new long[] { 2, 0, 1 }), Floats(2, 3, 4)),
        new OperatorCase("Concat", Attributes.None.With("axis", -2), Floats(2, 3, 4), Floats(2, 1, 4)),
        new OperatorCase("Gather", Attributes.None.With("axis", 1), Floats(2, 5, 3), TensorData.Of([0L, -1, 2, 2], 2, 2)),
        new OperatorCase("GatherElements", Attributes.None.With("axis", 1), Floats(2, 5), TensorData.Of([0L, -1, 2, 4, 1, 1], 2, 3)),
        new OperatorCase("GatherND", Attributes.None.With("batch_dims", 1), Floats(2, 3, 4), TensorData.Of([0L, 2], 2, 1)),
        .. from how in new[] { "none", "add", "mul", "max", "min" }
           select new OperatorCase("ScatterElements", Attributes.None.With("axis", 1).With("reduction", how), Floats(2, 5), TensorData.Of(how == "none" ? new[] { 0L, -1, 2, 4, 1, 3 } : new[] { 0L, -1, 0, 4, 4, 4 }, 2, 3), Floats(2, 3)),
        .. from how in new[] { "none", "add", "mul", "max", "min" }
           select new OperatorCase("ScatterND", Attributes.None.With("reduction", how), Floats(4, 3), TensorData.Of(how == "none" ? new[] { 1L, 3 } : new[] { 1L, 1 }, 2, 1), Floats(2, 3)),
        new OperatorCase("DepthToSpace", Attributes.None.With("blocksize", 2).With("mode", "CRD"), Floats(1, 8, 2, 3)),
        new OperatorCase("SpaceToDepth", Attributes.None.With("blocksize", 2), Floats(1, 2, 4, 6)),
        new OperatorCase("TopK", Attributes.None.With("axis", 1).With("largest", 0), 2, Floats(3, 6), Ints(4)),
        new OperatorCase("CumSum", Attributes.None.With("exclusive", 1).With("reverse", 1), Floats(3, 4), TensorData.Of([1L], [])),
        new OperatorCase("Trilu", Attributes.None.With("upper", 0), Floats(4, 5), TensorData.Of([-1L], [])),
    ];

    public static IReadOnlyList<OperatorCase> Reductions { get; } =
    [
        .. from op in new[] { "ReduceSum", "ReduceMean", "ReduceMax", "ReduceMin", "ReduceProd", "ReduceL1", "ReduceL2", "ReduceSumSquare", "ReduceLogSumExp" }
           from keep in new[] { false, true }
           from axes in new[] { Ints(1), Ints(0, -1), null }
           select new OperatorCase(op, Attributes.None.With("keepdims", keep), Floats(3, 4, 2), axes),
        new OperatorCase("ReduceSum", Attributes.None.With("noop_with_empty_axes", 1), Floats(3, 4)),
        .. from op in new[] { "ArgMax", "ArgMin" }
           from last in new[] { false, true }
           select new OperatorCase(op, Attributes.None.With("axis", 1).With("select_last_index", last), TensorData.Of([1f, 3, 3, 0, 0, 2], 2, 3)),
    ];

    public static IReadOnlyList<OperatorCase> Activations { get; } =
    [
        .. from op in new[] { "Relu", "LeakyRelu", "Elu", "Celu", "Selu", "Sigmoid", "HardSigmoid", "HardSwish", "Softplus", "Softsign", "Tanh", "Erf", "Mish", "ThresholdedRelu", "Softmax", "LogSoftmax", "Hardmax", "Exp", "Abs", "Ceil", "Floor", "Round", "Sign" }
           select new OperatorCase(op, Floats(3, 7)),
        new OperatorCase("Elu", Attributes.None.With("alpha", 0.3), Floats(3, 7)),
        new OperatorCase("Celu", Attributes.None.With("alpha", 0.3), Floats(3, 7)),
        new OperatorCase("Softmax", Attributes.None.With("axis", 1), Floats(2, 3, 4)),
        new OperatorCase("PRelu", Floats(2, 3, 4), Floats(3, 1)),
        new OperatorCase("Clip", Floats(3, 7), TensorData.Of([-0.2f], []), TensorData.Of([0.5f], [])),
        new OperatorCase("Clip", Floats(3, 7), null, TensorData.Of([0.5f], [])),
        new OperatorCase("Mod", Attributes.None.With("fmod", 1), Floats(3, 7), Positive(7)),
        new OperatorCase("Pow", Positive(3, 4), Floats(4)),
    ];

    public static IReadOnlyList<OperatorCase> Resizings { get; } =
    [
        .. from mode in new[] { "nearest", "linear", "cubic" }
           from coordinates in new[] { "half_pixel", "pytorch_half_pixel", "align_corners", "asymmetric", "half_pixel_symmetric" }
           from sizes in new[] { Ints(1, 2, 9, 14), Ints(1, 2, 3, 5) }
           select new OperatorCase("Resize", Attributes.None.With("mode", mode).With("coordinate_transformation_mode", coordinates), Floats(1, 2, 5, 7), null, null, sizes),
        .. from rounding in new[] { "round_prefer_floor", "round_prefer_ceil", "floor", "ceil" }
           from scale in new[] { 2f, 0.6f, 1.5f }
           select new OperatorCase("Resize", Attributes.None.With("nearest_mode", rounding), Floats(1, 2, 5, 6), null, TensorData.Of([1f, 1, scale, scale], 4)),
        .. from mode in new[] { "linear", "cubic" }
           select new OperatorCase("Resize", Attributes.None.With("mode", mode).With("antialias", 1), Floats(1, 1, 9, 11), null, null, Ints(1, 1, 4, 5)),
        new OperatorCase("Resize", Attributes.None.With("mode", "cubic").With("exclude_outside", 1), Floats(1, 1, 5, 6), null, null, Ints(1, 1, 8, 9)),
    ];

    public static IReadOnlyList<OperatorCase> Words { get; } =
    [
        .. from mode in new[] { "TF", "IDF", "TFIDF" }
           from words in new[] { Ints(2, 3, 5, 4, 3, 2, 5, 3), TensorData.Of([2L, 3, 5, 4, 7, 2, 3, 3, 2, 5, 3, 5], 2, 6) }
           from skips in new long[] { 0, 1, 3 }
           from shortest in new long[] { 1, 2 }
           select new OperatorCase("TfIdfVectorizer", Attributes.None.With("mode", mode)
               .With("min_gram_length", shortest).With("max_gram_length", 3L).With("max_skip_count", skips)
               .With("ngram_counts", new long[] { 0, 3, 7 }).With("pool_int64s", new long[] { 2, 3, 5, 2, 5, 3, 2, 2, 3, 5 })
               .With("ngram_indexes", new long[] { 3, 0, 5, 1, 2, 4 }).With("weights", new float[] { 1, 2, 3, 4, 5, 6 }), words),
    ];

    private static Attributes Window(long[] kernel, long[] pads, long stride, long dilation) => Attributes.None
        .With("kernel_shape", kernel)
        .With("pads", pads)
        .With("strides", Enumerable.Repeat(stride, kernel.Length).ToArray())
        .With("dilations", Enumerable.Repeat(dilation, kernel.Length).ToArray());

    private static TensorData Floats(params long[] shape) => Filled(shape, () => (float)(2 * Source.NextDouble() - 1));

    private static TensorData Positive(params long[] shape) => Filled(shape, () => (float)(0.5 + Source.NextDouble()));

    private static TensorData Filled(long[] shape, Func<float> next)
    {
        var values = new float[shape.Aggregate(1L, (n, d) => n * d)];
        for (var i = 0; i < values.Length; i++) values[i] = next();
        return TensorData.Of(values, [.. shape]);
    }

    private static TensorData Ints(params long[] values) => TensorData.Vector(values);
}
