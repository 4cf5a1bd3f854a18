using OnnxPriors.Graphs;

namespace OnnxPriors.Tests.Graphs;

[TestClass]
public sealed class GraphBuilderTests
{
    private readonly GraphBuilder b = new();

    private Value Input(params long[] shape) => b.Input("x", ElementType.Float, Shape.Of(shape));

    [TestMethod]
    public void What_does_nothing_is_not_added()
    {
        var x = Input(2, 3);
        foreach (var same in new[]
        {
            x * 1, 1 * x, x + 0, 0 + x, x - 0, x / 1, b.Pow(x, 1), -(-x), b.Cast(x, ElementType.Float), b.Transpose(x, 0, 1),
            b.Transpose(b.Transpose(x, 1, 0), 1, 0), b.Reshape(x, 2, 3), b.Expand(x, b.Ints(2, 3)), b.Concat([x], 0), b.Pad(x, b.Ints(0, 0, 0, 0)),
        })
            Assert.AreSame(x, same);
    }

    [TestMethod]
    public void What_raises_the_rank_or_changes_a_sign_is_kept()
    {
        var x = Input(2, 3);
        Assert.AreEqual("[1, 2, 3]", (x * b.Constant(TensorData.Of([1f], 1, 1, 1))).Shape!.ToString());
        Assert.AreNotSame(x, 1 / x);
        Assert.AreNotSame(x, 0 - x);
        Assert.AreNotSame(x, b.Transpose(x, 1, 0));
    }

    [TestMethod]
    public void A_zero_in_a_reshape_keeps_its_meaning_when_reshapes_join()
    {
        var x = Input(4, 6);
        var y = b.Reshape(b.Reshape(x, 2, 12), 0, 3, 4);
        Assert.AreEqual("[2, 3, 4]", y.Shape!.ToString());
        Assert.AreEqual("Reshape", y.Producer!.Input(0).Producer?.Op);
        Assert.AreSame(x, b.Reshape(b.Reshape(x, 3, 8), 2, 12).Producer!.Input(0));
    }

    [TestMethod]
    public void Constants_fold_and_parameters_do_not()
    {
        var two = b.Scalar(2);
        Assert.AreEqual(8f, ((two + 2) * 2).Data!.ToSingle()[0]);
        var w = b.Parameter("w", TensorData.Of([1f, 2], 2));
        Assert.AreEqual(ValueKind.Computed, (w * 2).Kind);
        CollectionAssert.AreEqual(new[] { 2f, 4f }, GraphBuilder.TryEvaluate(w * 2)!.ToSingle());
        Assert.IsNull(GraphBuilder.TryEvaluate(Input(2) * 2));
    }

    [TestMethod]
    [Timeout(20_000)]
    public void A_constant_used_many_times_over_is_computed_once()
    {
        // Each value is used twice by the next: followed back naively this takes 2^200 steps. A chain this long must not use up the stack either.
        Value v = b.Parameter("w", TensorData.Of([1f], 1));
        for (var i = 0; i < 20_000; i++)
            v = b.Max(v, b.Min(v, v));
        Assert.AreEqual(1f, GraphBuilder.TryEvaluate(v)!.ToSingle()[0]);
    }

    [TestMethod]
    public void Impossible_arithmetic_on_constants_is_an_error_of_the_graph()
    {
        Assert.ThrowsExactly<GraphException>(() => b.Div(b.Ints(1), b.Ints(0)));
        Assert.ThrowsExactly<GraphException>(() => b.Mod(b.Ints(1), b.Ints(0)));
        Assert.ThrowsExactly<GraphException>(() => b.Gather(b.Constant(TensorData.Of([1f, 2], 2)), b.Ints(5), 0));
        Assert.ThrowsExactly<GraphException>(() => b.Reshape(b.Ints(1, 2, 3), 2, 2));
    }

    [TestMethod]
    public void Names_are_given_once()
    {
        var x = Input(2);
        Assert.AreEqual("x_1", b.Input("x", ElementType.Float, Shape.Of(2)).Name);
        Assert.AreNotEqual(b.Relu(x).Name, b.Relu(x).Name);
    }

    [TestMethod]
    public void Outputs_get_the_names_wanted_and_inner_values_make_room()
    {
        var x = Input(2);
        var inner = b.Emit("Relu", [x], outputNames: ["y"])[0];
        var last = b.Neg(inner);
        var graph = b.Build([("y", last), ("z", last), ("kept", inner), ("x2", x)]);
        CollectionAssert.AreEqual(new[] { "y", "z", "kept", "x2" }, graph.Outputs.Select(o => o.Name).ToArray());
        var names = graph.Nodes.SelectMany(n => n.Outputs).Select(o => o!.Name).ToList();
        Assert.AreEqual(names.Count, names.Distinct().Count(), string.Join(' ', names));
    }

    [TestMethod]
    public void An_output_cannot_take_the_name_of_an_input_of_another_value()
    {
        var x = Input(2);
        Assert.ThrowsExactly<GraphException>(() => b.Build([("x", b.Relu(x))]));
    }

    [TestMethod]
    public void Dead_code_is_dropped_and_inputs_stay()
    {
        var x = Input(2);
        var y = b.Relu(x);
        b.Exp(x);
        b.Input("unused", ElementType.Float, Shape.Of(1));
        var graph = b.Build([("y", y)]);
        Assert.HasCount(1, graph.Nodes);
        Assert.HasCount(2, graph.Inputs);
    }

    [TestMethod]
    public void Values_of_two_graphs_do_not_mix()
    {
        var other = new GraphBuilder().Input("x", ElementType.Float, Shape.Of(2));
        Assert.ThrowsExactly<InvalidOperationException>(() => b.Add(Input(2), other));
    }

    [TestMethod]
    public void A_computed_reshape_target_that_is_known_becomes_plain()
    {
        var x = b.Input("x", ElementType.Float, [Dimension.Symbolic("n"), 4, 3]);
        var y = b.Reshape(x, b.Concat([b.ShapeOf(x, 0, 1), b.Ints(-1)], 0));
        Assert.AreEqual("[n, 12]", y.Shape!.ToString());
        CollectionAssert.AreEqual(new[] { -1L, 12 }, y.Producer!.Input(1).Data!.ToInt64());
        Assert.HasCount(1, b.Build([("y", y)]).Nodes);
    }
}
