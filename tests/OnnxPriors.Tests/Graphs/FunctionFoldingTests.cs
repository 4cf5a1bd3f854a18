using OnnxPriors.Graphs;
using OnnxPriors.Normalization;
using OnnxPriors.Onnx;
using OnnxPriors.Tests.Engines;

namespace OnnxPriors.Tests.Graphs;

/// <summary>What follows from a bound input folds to what ONNX Runtime computes from it.</summary>
[TestClass]
public sealed class FunctionFoldingTests
{
    [TestMethod]
    [DataRow("Sin")]
    [DataRow("Cos")]
    [DataRow("Tan")]
    [DataRow("Asin")]
    [DataRow("Acos")]
    [DataRow("Atan")]
    [DataRow("Sinh")]
    [DataRow("Cosh")]
    [DataRow("Tanh")]
    [DataRow("Sigmoid")]
    [DataRow("Relu")]
    [DataRow("IsNaN")]
    public void Functions(string op) => Check(new RawModel(17).Input("x", ElementType.Float, 2, 3).Node(op, "x", "y"));

    [TestMethod]
    [DataRow(0, 0, 0)]
    [DataRow(1, 1, 0)]
    [DataRow(-1, 0, 1)]
    [DataRow(0, 1, 1)]
    public void Running_sums(int axis, int exclusive, int reverse) => Check(new RawModel(17).Input("x", ElementType.Float, 2, 3).Initializer("axis", TensorData.Of([(long)axis], []))
        .Node("CumSum", "x axis", "y", Attributes.None.With("exclusive", exclusive).With("reverse", reverse)));

    [TestMethod]
    [DataRow(0, 1)]
    [DataRow(1, 1)]
    [DataRow(-1, 0)]
    public void Triangles(int diagonal, int upper) => Check(new RawModel(17).Input("x", ElementType.Float, 2, 3).Initializer("k", TensorData.Of([(long)diagonal], []))
        .Node("Trilu", "x k", "y", Attributes.None.With("upper", upper)));

    [TestMethod]
    public void Means_over_an_axis() => Check(new RawModel(17).Input("x", ElementType.Float, 2, 3).Node("ReduceMean", "x", "y", Attributes.None.With("axes", (long[])[1]).With("keepdims", 0)));

    [TestMethod]
    public void Parts_and_places_of_what_is_not_zero() => Check(new RawModel(17).Input("x", ElementType.Float, 2, 3).Initializer("lengths", TensorData.Vector(1, 2))
        .Node("Split", "x lengths", "a b", Attributes.None.With("axis", 1)).Node("Floor", "b", "c").Node("NonZero", "c", "d").Node("Cast", "d", "e", Attributes.None.With("to", ElementType.Float))
        .Node("ReduceMean", "a", "m", Attributes.None.With("keepdims", 0)).Node("Add", "e m", "y"));

    [TestMethod]
    public void A_Scan_over_a_shape_that_older_exporters_count_with_NonZero_is_written_out()
    {
        var model = new RawModel(17).Input("x", ElementType.Float, 2, 3).Input("n", ElementType.Int64, 1)
            .Node("ConstantOfShape", "n", "ones", Attributes.None.With("value", TensorData.Of([1L], 1))).Node("NonZero", "ones", "places").Node("Transpose", "places", "column");
        var body = model.Inner().Input("sum", ElementType.Float, 2, 3).Input("i", ElementType.Int64, 1).Node("Cast", "i", "f", Attributes.None.With("to", ElementType.Float)).Node("Add", "sum f", "next");
        model.Node("Scan", "x column", "y", Attributes.None.With("body", body.ToGraph("next")).With("num_scan_inputs", 1));
        var inputs = new Dictionary<string, TensorData> { ["x"] = OnnxRuntime.Normal([2, 3], seed: 1), ["n"] = TensorData.Of([4L], 1) };
        var graph = Normalizer.Run(model.ToModel("y"), new() { Bindings = [InputBinding.Parse("n=4")] }).Graph;
        Assert.IsLessThan(1e-6, OnnxRuntime.RelativeError(OnnxRuntime.Run(Model.Canonical(graph), inputs)["y"], OnnxRuntime.Run(model.ToModel("y"), inputs)["y"]));
    }

    private static void Check(RawModel model)
    {
        const string Numbers = "-0.75,0.5,0.25,-0.1,0,0.9";
        var x = TensorData.Of([-0.75f, 0.5f, 0.25f, -0.1f, 0f, 0.9f], 2, 3);
        var expected = OnnxRuntime.Run(model.ToModel("y"), new Dictionary<string, TensorData> { ["x"] = x })["y"];
        var graph = Normalizer.Run(model.ToModel("y"), new() { Bindings = [InputBinding.Parse($"x={Numbers}")] }).Graph;
        Assert.IsTrue(graph.Nodes.All(n => n.Op == "Identity"), string.Join('\n', graph.Nodes));
        // Float32 on the one side, float64 rounded on the other.
        Assert.IsLessThan(1e-6, OnnxRuntime.RelativeError(graph.Initializers.Single().Data!, expected));
    }
}
