using OnnxPriors.Graphs;
using OnnxPriors.Onnx;
using OnnxPriors.Tests.Engines;

namespace OnnxPriors.Tests.Graphs;

/// <summary>Shapes inferred with named sizes are those that ONNX Runtime computes when the names have sizes.</summary>
[TestClass]
public sealed class ShapeInferenceTests
{
    private static readonly Dictionary<string, Func<GraphBuilder, Value, Value>> Cases = new(StringComparer.Ordinal)
    {
        ["Conv"] = (b, x) => b.Conv(x, Weight(b, 6, 4, 3, 3), null, With(("pads", new long[] { 1, 1, 1, 1 }), ("strides", new long[] { 2, 2 }))),
        ["Conv, dilated and grouped"] = (b, x) => b.Conv(x, Weight(b, 6, 2, 3, 2), null, With(("group", 2), ("dilations", new long[] { 2, 3 }))),
        ["Conv, same size"] = (b, x) => b.Conv(x, Weight(b, 6, 4, 3, 3), null, With(("auto_pad", "SAME_LOWER"), ("strides", new long[] { 2, 3 }))),
        ["ConvTranspose"] = (b, x) => b.ConvTranspose(x, Weight(b, 4, 6, 3, 3), null, With(("strides", new long[] { 2, 2 }), ("pads", new long[] { 1, 0, 1, 1 }), ("output_padding", new long[] { 1, 0 }))),
        ["MaxPool, ceil"] = (b, x) => b.MaxPool(x, With(("kernel_shape", new long[] { 3, 3 }), ("strides", new long[] { 2, 2 }), ("ceil_mode", 1))),
        ["AveragePool, padded"] = (b, x) => b.AveragePool(x, With(("kernel_shape", new long[] { 2, 3 }), ("pads", new long[] { 1, 1, 0, 1 }))),
        ["LpPool"] = (b, x) => b.Apply("LpPool", [x], With(("kernel_shape", new long[] { 2, 2 }), ("p", 2))),
        ["GlobalAveragePool"] = (b, x) => b.GlobalAveragePool(x),
        ["Reshape with a copied extent"] = (b, x) => b.Reshape(x, 0, 2, -1, 7),
        ["Flatten"] = (b, x) => b.Flatten(x, 2),
        ["Transpose"] = (b, x) => b.Transpose(x, 3, 0, 2, 1),
        ["Unsqueeze"] = (b, x) => b.Unsqueeze(x, 0, -1),
        ["Squeeze"] = (b, x) => b.Squeeze(b.ReduceMean(x, [1, 3]), 1, -1),
        ["Concat"] = (b, x) => b.Concat([x, x, x], 2),
        ["Slice of a known axis"] = (b, x) => b.Slice(x, 1, -3, 100),
        ["Slice of a named axis"] = (b, x) => b.Slice(x, 2, 1, long.MaxValue),
        ["Slice up to before the end"] = (b, x) => b.Slice(x, 2, 0, -2),
        ["Slice backwards"] = (b, x) => b.Slice(x, 1, 3, 0, -2),
        ["Pad"] = (b, x) => b.Pad(x, b.Ints(0, 1, 2, 0, 0, 0, 1, 3)),
        ["Expand"] = (b, x) => b.Expand(x, b.Ints(5, 1, 1, 1, 1)),
        ["Tile"] = (b, x) => b.Tile(x, b.Ints(1, 2, 3, 1)),
        ["Gather"] = (b, x) => b.Gather(x, b.Constant(TensorData.Of([0L, 2, 1, 0, 3, 1], 2, 3)), 1),
        ["GatherND"] = (b, x) => b.GatherNd(b.Transpose(x, 1, 0, 2, 3), b.Constant(TensorData.Of([0L, 1, 3, 0], 2, 2))),
        ["ReduceMean"] = (b, x) => b.ReduceMean(x, [1, -1], keep: false),
        ["ReduceSum of all"] = (b, x) => b.SumAll(x),
        ["ArgMax"] = (b, x) => b.ArgMax(x, 1, keep: false),
        ["Softmax"] = (b, x) => b.Softmax(x, 1),
        ["Broadcasting"] = (b, x) => x + Weight(b, 4, 1, 7),
        ["Broadcasting to a higher rank"] = (b, x) => x + Weight(b, 5, 1, 1, 1, 1),
        ["MatMul"] = (b, x) => b.MatMul(x, Weight(b, 7, 9)),
        ["MatMul with a vector"] = (b, x) => b.MatMul(x, Weight(b, 7)),
        ["MatMul of batches"] = (b, x) => b.MatMul(x, b.TransposeMatrix(x)),
        ["Gemm"] = (b, x) => b.Gemm(b.Reshape(x, -1, 7), Weight(b, 9, 7), transposeB: true),
        ["Einsum"] = (b, x) => b.Einsum("nchw,cd->nhwd", x, Weight(b, 4, 3)),
        ["Einsum with an ellipsis"] = (b, x) => b.Einsum("...w,vw->...v", x, Weight(b, 3, 7)),
        ["TopK"] = (b, x) => b.Emit("TopK", [x, b.Ints(2)], With(("axis", 1)), 2)[0],
        ["OneHot"] = (b, x) => b.OneHot(b.ArgMax(x, 1, keep: false), b.Ints(6), b.Constant(TensorData.Of([0f, 1], 2)), 1),
        ["Split"] = (b, x) => b.Split(x, [1, 3], 1)[1],
        ["Split by number"] = (b, x) => b.Emit("Split", [x], With(("axis", 3), ("num_outputs", 3)), 3)[2],
        ["Resize by scales"] = (b, x) => b.Apply("Resize", [x, null, b.Constant(TensorData.Of([1f, 1, 2, 0.5f], 4))], With(("mode", "linear"))),
        ["Resize to sizes of two axes"] = (b, x) => b.Apply("Resize", [x, null, null, b.Ints(10, 9)], With(("mode", "linear"), ("axes", new long[] { 2, 3 }))),
        ["DepthToSpace"] = (b, x) => b.Apply("DepthToSpace", [x], With(("blocksize", 2))),
        ["Shape"] = (b, x) => b.ShapeOf(x, 1, 3),
        ["Size"] = (b, x) => b.SizeOf(x),
        ["ConstantOfShape"] = (b, x) => b.FilledLike(x, 2),
        ["Range over an extent"] = (b, x) => b.Range(b.Constant(TensorData.Of([0L], [])), b.Squeeze(b.ShapeOf(x, 2, 3), 0), b.Constant(TensorData.Of([1L], []))),
        ["Where"] = (b, x) => b.Where(b.Greater(x, b.Scalar(0)), x, Weight(b, 1, 1, 1, 7)),
        ["LayerNormalization"] = (b, x) => b.Apply("LayerNormalization", [x, Weight(b, 7), Weight(b, 7)], With(("axis", -1))),
        ["InstanceNormalization"] = (b, x) => b.Apply("InstanceNormalization", [x, Weight(b, 4), Weight(b, 4)]),
        ["ScatterElements"] = (b, x) => b.ScatterElements(x, b.Constant(TensorData.Of([0L, 1, 2, 3, 1, 0, 2], 1, 1, 1, 7)), Weight(b, 1, 1, 1, 7), 1),
        ["CumSum"] = (b, x) => b.CumSum(x, b.Constant(TensorData.Of([1L], []))),
        ["NonZero"] = (b, x) => b.Apply("NonZero", [x]),
        ["Heads from shape arithmetic"] = (b, x) => b.Reshape(x, b.Concat([b.ShapeOf(x, 0, 1), b.Ints(2), b.Div(b.ShapeOf(x, 1, 2), b.Ints(2)), b.Ints(-1)], 0)),
    };

    public static IEnumerable<object[]> Names() => Cases.Keys.Select(k => new object[] { k });

    [TestMethod]
    [DynamicData(nameof(Names))]
    public void It_agrees_with_the_runtime(string name)
    {
        var b = new GraphBuilder();
        var x = b.Input("x", ElementType.Float, [Dimension.Symbolic("n"), 4, Dimension.Symbolic("h"), 7]);
        var y = Cases[name](b, x);
        var graph = b.Build([("y", y)]);
        var result = OnnxRuntime.Run(Model.Canonical(graph), new Dictionary<string, TensorData> { ["x"] = OnnxRuntime.Normal(Shape.Of(3, 4, 9, 7), 1) })["y"];
        Assert.AreEqual(result.Type, y.Type);
        Assert.AreEqual(result.Dimensions.Length, y.Rank);
        // The same graph with sizes in place of the names gives every extent as a number.
        var again = new GraphBuilder();
        var sized = Cases[name](again, again.Input("x", ElementType.Float, Shape.Of(3, 4, 9, 7)));
        for (var i = 0; i < y.Rank; i++)
        {
            var inferred = y.Shape![i].Substitute(new Dictionary<string, Dimension> { ["n"] = 3, ["h"] = 9 });
            if (inferred.IsStatic)
                Assert.AreEqual(result.Dimensions[i], inferred.Value, $"axis {i} of {y}");
            if (sized.Shape![i].IsKnown)
                Assert.AreEqual(result.Dimensions[i], sized.Shape[i].Value, $"axis {i} of {sized}");
            else
                Assert.AreEqual("NonZero", name);
        }
        Assert.IsTrue(name == "NonZero" || y.Shape!.All(d => d.IsKnown), $"{y} is not known with names");
    }

    [TestMethod]
    public void Contradictions_are_named()
    {
        var b = new GraphBuilder();
        var x = b.Input("x", ElementType.Float, Shape.Of(2, 3));
        foreach (var wrong in new Func<Value>[]
        {
            () => b.MatMul(x, x), () => b.Add(x, Weight(b, 2)), () => b.Reshape(x, 4, -1), () => b.Transpose(x, 0, 0), () => b.Squeeze(x, 0),
            () => b.Concat([x, Weight(b, 2, 3, 1)], 0), () => b.Apply("Frobnicate", [x]), () => b.Apply("MatMul", [x]), () => b.Flatten(x, 9),
            () => b.Einsum("ij,jk->il", x, Weight(b, 3, 4)), () => b.Conv(x, Weight(b, 1, 1, 1), null, Attributes.None), () => b.Softmax(x, 5), () => b.Add(x, b.Ints(1)),
        })
            Assert.ThrowsExactly<GraphException>(wrong);
        var problem = Assert.ThrowsExactly<GraphException>(() => b.Emit("MatMul", [x, x], nodeName: "product"));
        StringAssert.Contains(problem.Message, "'product'", StringComparison.Ordinal);
    }

    private static Attributes With(params (string Name, object Value)[] all) => all.Aggregate(Attributes.None, (a, p) => a.With(p.Name, p.Value));

    private static Value Weight(GraphBuilder b, params long[] shape) => b.Parameter("w", OnnxRuntime.Normal(Shape.Of(shape), 2));
}
