using OnnxPriors.Graphs;
using OnnxPriors.Torch.Operators;
using TorchSharp;
using static TorchSharp.torch;

namespace OnnxPriors.Torch.Tests;

[TestClass]
public sealed class GraphModuleTests
{
    private const double Rounding = 1e-6, DoubleRounding = 1e-14;

    [TestMethod]
    public void Parameters_keep_their_names_and_take_gradients()
    {
        using var scope = NewDisposeScope();
        using var module = new GraphModule(Network());

        Assert.AreSequenceEqual(["layer.0.weight", "layer.0.bias", "head"], module.Parameters.Keys);
        var y = module.Forward(Input(1, 2, 3))["y"];
        y.sum().backward();

        // y = relu(x W + b) h with x = (1, 2, 3): both units are active.
        Assert.AreSequenceEqual([1.0, 2, 2, 4, 3, 6], Tensors.ToDoubles(module.Parameters["layer.0.weight"].grad!));
        Assert.AreSequenceEqual([1.0, 2], Tensors.ToDoubles(module.Parameters["layer.0.bias"].grad!));
        Assert.AreEqual(1 * 2.5 + 2 * 3.5, y.item<float>(), Rounding);
    }

    [TestMethod]
    public void In_double_precision_everything_is_float64()
    {
        var b = new GraphBuilder();
        var x = b.Input("x", ElementType.Float, [2]);
        var third = b.Parameter("third", TensorData.Of([1f / 3], 1));
        var graph = b.Build([("y", b.Apply("Cast", [b.Apply("Mul", [x, third])], Attributes.None.With("to", ElementType.Float)))]);
        using var scope = NewDisposeScope();
        using var module = new GraphModule(graph, new GraphModuleOptions { Precision = FloatPrecision.Double });

        var y = module.Forward(new Dictionary<string, Tensor> { ["x"] = tensor(new[] { 3f, 1e-9f }) })["y"];

        Assert.AreEqual(ScalarType.Float64, y.dtype);
        Assert.AreEqual(3 * (double)(1f / 3), Tensors.ToDoubles(y)[0], DoubleRounding);
    }

    [TestMethod]
    public void All_missing_operators_are_listed_with_their_nodes()
    {
        var b = new GraphBuilder();
        var x = b.Input("x", ElementType.Float, [2]);
        var first = b.Emit("FancyNorm", [x], nodeName: "norm_1", domain: "com.example")[0];
        var second = b.Emit("FancyNorm", [first], nodeName: "norm_2", domain: "com.example")[0];
        var graph = b.Build([("y", b.Emit("Odd", [second], nodeName: "odd", domain: "com.example")[0])]);

        var error = Assert.ThrowsExactly<UnsupportedOperatorException>(() => new GraphModule(graph));

        Assert.Contains("com.example.FancyNorm ('norm_1', 'norm_2')", error.Message);
        Assert.Contains("com.example.Odd ('odd')", error.Message);
        Assert.HasCount(3, GraphModule.Unsupported(graph));
    }

    [TestMethod]
    [DataRow("abacus", "There is no device 'abacus'")]
    [DataRow("cuda", "TorchRuntime=cuda")]
    public void A_device_that_is_not_there_is_refused(string device, string expected)
    {
        if (device == "cuda" && cuda.is_available()) Assert.Inconclusive("This machine has a GPU that libtorch can use.");

        var error = Assert.ThrowsExactly<OnnxPriors.Torch.Native.TorchNativeException>(() => new GraphModule(Network(), new GraphModuleOptions { Device = device }));
        Assert.Contains(expected, error.Message);
    }

    [TestMethod]
    public void An_operator_in_two_tables_is_an_error()
    {
        var table = new OperatorTable { { "Relu", c => c[0] } };

        Assert.ThrowsExactly<InvalidOperationException>(() => new OperatorRegistry(Activations.Table, table));
    }

    [TestMethod]
    public void Every_operator_that_a_graph_may_hold_has_a_forward()
    {
        string[] without = [.. OnnxPriors.Graphs.Inference.ShapeInference.Operators.Except(GraphModule.SupportedOperators)];

        Assert.IsEmpty(without);
    }

    [TestMethod]
    public void Forward_and_backward_leave_no_tensor_behind()
    {
        using var module = new GraphModule(Network());
        for (var i = 0; i < 3; i++) Pass();
        long before = DisposeScopeManager.Statistics.ThreadTotalLiveCount;
        for (var i = 0; i < 20; i++) Pass();

        Assert.AreEqual(before, DisposeScopeManager.Statistics.ThreadTotalLiveCount);

        void Pass()
        {
            using var scope = NewDisposeScope();
            module.Forward(Input(1, 2, 3))["y"].sum().backward();
        }
    }

    [TestMethod]
    public void Dead_intermediates_are_released_before_the_end_even_without_a_scope()
    {
        // A chain of 50 operators: what one step needs is two tensors, not fifty.
        var b = new GraphBuilder();
        var value = b.Input("x", ElementType.Float, [4]);
        for (var i = 0; i < 50; i++) value = b.Apply("Sin", [value]);
        using var module = new GraphModule(b.Build([("y", value)]));
        var x = tensor(new[] { 1f, 2, 3, 4 });
        long before = DisposeScopeManager.Statistics.ThreadTotalLiveCount;
        var outputs = module.Forward(new Dictionary<string, Tensor> { ["x"] = x });

        Assert.AreEqual(before + 1, DisposeScopeManager.Statistics.ThreadTotalLiveCount);
        outputs["y"].Dispose();
        x.Dispose();
    }

    [TestMethod]
    public void An_input_that_is_also_an_output_stays_the_callers()
    {
        var b = new GraphBuilder();
        var x = b.Input("x", ElementType.Float, [3]);
        using var module = new GraphModule(b.Build([("y", x), ("z", b.Apply("Neg", [x]))]));
        using var given = tensor(new[] { 1f, 2, 3 });
        var outputs = module.Forward(new Dictionary<string, Tensor> { ["x"] = given });
        outputs["y"].Dispose();
        outputs["z"].Dispose();

        Assert.AreEqual(6f, given.sum().item<float>());
    }

    [TestMethod]
    public void An_input_that_is_not_given_is_named()
    {
        using var module = new GraphModule(Network());

        var error = Assert.ThrowsExactly<GraphException>(() => module.Forward(new Dictionary<string, Tensor>()));
        Assert.Contains("'x'", error.Message);
    }

    [TestMethod]
    public void A_node_that_cannot_take_its_inputs_is_named_with_their_shapes()
    {
        using var module = new GraphModule(Network());
        using var wrong = zeros(1, 5);

        var error = Assert.ThrowsExactly<GraphException>(() => module.Forward(new Dictionary<string, Tensor> { ["x"] = wrong }));
        Assert.Contains("Float32[1, 5]", error.Message);
    }

    [TestMethod]
    public void Frozen_statistics_are_an_affine_map_and_batch_statistics_those_of_the_batch()
    {
        var b = new GraphBuilder();
        var x = b.Input("x", ElementType.Float, [4, 1]);
        var y = b.Apply("BatchNormalization",
        [
            x, b.Parameter("scale", TensorData.Of([2f], 1)), b.Parameter("shift", TensorData.Of([1f], 1)),
            b.Parameter("mean", TensorData.Of([3f], 1)), b.Parameter("variance", TensorData.Of([4f], 1)),
        ], Attributes.None.With("epsilon", 0.0));
        using var scope = NewDisposeScope();
        using var module = new GraphModule(b.Build([("y", y)]));
        var given = new Dictionary<string, Tensor> { ["x"] = tensor(new[] { 1f, 3, 5, 7 }).reshape(4, 1) };

        Assert.AreSequenceEqual(["mean", "variance"], module.RunningStatistics.Keys.Order());
        Assert.AreSequenceEqual(["scale", "shift"], module.Parameters.Keys.Order());
        // (x − 3)/2 · 2 + 1
        Assert.AreSequenceEqual([-1.0, 1, 3, 5], Tensors.ToDoubles(module.Forward(given)["y"]));
        module.Statistics = BatchStatistics.Batch;
        // Mean 4 and variance 5 of the batch itself.
        double[] expected = [.. new[] { 1.0, 3, 5, 7 }.Select(v => (v - 4) / Math.Sqrt(5) * 2 + 1)];
        Assert.IsLessThan(1, Tensors.Distance(Tensors.ToDoubles(module.Forward(given)["y"]), expected, Rounding, Rounding));
        Assert.AreEqual(3f, module.RunningStatistics["mean"].item<float>());
        module.EstimateStatistics([given]);
        Assert.AreEqual(4f, module.RunningStatistics["mean"].item<float>());
        Assert.AreEqual(20f / 3, module.RunningStatistics["variance"].item<float>(), Rounding);
    }

    // x [1, 3] → relu(x W + b) [1, 2] → times h = (1, 2).
    private static Graph Network()
    {
        var b = new GraphBuilder();
        var x = b.Input("x", ElementType.Float, [Dimension.Symbolic("batch"), 3]);
        var w = b.Parameter("layer.0.weight", TensorData.Of([0f, 0, 1, 0, 0, 1], 3, 2));
        var hidden = b.Apply("Relu", [b.Apply("Add", [b.Apply("MatMul", [x, w]), b.Parameter("layer.0.bias", TensorData.Of([0.5f, 0.5f], 2))])]);
        return b.Build([("y", b.Apply("MatMul", [hidden, b.Parameter("head", TensorData.Of([1f, 2f], 2, 1))]))]);
    }

    private static Dictionary<string, Tensor> Input(params float[] values) => new() { ["x"] = tensor(values).reshape(1, values.Length) };
}
