using OnnxPriors.Graphs;
using OnnxPriors.Normalization;
using OnnxPriors.Onnx;
using OnnxPriors.Tests.Engines;

namespace OnnxPriors.Tests.Normalization;

/// <summary>Files exported for one fixed batch work at any other, each example as it does alone.</summary>
[TestClass]
public sealed class BatchTests
{
    // The kernels are the same; sums over other batch sizes may be blocked in another order.
    private const double Tolerance = 2e-6;

    private static Attributes With(params (string Name, object Value)[] all) => all.Aggregate(Attributes.None, (a, p) => a.With(p.Name, p.Value));

    private static RawModel Sequence() => new RawModel(13).Input("x", ElementType.Float, 1, 6, 8);

    private static RawModel Target(RawModel model, string name, params long[] target) => model.Initializer(name, TensorData.Vector(target));

    private static readonly Dictionary<string, Model> Models = new(StringComparer.Ordinal)
    {
        ["Flattened by a number and the rest"] = Target(Sequence(), "t", 1, -1).Node("Reshape", "x t", "y").ToModel("y"),
        ["Flattened by numbers"] = Target(Sequence(), "t", 1, 48).Node("Reshape", "x t", "y").ToModel("y"),
        ["Flattened by the rest and a number"] = Target(Sequence(), "t", -1, 48).Node("Reshape", "x t", "y").ToModel("y"),
        ["A copied extent"] = Target(Sequence(), "t", 0, 2, -1).Node("Reshape", "x t", "y").ToModel("y"),
        ["Channels shuffled"] = Target(Target(Sequence(), "t", 1, 2, 3, 8), "u", 1, 6, 8)
            .Node("Reshape", "x t", "a").Node("Transpose", "a", "b", With(("perm", new long[] { 0, 2, 1, 3 }))).Node("Reshape", "b u", "y").ToModel("y"),
        ["Heads folded into the batch and back"] = Target(Target(Target(Sequence(), "t", 1, 6, 2, 4), "u", 2, 6, 4), "v", 1, 2, 6, 4)
            .Node("Reshape", "x t", "a").Node("Transpose", "a", "b", With(("perm", new long[] { 0, 2, 1, 3 })))
            .Node("Reshape", "b u", "c").Node("Softmax", "c", "d", With(("axis", -1))).Node("Reshape", "d v", "y").ToModel("y"),
        ["Time first, as PyTorch's attention has it"] = Target(Target(Sequence(), "t", 6, 2, 4), "u", 6, 1, 8)
            .Node("Transpose", "x", "a", With(("perm", new long[] { 1, 0, 2 }))).Node("Reshape", "a t", "b").Node("Tanh", "b", "c")
            .Node("Reshape", "c u", "d").Node("Transpose", "d", "y", With(("perm", new long[] { 1, 0, 2 }))).ToModel("y"),
        ["Tokens of all examples in one axis, time first, as PyTorch's attention has them"] = Target(Target(Target(Sequence(), "t", 6, 2, 4), "u", 6, 8), "v", 6, 1, 8)
            .Initializer("w", OnnxRuntime.Normal(Shape.Of(8, 8), 6)).Initializer("b", OnnxRuntime.Normal(Shape.Of(8), 7))
            .Node("Transpose", "x", "a", With(("perm", new long[] { 1, 0, 2 }))).Node("Reshape", "a t", "heads").Node("Tanh", "heads", "c")
            .Node("Reshape", "c u", "tokens").Node("Gemm", "tokens w b", "g", With(("transB", 1))).Node("Sigmoid", "g", "e").Node("Reshape", "e v", "f")
            .Node("Transpose", "f", "y", With(("perm", new long[] { 1, 0, 2 }))).ToModel("y"),
        ["Tokens of all examples in one axis, batch first"] = Target(Target(Sequence(), "t", 6, 8), "u", 1, 6, 8)
            .Initializer("w", OnnxRuntime.Normal(Shape.Of(8, 8), 6))
            .Node("Reshape", "x t", "tokens").Node("Gemm", "tokens w", "g").Node("Reshape", "g u", "y").ToModel("y"),
        ["A class token joined"] = Sequence().Initializer("token", OnnxRuntime.Normal(Shape.Of(1, 1, 8), 5)).Node("Concat", "token x", "y", With(("axis", 1))).ToModel("y"),
        ["A position added"] = Sequence().Initializer("position", OnnxRuntime.Normal(Shape.Of(1, 6, 8), 5)).Node("Add", "x position", "y").ToModel("y"),
        ["A shape computed from the input"] = Sequence().Initializer("zero", TensorData.Of([0L], [])).Initializer("axis", TensorData.Vector(0)).Initializer("rest", TensorData.Vector(-1))
            .Node("Shape", "x", "s").Node("Gather", "s zero", "n").Node("Unsqueeze", "n axis", "m").Node("Concat", "m rest", "t", With(("axis", 0))).Node("Reshape", "x t", "y").ToModel("y"),
        ["Softmax over what follows, flattened"] = new RawModel(11).Input("x", ElementType.Float, 1, 6, 8).Node("Softmax", "x", "y").ToModel("y"),
        ["An extent repeated"] = Target(Sequence(), "t", 1, 6, 8).Node("Expand", "x t", "y").ToModel("y"),
    };

    public static IEnumerable<object[]> Names() => Models.Keys.Select(k => new object[] { k });

    [TestMethod]
    [DynamicData(nameof(Names))]
    public void Each_example_of_a_batch_is_as_it_is_alone(string name)
    {
        var model = Models[name];
        var graph = Normalizer.Run(model, new() { DynamicBatch = true }).Graph;
        Assert.AreEqual("batch", graph.Outputs[0].Shape![0].ToString(), graph.Outputs[0].ToString());
        var batch = OnnxRuntime.Normal(Shape.Of(3, 6, 8), 11);
        var together = OnnxRuntime.Run(Model.Canonical(graph), new Dictionary<string, TensorData> { ["x"] = batch })["y"];
        Assert.AreEqual(3, together.Dimensions[0]);
        for (var i = 0; i < 3; i++)
        {
            var alone = OnnxRuntime.Run(model, new Dictionary<string, TensorData> { ["x"] = Row(batch, i) })["y"];
            Assert.IsLessThan(Tolerance, OnnxRuntime.RelativeError(Row(together, i), alone));
        }
    }

    [TestMethod]
    public void Axes_dropped_without_a_name_leave_the_batch()
    {
        var model = new RawModel(13).Input("x", ElementType.Float, 1, 4, 1, 1).Node("Squeeze", "x", "y").ToModel("y");
        Assert.AreEqual("[batch, 4]", Normalizer.Run(model, new() { DynamicBatch = true }).Graph.Outputs[0].Shape!.ToString());
        Assert.AreEqual("[4]", Normalizer.Run(model).Graph.Outputs[0].Shape!.ToString());
    }

    [TestMethod]
    public void A_reshape_that_would_mix_examples_is_refused()
    {
        // Time first in one axis, then taken apart as if the examples came first.
        var model = Target(Target(Sequence(), "t", 6, 8), "u", 2, 3, 8)
            .Node("Transpose", "x", "a", With(("perm", new long[] { 1, 0, 2 }))).Node("Reshape", "a t", "tokens").Node("Reshape", "tokens u", "y").ToModel("y");
        var problem = Assert.ThrowsExactly<UnsupportedModelException>(() => Normalizer.Run(model, new() { DynamicBatch = true }));
        StringAssert.Contains(problem.Message, "share", StringComparison.Ordinal);
        Assert.AreEqual("[2, 3, 8]", Normalizer.Run(model).Graph.Outputs[0].Shape!.ToString());
    }

    [TestMethod]
    public void The_batch_stays_where_it_is_not_asked_for()
    {
        var graph = Normalizer.Run(Models["Flattened by numbers"]).Graph;
        Assert.AreEqual("[1, 48]", graph.Outputs[0].Shape!.ToString());
    }

    private static TensorData Row(TensorData all, int index)
    {
        var size = all.Bytes.Length / (int)all.Dimensions[0];
        return new(all.Type, all.Dimensions.SetItem(0, 1), all.Bytes.Slice(index * size, size));
    }
}
