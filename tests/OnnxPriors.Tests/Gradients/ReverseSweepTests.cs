using OnnxPriors.Gradients;
using OnnxPriors.Graphs;

namespace OnnxPriors.Tests.Gradients;

/// <summary>What the sweep itself owns: accumulation, pruning, zeros and refusals. The operators' derivatives have their own tests.</summary>
[TestClass]
public sealed class ReverseSweepTests
{
    private static readonly Shape Vector = Shape.Of(3);

    [TestMethod]
    public void A_value_used_several_times_gets_the_sum_of_its_uses()
    {
        var b = new GraphBuilder();
        var x = b.Input("x", ElementType.Double, Vector);
        // y = x·x + x + x³, so dy = 2x + 1 + 3x².
        var y = x * x + x + x * x * x;
        var dx = Gradient(b, y, x)[0];
        var got = Run(b, dx!, ("x", [1.0, -2.0, 0.5]));
        Assert.AreSequenceEqual([6.0, 9.0, 2.75], got);
    }

    [TestMethod]
    public void A_value_between_two_paths_is_passed_once_with_its_whole_gradient()
    {
        var b = new GraphBuilder();
        var x = b.Input("x", ElementType.Double, Vector);
        var middle = b.Exp(x);
        var y = middle * 2 + b.Sin(middle);
        var before = b.Nodes.Count;
        Gradient(b, y, x);
        // One product for Exp: not one for each path.
        Assert.AreEqual(1, b.Nodes.Skip(before).Count(n => n.Op == "Mul" && n.Inputs.Contains(middle)));
    }

    [TestMethod]
    public void Nothing_is_computed_for_what_is_not_asked_for()
    {
        var b = new GraphBuilder();
        var x = b.Input("x", ElementType.Float, [Dimension.Symbolic("batch"), 4]);
        var frozen = b.Input("frozen", ElementType.Float, Shape.Of(4, 4));
        var trained = b.Input("trained", ElementType.Float, Shape.Of(4, 2));
        var y = b.MatMul(b.Relu(b.MatMul(x, frozen)), trained);
        var before = b.Nodes.Count;
        var gradient = ReverseSweep.Run(b, [(y, b.Input("dy", ElementType.Float, y.Shape))], [trained])[0];
        Assert.IsNotNull(gradient);
        Assert.HasCount(1, b.Nodes.Skip(before).ToList());
    }

    [TestMethod]
    public void What_no_output_depends_on_has_no_gradient()
    {
        var b = new GraphBuilder();
        var x = b.Input("x", ElementType.Float, Vector);
        var other = b.Input("other", ElementType.Float, Vector);
        // The sign of x changes in jumps only.
        var y = b.Sign(x) * b.Exp(other);
        var gradients = Gradient(b, y, x, other, b.Input("apart", ElementType.Float, Vector));
        Assert.IsNull(gradients[0]);
        Assert.IsNotNull(gradients[1]);
        Assert.IsNull(gradients[2]);
    }

    [TestMethod]
    public void All_nodes_without_a_rule_are_named_at_once_and_those_beside_the_way_are_not()
    {
        var b = new GraphBuilder();
        var x = b.Input("x", ElementType.Float, Vector);
        var first = b.Emit("Mystery", [x], outputNames: ["first"], nodeName: "one", domain: "some.vendor")[0];
        var typed = b.Emit("Riddle", [first], outputNames: ["second"], nodeName: "two", domain: "some.vendor")[0];
        b.Emit("Aside", [x], nodeName: "three", domain: "some.vendor");
        var error = Assert.ThrowsExactly<GradientException>(() => ReverseSweep.Run(b, [(typed, x)], [x]));
        Assert.AreSequenceEqual(["one", "two"], error.Nodes.Select(n => n.Node));
        Assert.Contains("some.vendor.Mystery", error.Message);
        Assert.DoesNotContain("three", error.Message);
    }

    [TestMethod]
    public void Forms_that_rules_refuse_are_listed_together()
    {
        var b = new GraphBuilder();
        var x = b.Input("x", ElementType.Float, Shape.Of(2, 3));
        var indices = b.Input("i", ElementType.Int64, Shape.Of(2, 3));
        var one = b.Emit("ScatterElements", [x, indices, x], Attributes.None.With("reduction", "sum"), nodeName: "one")[0];
        var two = b.Emit("ScatterElements", [x, indices, x], Attributes.None.With("reduction", "mean"), nodeName: "two")[0];
        var error = Assert.ThrowsExactly<GradientException>(() => Gradient(b, one + two, x));
        Assert.AreSequenceEqual(["two", "one"], error.Nodes.Select(n => n.Node));
    }

    [TestMethod]
    public void Several_outputs_start_with_a_gradient_each()
    {
        var b = new GraphBuilder();
        var x = b.Input("x", ElementType.Double, Vector);
        var (y, z) = (x * x, x * 3);
        var dx = ReverseSweep.Run(b, [(y, b.Like(x, 1)), (z, b.Like(x, 2)), (x, b.Like(x, 10))], [x])[0];
        Assert.AreSequenceEqual([18.0, 20.0, 22.0], Run(b, dx!, ("x", [1.0, 2.0, 3.0])));
    }

    [TestMethod]
    public void A_saturated_sigmoid_keeps_a_gradient_that_is_right_relative_to_itself()
    {
        var b = new GraphBuilder();
        var x = b.Input("x", ElementType.Float, Vector);
        var dx = Gradient(b, b.Sigmoid(x), x)[0];
        using var runner = new OrtRunner(b.Build([("result", dx!)]));
        double[] at = [-30, -17, 25];
        var got = runner.Run(new Dictionary<string, TensorData> { ["x"] = TensorData.Of(at.Select(v => (float)v).ToArray(), 3) })["result"].ToDouble();
        foreach (var (v, g) in at.Zip(got))
            Assert.AreEqual(1, g / (Math.Exp(-Math.Abs(v)) / Math.Pow(1 + Math.Exp(-Math.Abs(v)), 2)), 1e-5);
    }

    [TestMethod]
    public void A_random_dropout_passes_the_gradient_by_the_very_mask_it_dropped_with()
    {
        var b = new GraphBuilder();
        var x = b.Input("x", ElementType.Float, Shape.Of(64));
        // The mask is not among the node's outputs, as exporters leave it out.
        var y = b.Apply("Dropout", [x, b.Scalar(0.25), b.Constant(TensorData.Of([true], []))]);
        var dx = ReverseSweep.Run(b, [(y, x)], [x])[0];
        using var runner = new OrtRunner(b.Build([("y", y), ("dx", dx!)]));
        var at = Enumerable.Range(1, 64).Select(v => (float)v).ToArray();
        var results = runner.Run(new Dictionary<string, TensorData> { ["x"] = TensorData.Of(at, 64) });
        // With the seed x the gradient is what the operator itself gave.
        Assert.AreSequenceEqual(results["y"].ToDouble(), results["dx"].ToDouble());
        Assert.Contains(0, results["dx"].ToDouble());
        Assert.IsGreaterThan(32, results["dx"].ToDouble().Count(v => v > 0));
        Assert.HasCount(1, b.Nodes.Where(n => n.Op == "Dropout").ToList());
    }

    private static System.Collections.Immutable.ImmutableArray<Value?> Gradient(GraphBuilder b, Value y, params Value[] wanted) =>
        ReverseSweep.Run(b, [(y, b.Like(y, 1))], wanted);

    private static double[] Run(GraphBuilder b, Value output, params (string Name, double[] Values)[] inputs)
    {
        using var runner = new OrtRunner(b.Build([("result", output)]));
        return runner.Run(inputs.ToDictionary(i => i.Name, i => TensorData.Of(i.Values, i.Values.Length)))["result"].ToDouble();
    }
}

internal static class SweepBuilding
{
    /// <summary>A tensor of one number, as large as a value.</summary>
    public static Value Like(this GraphBuilder b, Value value, double number) => b.FilledLike(value, number);
}
