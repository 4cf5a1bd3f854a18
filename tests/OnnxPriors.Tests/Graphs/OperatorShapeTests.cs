using OnnxPriors.Graphs;
using OnnxPriors.Onnx;
using OnnxPriors.Tests.Engines;

namespace OnnxPriors.Tests.Graphs;

/// <summary>
/// Types and shapes of recurrent, quantised, sampling and signal operators, inferred with named sizes, are those that ONNX Runtime
/// computes when the names have sizes; all outputs, with every extent known that does not follow from contents.
/// </summary>
[TestClass]
public sealed class OperatorShapeTests
{
    private static readonly Dictionary<string, long> Sizes = new(StringComparer.Ordinal) { ["n"] = 3, ["t"] = 5, ["h"] = 9, ["w"] = 6, ["r"] = 2 };

    private static readonly Dictionary<string, Func<Bench, IEnumerable<Value>>> Cases = new(StringComparer.Ordinal)
    {
        ["LSTM"] = c => c.Apply("LSTM", 3, [c.Floats("t", "n", 4), c.Weight(1, 20, 4), c.Weight(1, 20, 5)], ("hidden_size", 5)),
        ["LSTM, both directions, last state alone"] = c =>
            c.Apply("LSTM", 2, [c.Floats("t", "n", 4), c.Weight(2, 20, 4), c.Weight(2, 20, 5), c.Weight(2, 40)], ("hidden_size", 5), ("direction", "bidirectional")),
        ["GRU"] = c => c.Apply("GRU", 2, [c.Floats("t", "n", 4), c.Weight(1, 15, 4), c.Weight(1, 15, 5)], ("hidden_size", 5), ("direction", "reverse")),
        ["RNN"] = c => c.Apply("RNN", 2, [c.Floats("t", "n", 4), c.Weight(2, 5, 4), c.Weight(2, 5, 5)], ("hidden_size", 5), ("direction", "bidirectional")),
        ["GridSample"] = c => c.Apply("GridSample", 1, [c.Floats("n", 4, "h", 7), c.Floats("n", "t", 6, 2)]),
        ["RoiAlign"] = c => c.Apply("RoiAlign", 1, [c.Floats("n", 4, "h", 7), c.Floats("r", 4), c.Integers(ElementType.Int64, "r")], ("output_height", 3), ("output_width", 2)),
        ["MaxRoiPool"] = c => c.Apply("MaxRoiPool", 1, [c.Floats("n", 4, "h", 7), c.Zeros("r", 5)], ("pooled_shape", new long[] { 3, 2 })),
        ["NonMaxSuppression"] = c => c.Apply("NonMaxSuppression", 1, [c.Floats(1, "t", 4), c.Floats(1, 2, "t"), c.B.Constant(TensorData.Of([2L], 1))]),
        ["Unique"] = c => c.Apply("Unique", 4, [c.Floats("n", "h")]),
        ["Unique along an axis"] = c => c.Apply("Unique", 4, [c.Floats("n", "h")], ("axis", -1)),
        ["MaxUnpool"] = c => c.Apply("MaxUnpool", 1, [c.Floats("n", 2, "h", 3), c.Integers(ElementType.Int64, "n", 2, "h", 3)], ("kernel_shape", new long[] { 2, 3 }), ("strides", new long[] { 2, 2 })),
        ["MaxUnpool to a stated shape"] = c =>
            c.Apply("MaxUnpool", 1, [c.Floats(1, 1, 2, 2), c.Integers(ElementType.Int64, 1, 1, 2, 2), c.B.Ints(1, 1, 5, 5)], ("kernel_shape", new long[] { 2, 2 }), ("strides", new long[] { 2, 2 })),
        ["Col2Im"] = c => c.Apply("Col2Im", 1, [c.Floats("n", 12, 20), c.B.Ints(6, 6), c.B.Ints(2, 3)]),
        ["CenterCropPad"] = c => c.Apply("CenterCropPad", 1, [c.Floats("n", 4, "h"), c.B.Ints(2, 11)], ("axes", new long[] { 1, -1 })),
        ["Det"] = c => c.Apply("Det", 1, [c.Floats("n", 3, 3)]),
        ["DFT"] = c => c.Apply("DFT", 1, [c.Floats("n", "h", 1)]),
        ["DFT of a length, one side"] = c => c.Apply("DFT", 1, [c.Floats("n", "h", 4, 1), c.B.Constant(TensorData.Of([8L], []))], ("axis", 2), ("onesided", 1)),
        ["DFT of one side of a named extent"] = c => c.Apply("DFT", 1, [c.Floats("n", "h", 1)], ("onesided", 1)),
        ["STFT"] = c => c.Apply("STFT", 1, [c.Floats("n", 40, 1), c.B.Constant(TensorData.Of([4L], [])), null, c.B.Constant(TensorData.Of([8L], []))]),
        ["STFT of a named length under a window"] = c => c.Apply("STFT", 1, [c.Floats("n", "h", 1), c.B.Constant(TensorData.Of([2L], [])), c.Weight(4)], ("onesided", 0)),
        ["HannWindow"] = c => c.Apply("HannWindow", 1, [c.B.Constant(TensorData.Of([11L], []))]),
        ["HammingWindow in float64"] = c => c.Apply("HammingWindow", 1, [c.B.Constant(TensorData.Of([11L], []))], ("output_datatype", 11)),
        ["BlackmanWindow"] = c => c.Apply("BlackmanWindow", 1, [c.B.Squeeze(c.B.ShapeOf(c.Floats("h"), 0, 1), 0)]),
        ["MelWeightMatrix"] = c => c.Apply("MelWeightMatrix", 1, [c.Scalar(8L), c.Scalar(16L), c.Scalar(8192L), c.B.Scalar(0), c.B.Scalar(4096)]),
        ["TfIdfVectorizer"] = c => c.Apply(
            "TfIdfVectorizer", 1, [c.Integers(ElementType.Int64, "n", "h")], ("mode", "TF"), ("min_gram_length", 1), ("max_gram_length", 1), ("max_skip_count", 0),
            ("ngram_counts", new long[] { 0 }), ("ngram_indexes", new long[] { 0, 3, 1 }), ("pool_int64s", new long[] { 2, 0, 5 })),
        ["QuantizeLinear"] = c => c.Apply("QuantizeLinear", 1, [c.Floats("n", "h"), c.B.Scalar(0.1), c.B.Constant(TensorData.Of([0L], []).ConvertTo(ElementType.Int8))]),
        ["QuantizeLinear without a zero point"] = c => c.Apply("QuantizeLinear", 1, [c.Floats("n", "h"), c.B.Scalar(0.1)]),
        ["DequantizeLinear"] = c => c.Apply("DequantizeLinear", 1, [c.Integers(ElementType.UInt8, "n", "h"), c.B.Scalar(0.1)]),
        ["DynamicQuantizeLinear"] = c => c.Apply("DynamicQuantizeLinear", 3, [c.Floats("n", "h")]),
        ["MatMulInteger"] = c => c.Apply("MatMulInteger", 1, [c.Integers(ElementType.UInt8, "n", "h", 4), c.Integers(ElementType.UInt8, 4, 5)]),
        ["ConvInteger"] = c => c.Apply("ConvInteger", 1, [c.Integers(ElementType.UInt8, "n", 2, "h", 7), c.Integers(ElementType.UInt8, 3, 2, 3, 3)], ("strides", new long[] { 2, 2 })),
        ["QLinearMatMul"] = c => c.Apply(
            "QLinearMatMul", 1, [c.Integers(ElementType.UInt8, "n", "h", 4), c.B.Scalar(0.1), c.Zero(), c.Integers(ElementType.UInt8, 4, 5), c.B.Scalar(0.1), c.Zero(), c.B.Scalar(0.1), c.Zero()]),
        ["QLinearConv"] = c => c.Apply(
            "QLinearConv", 1, [c.Integers(ElementType.UInt8, "n", 2, "h", 7), c.B.Scalar(0.1), c.Zero(), c.Bytes(3, 2, 3, 3), c.B.Scalar(0.1), c.Zero(), c.B.Scalar(0.1), c.Zero()], ("pads", new long[] { 1, 0, 1, 2 })),
        ["RandomNormal"] = c => c.Apply("RandomNormal", 1, [], ("shape", new long[] { 2, 3 })),
        ["RandomUniform in float64"] = c => c.Apply("RandomUniform", 1, [], ("shape", new long[] { 2 }), ("dtype", 11)),
        ["Multinomial"] = c => c.Apply("Multinomial", 1, [c.Floats("n", 4)], ("sample_size", 6), ("dtype", 7)),
        ["Bernoulli"] = c => c.Apply("Bernoulli", 1, [c.Zeros("n", "h")], ("dtype", 6)),
        ["ConvTranspose to a stated shape"] = c => c.Apply("ConvTranspose", 1, [c.Floats("n", 2, "h", 4), c.Weight(2, 3, 3, 3)], ("strides", new long[] { 2, 2 }), ("output_shape", new long[] { 18, 8 })),
        ["Einsum, implicit"] = c => c.Apply("Einsum", 1, [c.Floats("n", "h"), c.Floats("h", "w")], ("equation", "zb,ba")),
        ["Einsum, diagonal"] = c => c.Apply("Einsum", 1, [c.Floats("n", "h", "h")], ("equation", "...ii->...i")),
        ["Einsum, outer"] = c => c.Apply("Einsum", 1, [c.Floats("n"), c.Floats("h")], ("equation", "i,j->ij")),
        ["Expand to a lower rank"] = c => c.Apply("Expand", 1, [c.Floats("n", 1, "h"), c.B.Ints(4, 1)]),
        ["Split by number of a named extent"] = c => c.Apply("Split", 2, [c.Floats("n", "h")], ("axis", 1), ("num_outputs", 2)),
    };

    /// <summary>Cases with extents that follow from contents.</summary>
    private static readonly HashSet<string> Open = ["NonMaxSuppression", "Unique", "Unique along an axis"];

    public static IEnumerable<object[]> Names() => Cases.Keys.Select(k => new object[] { k });

    [TestMethod]
    [DynamicData(nameof(Names))]
    public void It_agrees_with_the_runtime(string name)
    {
        AssertAgrees(name, named: true);
        // An extent rounded down has an expression with names and no number; with numbers everything is one.
        AssertAgrees(name, named: false);
    }

    private static void AssertAgrees(string name, bool named)
    {
        var bench = new Bench(named);
        Value[] outputs = [.. Cases[name](bench)];
        var graph = bench.B.Build(outputs.Select((v, i) => ($"y{i}", v)));
        var results = OnnxRuntime.Run(Model.Canonical(graph), bench.Given);
        for (var i = 0; i < outputs.Length; i++)
        {
            var (inferred, actual) = (graph.Outputs[i], results[$"y{i}"]);
            Assert.AreEqual(actual.Type, inferred.Type, $"output {i}");
            Assert.AreEqual(actual.Dimensions.Length, inferred.Rank, $"output {i}");
            for (var axis = 0; axis < inferred.Rank; axis++)
            {
                var extent = inferred.Shape![axis];
                Assert.IsTrue((named ? extent.IsKnown : extent.IsStatic) || Open.Contains(name), $"axis {axis} of {inferred} is open");
                if (extent.Substitute(Sizes.ToDictionary(s => s.Key, s => (Dimension)s.Value)).Value is { } number)
                    Assert.AreEqual(actual.Dimensions[axis], number, $"axis {axis} of {inferred}");
            }
        }
    }

    /// <summary>Inputs with named extents, and the tensors that are given for them.</summary>
    private sealed class Bench(bool areNamed)
    {
        public GraphBuilder B { get; } = new();

        public Dictionary<string, TensorData> Given { get; } = [];

        public Value Floats(params ReadOnlySpan<object> shape) => Input(ElementType.Float, shape, OnnxRuntime.Normal(Sized(shape), 3));

        public Value Zeros(params ReadOnlySpan<object> shape)
        {
            var dimensions = Sized(shape).Static!;
            return Input(ElementType.Float, shape, TensorData.Of(new float[dimensions.Aggregate(1L, (p, d) => p * d)], [.. dimensions]));
        }

        public Value Integers(ElementType type, params ReadOnlySpan<object> shape)
        {
            var dimensions = Sized(shape).Static!;
            return Input(type, shape, TensorData.Of(new long[dimensions.Aggregate(1L, (p, d) => p * d)], [.. dimensions]).ConvertTo(type));
        }

        public Value Weight(params ReadOnlySpan<long> shape) => B.Parameter("w", OnnxRuntime.Normal(Shape.Of(shape), 2));

        public Value Bytes(params long[] shape) => B.Constant(TensorData.Of(new long[shape.Aggregate(1L, (p, d) => p * d)], [.. shape]).ConvertTo(ElementType.UInt8));

        public Value Scalar(long value) => B.Constant(TensorData.Of([value], []));

        public Value Zero() => B.Constant(TensorData.Of([0L], []).ConvertTo(ElementType.UInt8));

        public IEnumerable<Value> Apply(string op, int outputs, Value?[] inputs, params (string Name, object Value)[] attributes) =>
            B.Emit(op, inputs, attributes.Aggregate(Attributes.None, (all, a) => all.With(a.Name, a.Value)), outputs);

        private Value Input(ElementType type, ReadOnlySpan<object> shape, TensorData data)
        {
            var named = new Shape([.. shape.ToArray().Select(d => d is string name ? Dimension.Symbolic(name) : Convert.ToInt64(d))]);
            var input = B.Input($"x{Given.Count}", type, areNamed ? named : Sized(shape));
            Given.Add(input.Name, data);
            return input;
        }

        private static Shape Sized(ReadOnlySpan<object> shape) => new([.. shape.ToArray().Select(d => (Dimension)(d is string name ? Sizes[name] : Convert.ToInt64(d)))]);
    }
}
