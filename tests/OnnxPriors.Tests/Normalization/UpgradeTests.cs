using OnnxPriors.Graphs;
using OnnxPriors.Normalization;
using OnnxPriors.Onnx;
using OnnxPriors.Tests.Engines;

namespace OnnxPriors.Tests.Normalization;

/// <summary>Nodes of old and of newer opsets compute after normalisation what ONNX Runtime computes for them as they are.</summary>
[TestClass]
public sealed class UpgradeTests
{
    // The same kernels run in the end; those written in other operators round in another order.
    private const double Tolerance = 2e-6;

    private static Attributes With(params (string Name, object Value)[] all) => all.Aggregate(Attributes.None, (a, p) => a.With(p.Name, p.Value));

    private static RawModel Image(long opset) => new RawModel(opset).Input("x", ElementType.Float, 2, 6, 5, 4);

    private static readonly Dictionary<string, Model> Models = All().ToDictionary(c => c.Name, c => c.Model);

    public static IEnumerable<object[]> Cases() => Models.Keys.Select(k => new object[] { k });

    private static IEnumerable<(string Name, Model Model)> All() =>
    [
        One("Clip of attributes", 7, "Clip", With(("min", -0.5f), ("max", 0.25f))),
        One("Clip with one bound", 10, "Clip", With(("max", 0.25f))),
        One("Clip without bounds", 7, "Clip", Attributes.None),
        One("Softmax over all later axes", 7, "Softmax", With(("axis", 1))),
        One("Softmax by default", 12, "Softmax", Attributes.None),
        One("Softmax over the last axis", 11, "Softmax", With(("axis", 3))),
        One("Softmax over a negative axis", 12, "Softmax", With(("axis", -2))),
        One("LogSoftmax over later axes", 9, "LogSoftmax", With(("axis", 2))),
        One("Hardmax over all later axes", 11, "Hardmax", Attributes.None),
        One("Dropout of opset 7", 7, "Dropout", With(("ratio", 0.4f))),
        One("Dropout of opset 10", 10, "Dropout", With(("ratio", 0.4f))),
        One("Unsqueeze with attributes", 9, "Unsqueeze", With(("axes", new long[] { 0, 5 }))),
        One("Pad with attributes", 7, "Pad", With(("pads", new long[] { 0, 0, 1, 2, 0, 0, 0, 1 }), ("value", 1.5f))),
        One("Pad by reflection", 10, "Pad", With(("pads", new long[] { 0, 0, 1, 2, 0, 0, 2, 1 }), ("mode", "reflect"))),
        One("Slice with attributes", 9, "Slice", With(("starts", new long[] { 1, -3 }), ("ends", new long[] { 100, -1 }), ("axes", new long[] { 1, 2 }))),
        One("Slice with attributes and no axes", 7, "Slice", With(("starts", new long[] { 0, 1 }), ("ends", new long[] { 1, 4 }))),
        One("ReduceMean with axes", 11, "ReduceMean", With(("axes", new long[] { 2, 3 }), ("keepdims", 0))),
        One("ReduceMax over all", 7, "ReduceMax", With(("keepdims", 0))),
        One("ReduceSum with axes", 12, "ReduceSum", With(("axes", new long[] { -1 }))),
        One("ReduceL2 with axes", 13, "ReduceL2", With(("axes", new long[] { 1 }))),
        One("ReduceLogSumExp of opset 18 without axes", 18, "ReduceLogSumExp", With(("keepdims", 1))),
        One("Upsample with attributes", 7, "Upsample", With(("mode", "nearest"), ("scales", new float[] { 1, 1, 2, 3 }))),
        One("Upsample, linear", 7, "Upsample", With(("mode", "linear"), ("scales", new float[] { 1, 1, 2, 2 }))),
        One("SpaceToDepth of opset 7", 7, "SpaceToDepth", With(("blocksize", 1))),
        One("AveragePool with an overhanging window", 10, "AveragePool", With(("kernel_shape", new long[] { 2, 2 }), ("strides", new long[] { 2, 3 }), ("ceil_mode", 1))),
        One("AveragePool counting the padding", 7, "AveragePool", With(("kernel_shape", new long[] { 3, 3 }), ("pads", new long[] { 1, 1, 1, 1 }), ("count_include_pad", 1))),
        One("MaxPool with equal sizes", 8, "MaxPool", With(("kernel_shape", new long[] { 3, 2 }), ("auto_pad", "SAME_UPPER"), ("strides", new long[] { 2, 2 }))),
        One("Gelu", 20, "Gelu", Attributes.None),
        One("Gelu with tanh", 20, "Gelu", With(("approximate", "tanh"))),
        One("Mish", 18, "Mish", Attributes.None),
        One("HardSwish", 14, "HardSwish", Attributes.None),
        One("Cast of opset 19", 19, "Cast", With(("to", ElementType.Int32), ("saturate", 1))),
        One("Flatten of opset 9", 9, "Flatten", With(("axis", 2))),
        One("Transpose without an order", 7, "Transpose", Attributes.None),
        One("ArgMax with the default axis", 11, "ArgMax", With(("keepdims", 0))),
        One("Shrink", 9, "Shrink", With(("lambd", 0.3f), ("bias", 0.1f))),
        One("ThresholdedRelu", 10, "ThresholdedRelu", With(("alpha", 0.4f))),
        One("MeanVarianceNormalization", 9, "MeanVarianceNormalization", Attributes.None),
        One("LpNormalization", 7, "LpNormalization", With(("axis", 1), ("p", 2))),
        One("LRN", 7, "LRN", With(("size", 3))),
        One("GlobalMaxPool", 9, "GlobalMaxPool", Attributes.None),
        ("Split with attributes", Image(11).Node("Split", "x", "a b", With(("axis", 1), ("split", new long[] { 2, 4 }))).ToModel("a", "b")),
        ("Split into equal parts", Image(13).Node("Split", "x", "a b c", With(("axis", 1))).ToModel("a", "b", "c")),
        ("Split by number", Image(18).Node("Split", "x", "a b", With(("axis", 2), ("num_outputs", 2))).ToModel("a", "b")),
        ("Squeeze with attributes", new RawModel(9).Input("x", ElementType.Float, 2, 1, 3, 1).Node("Squeeze", "x", "y", With(("axes", new long[] { 1, 3 }))).ToModel("y")),
        ("TopK with an attribute", Image(9).Node("TopK", "x", "v i", With(("k", 2), ("axis", 1))).ToModel("v", "i")),
        ("Scatter", Image(9).Initializer("i", TensorData.Of([0L, 1, 2, 3], 1, 1, 1, 4)).Initializer("u", TensorData.Of([1f, 2, 3, 4], 1, 1, 1, 4)).Node("Scatter", "x i u", "y", With(("axis", 1))).ToModel("y")),
        ("Upsample with an input", Image(9).Initializer("s", TensorData.Of([1f, 1, 2, 1.5f], 4)).Node("Upsample", "x s", "y", With(("mode", "nearest"))).ToModel("y")),
        ("Resize of opset 10", Image(10).Initializer("s", TensorData.Of([1f, 1, 2, 1.5f], 4)).Node("Resize", "x s", "y", With(("mode", "linear"))).ToModel("y")),
        ("Resize of opset 10 that shrinks", Image(10).Initializer("s", TensorData.Of([1f, 1, 0.6f, 0.5f], 4)).Node("Resize", "x s", "y", With(("mode", "nearest"))).ToModel("y")),
        ("Resize to sizes with empty scales", Image(11).Initializer("r", TensorData.Of(Array.Empty<float>(), 0)).Initializer("n", TensorData.Vector(2, 6, 7, 9))
            .Node("Resize", "x r r n", "y", With(("mode", "linear"), ("coordinate_transformation_mode", "align_corners"))).ToModel("y")),
        ("BatchNormalization of opset 7", Normalised(7)),
        ("BatchNormalization of opset 9", Normalised(9)),
        ("BatchNormalization of opset 15", Normalised(15)),
        ("GroupNormalization by group", Grouped(18, 3)),
        ("Gemm with a bias for each column", new RawModel(7).Input("x", ElementType.Float, 3, 4).Initializer("w", OnnxRuntime.Normal(Shape.Of(5, 4), 3)).Initializer("b", OnnxRuntime.Normal(Shape.Of(5), 4))
            .Node("Gemm", "x w b", "y", With(("transB", 1), ("alpha", 0.5f), ("beta", 2f))).ToModel("y")),
        ("Gemm without a bias", new RawModel(11).Input("x", ElementType.Float, 3, 4).Initializer("w", OnnxRuntime.Normal(Shape.Of(4, 5), 3)).Node("Gemm", "x w", "y").ToModel("y")),
        ("Identity of weights", new RawModel(13).Input("x", ElementType.Float, 3, 4).Initializer("w", OnnxRuntime.Normal(Shape.Of(4, 5), 3)).Node("Identity", "w", "v").Node("MatMul", "x v", "y").ToModel("y")),
        ("Two names for one output", Image(13).Node("Relu", "x", "a").Node("Identity", "a", "b").ToModel("a", "b")),
        ("An input as an output", Image(13).Node("Relu", "x", "a").ToModel("x", "a")),
        ("A single Sum", Image(8).Node("Sum", "x", "y").ToModel("y")),
    ];

    [TestMethod]
    [DynamicData(nameof(Cases))]
    public void It_computes_what_the_runtime_computes(string name)
    {
        var original = Models[name];
        var inputs = original.Graph.Inputs.ToDictionary(i => i.Name, i => OnnxRuntime.Normal(i.Shape!, 7, i.Type));
        var normalized = Normalizer.Run(original);
        Assert.IsTrue(GraphCondition.Canonical.Holds(normalized.Graph), name);
        var expected = OnnxRuntime.Run(original, inputs);
        var canonical = Model.Canonical(normalized.Graph);
        var actual = OnnxRuntime.Run(canonical, inputs);
        foreach (var (output, tensor) in expected)
            Assert.IsLessThan(Tolerance, OnnxRuntime.RelativeError(actual[output], tensor), $"{name}: {output}");
        // What shape inference says is what comes out.
        foreach (var output in normalized.Graph.Outputs)
        {
            Assert.AreEqual(expected[output.Name].Type, output.Type, name);
            CollectionAssert.AreEqual(expected[output.Name].Dimensions.ToArray(), output.Shape?.Static, name);
        }
    }

    private static (string, Model) One(string name, long opset, string op, Attributes attributes) =>
        (name, Image(opset).Node(op, "x", "y", attributes).ToModel("y"));

    private static Model Normalised(long opset)
    {
        var model = Image(opset);
        foreach (var (name, seed) in new[] { ("scale", 1), ("bias", 2), ("mean", 3) })
            model.Initializer(name, OnnxRuntime.Normal(Shape.Of(6), seed));
        model.Initializer("variance", TensorData.Of([0.5f, 1, 1.5f, 2, 2.5f, 3], 6));
        return model.Node("BatchNormalization", "x scale bias mean variance", "y", With(("epsilon", 1e-3f), ("momentum", 0.8f))).ToModel("y");
    }

    private static Model Grouped(long opset, int groups) => Image(opset)
        .Initializer("scale", OnnxRuntime.Normal(Shape.Of(groups), 1))
        .Initializer("bias", OnnxRuntime.Normal(Shape.Of(groups), 2))
        .Node("GroupNormalization", "x scale bias", "y", With(("num_groups", groups), ("epsilon", 1e-3f)))
        .ToModel("y");
}
