using OnnxPriors.Graphs;
using OnnxPriors.Normalization;
using OnnxPriors.Onnx;
using OnnxPriors.Tests.Engines;

namespace OnnxPriors.Tests.Normalization;

/// <summary>
/// Nodes of opsets 1 to 6, which ONNX Runtime no longer runs, compute after normalisation what the same meaning written at opset 18
/// computes under the runtime.
/// </summary>
[TestClass]
public sealed class OldestUpgradeTests
{
    private static readonly Dictionary<string, (RawModel Old, RawModel New)> Models = new(StringComparer.Ordinal)
    {
        ["Add along the channels"] = (
            Image(6).Initializer("c", OnnxRuntime.Normal(Shape.Of(6), 1)).Node("Add", "x c", "y", With(("broadcast", 1), ("axis", 1))),
            Image(18).Initializer("c", Reshaped(6, 6, 1, 1)).Node("Add", "x c", "y")),
        ["Mul along two inner axes"] = (
            Image(1).Initializer("c", OnnxRuntime.Normal(Shape.Of(6, 5), 1)).Node("Mul", "x c", "y", With(("broadcast", 1), ("axis", -3), ("consumed_inputs", new long[] { 0, 0 }))),
            Image(18).Initializer("c", Reshaped(30, 6, 5, 1)).Node("Mul", "x c", "y")),
        ["Sub along the end"] = (
            Image(6).Initializer("c", OnnxRuntime.Normal(Shape.Of(5, 4), 1)).Node("Sub", "x c", "y", With(("broadcast", 1))),
            Image(18).Initializer("c", Reshaped(20, 5, 4)).Node("Sub", "x c", "y")),
        ["PRelu of channels"] = (
            Image(6).Initializer("c", OnnxRuntime.Normal(Shape.Of(6), 1)).Node("PRelu", "x c", "y"),
            Image(18).Initializer("c", Reshaped(6, 6, 1, 1)).Node("PRelu", "x c", "y")),
        ["PRelu of one slope"] = (
            Image(1).Initializer("c", OnnxRuntime.Normal(Shape.Of(1), 1)).Node("PRelu", "x c", "y", With(("consumed_inputs", new long[] { 0, 0 }))),
            Image(18).Initializer("c", OnnxRuntime.Normal(Shape.Of(1), 1)).Node("PRelu", "x c", "y")),
        ["Selu of opset 1"] = (Image(1).Node("Selu", "x", "y"), Image(18).Node("Selu", "x", "y", With(("alpha", 1.6732f), ("gamma", 1.0507f)))),
        ["Cast by name"] = (Image(5).Node("Cast", "x", "y", With(("to", "DOUBLE"))), Image(18).Node("Cast", "x", "y", With(("to", ElementType.Double)))),
        ["Reshape by attribute"] = (
            Image(4).Node("Reshape", "x", "y", With(("shape", new long[] { 0, -1, 4 }))),
            Image(18).Initializer("s", TensorData.Vector(0, -1, 4)).Node("Reshape", "x s", "y")),
        ["Concat along its default axis"] = (Image(3).Node("Concat", "x x", "y"), Image(18).Node("Concat", "x x", "y", With(("axis", 1)))),
        ["Pad by paddings"] = (
            Image(1).Node("Pad", "x", "y", With(("paddings", new long[] { 0, 0, 1, 2, 0, 0, 0, 1 }), ("value", 1.5f))),
            Image(18).Initializer("p", TensorData.Vector(0, 0, 1, 2, 0, 0, 0, 1)).Initializer("v", TensorData.Of([1.5f], [])).Node("Pad", "x p v", "y")),
        ["Tile along one axis"] = (
            Image(1).Initializer("n", TensorData.Of([3f], [])).Initializer("a", TensorData.Of([2f], [])).Node("Tile", "x n a", "y"),
            Image(18).Initializer("r", TensorData.Vector(1, 1, 3, 1)).Node("Tile", "x r", "y")),
        ["Upsample by height and width"] = (
            Image(1).Node("Upsample", "x", "y", With(("height_scale", 2f), ("width_scale", 3f), ("mode", "nearest"))),
            Image(18).Initializer("s", TensorData.Of([1f, 1, 2, 3], 4)).Node("Resize", "x _ s", "y", With(("mode", "nearest"), ("coordinate_transformation_mode", "asymmetric"), ("nearest_mode", "floor")))),
        ["LpPool of a real order"] = (
            Image(1).Node("LpPool", "x", "y", With(("p", 1f), ("kernel_shape", new long[] { 2, 2 }))),
            Image(18).Node("LpPool", "x", "y", With(("p", 1), ("kernel_shape", new long[] { 2, 2 })))),
        ["Split by an input"] = (
            Image(1).Initializer("s", TensorData.Of([2f, 4], 2)).Node("Split", "x s", "z y", With(("axis", 1))),
            Image(18).Initializer("s", TensorData.Vector(2, 4)).Node("Split", "x s", "z y", With(("axis", 1)))),
        ["Gemm with broadcasting"] = (
            new RawModel(6).Input("x", ElementType.Float, 3, 4).Initializer("w", OnnxRuntime.Normal(Shape.Of(5, 4), 1)).Initializer("b", OnnxRuntime.Normal(Shape.Of(5), 2))
                .Node("Gemm", "x w b", "y", With(("broadcast", 1), ("transB", 1))),
            new RawModel(18).Input("x", ElementType.Float, 3, 4).Initializer("w", OnnxRuntime.Normal(Shape.Of(5, 4), 1)).Initializer("b", OnnxRuntime.Normal(Shape.Of(5), 2))
                .Node("Gemm", "x w b", "y", With(("transB", 1)))),
    };

    public static IEnumerable<object[]> Cases() => Models.Keys.Select(k => new object[] { k });

    [TestMethod]
    [DynamicData(nameof(Cases))]
    public void An_old_form_means_what_the_new_one_means(string name)
    {
        var (old, modern) = (Models[name].Old.ToModel("y"), Models[name].New.ToModel("y"));
        var inputs = old.Graph.Inputs.ToDictionary(i => i.Name, i => OnnxRuntime.Normal(i.Shape!, 7, i.Type));
        var graph = Normalizer.Run(old).Graph;
        Assert.IsTrue(GraphCondition.Canonical.Holds(graph), name);
        var expected = OnnxRuntime.Run(modern, inputs)["y"];
        // The same kernels run on the same numbers.
        Assert.AreEqual(0, OnnxRuntime.RelativeError(OnnxRuntime.Run(Model.Canonical(graph), inputs)["y"], expected), name);
        CollectionAssert.AreEqual(expected.Dimensions.ToArray(), graph.Outputs[0].Shape!.Static);
    }

    [TestMethod]
    public void What_no_newer_form_says_is_refused()
    {
        var order = new RawModel(1).Input("x", ElementType.Float, 1, 1, 4, 4).Node("LpPool", "x", "y", With(("p", 1.5f), ("kernel_shape", new long[] { 2, 2 }))).ToModel("y");
        Assert.Contains("1.5", Assert.ThrowsExactly<UnsupportedModelException>(() => Normalizer.Run(order)).Message);
        var type = new RawModel(5).Input("x", ElementType.Float, 2).Node("Cast", "x", "y", With(("to", "QUATERNION"))).ToModel("y");
        Assert.Contains("QUATERNION", Assert.ThrowsExactly<GraphException>(() => Normalizer.Run(type)).Message);
        var text = new RawModel(18).Input("x", ElementType.Float, 2).Node("Cast", "x", "y", With(("to", ElementType.String))).ToModel("y");
        Assert.Contains("text", Assert.ThrowsExactly<UnsupportedModelException>(() => Normalizer.Run(text)).Message);
    }

    private static RawModel Image(long opset) => new RawModel(opset).Input("x", ElementType.Float, 2, 6, 5, 4);

    private static TensorData Reshaped(long count, params long[] shape) => OnnxRuntime.Normal(Shape.Of(count), 1).Reshape([.. shape]);

    private static Attributes With(params (string Name, object Value)[] all) => all.Aggregate(Attributes.None, (a, p) => a.With(p.Name, p.Value));
}
