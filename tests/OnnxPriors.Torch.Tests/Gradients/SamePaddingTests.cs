using OnnxPriors.Gradients;
using OnnxPriors.Graphs;
using OnnxPriors.Normalization;
using OnnxPriors.Onnx;
using OnnxPriors.Tests.Engines;
using OnnxPriors.Tests.Gradients;
using static TorchSharp.torch;

namespace OnnxPriors.Torch.Tests.Gradients;

/// <summary>auto_pad SAME with strides where height and width are open: one gradient graph against autograd at several sizes.</summary>
[TestClass]
public sealed class SamePaddingTests
{
    // Float32 rounding of sums of a few dozen products.
    private const double Tolerance = 1e-4;

    private static readonly (long Height, long Width)[] Sizes = [(7, 8), (6, 9), (4, 3), (1, 5)];

    [TestMethod]
    [DataRow("Conv", "SAME_UPPER")]
    [DataRow("Conv", "SAME_LOWER")]
    [DataRow("MaxPool", "SAME_UPPER")]
    [DataRow("MaxPool", "SAME_LOWER")]
    [DataRow("AveragePool", "SAME_UPPER")]
    [DataRow("AveragePool", "SAME_LOWER")]
    [DataRow("LpPool", "SAME_UPPER")]
    public void The_gradient_is_autograds_whatever_the_size(string op, string padding)
    {
        var file = Build(op, padding);
        var graph = Normalizer.Run(Model.Canonical(file), new() { Form = GraphForm.Training }).Graph;
        var b = new GraphBuilder();
        var x = b.Input("x", ElementType.Float, graph.Inputs[0].Shape);
        var y = b.Inline(graph, new Dictionary<Value, Value> { [graph.Inputs[0]] = x })[0];
        var seed = b.Input("seed", ElementType.Float, y.Shape);
        var gradient = ReverseSweep.Run(b, [(y, seed)], [x])[0]!;
        using var runner = new OrtRunner(b.Build([("y", y), ("dx", gradient)]));
        foreach (var (height, width) in Sizes)
        {
            var data = OnnxRuntime.Normal(Shape.Of(2, 2, height, width), 7);
            var direction = OnnxRuntime.Normal(Shape.Of(2, 2, (height + 1) / 2, (width + 2) / 3), 8);
            var step = runner.Run(new Dictionary<string, TensorData> { ["x"] = data, ["seed"] = direction });

            // The node as the file has it, whose padding libtorch's side works out from the tensor.
            using var scope = NewDisposeScope();
            using var module = new GraphModule(file, new GraphModuleOptions { Precision = FloatPrecision.Double });
            var input = Tensors.ToTorch(data).to(ScalarType.Float64).requires_grad_();
            var output = module.Forward(new Dictionary<string, Tensor> { ["x"] = input })["y"];
            var exact = autograd.grad([output], [input], [Tensors.ToTorch(direction).to(ScalarType.Float64)])[0];
            foreach (var (name, expected) in new[] { ("y", output), ("dx", exact) })
            {
                var numbers = Tensors.ToDoubles(expected.detach());
                var scale = numbers.Max(Math.Abs) + 1e-3;
                var worst = numbers.Zip(step[name].ToDouble(), (e, a) => Math.Abs(e - a) / scale).Max();
                Assert.IsLessThanOrEqualTo(Tolerance, worst, $"{op} {padding} {height}×{width}: {name}");
            }
        }
    }

    private static Graph Build(string op, string padding)
    {
        var b = new GraphBuilder();
        var x = b.Input("x", ElementType.Float, new Shape([2, 2, Dimension.Symbolic("height"), Dimension.Symbolic("width")]));
        var attributes = Attributes.None.With("kernel_shape", new long[] { 3, 2 }).With("strides", new long[] { 2, 3 }).With("auto_pad", padding);
        Value[] inputs = op == "Conv" ? [x, b.Constant(OnnxRuntime.Normal(Shape.Of(2, 2, 3, 2), 9))] : [x];
        return b.Build([("y", b.Apply(op, inputs, attributes))]);
    }
}
