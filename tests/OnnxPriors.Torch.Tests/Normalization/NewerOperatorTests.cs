using OnnxPriors.Gradients;
using OnnxPriors.Graphs;
using OnnxPriors.Normalization;
using OnnxPriors.Tests.Engines;
using OnnxPriors.Tests.Gradients;
using OnnxPriors.Tests.Normalization.Newer;
using static TorchSharp.torch;

namespace OnnxPriors.Torch.Tests.Normalization;

/// <summary>The same operators on the second engine, and the gradients of what became of them against libtorch's own.</summary>
[TestClass]
public sealed class NewerOperatorTests
{
    public static IEnumerable<object[]> Cases() => NewerForms.All.Select((f, i) => new object[] { i, f.ToString() });

    [TestMethod]
    [DynamicData(nameof(Cases))]
    public void The_module_computes_what_the_file_says(int index, string name)
    {
        var form = NewerForms.All[index];
        var (model, inputs) = form.Build();
        var graph = Normalizer.Run(model).Graph;
        using var noGradients = no_grad();
        using var scope = NewDisposeScope();
        using var module = new GraphModule(graph);
        var outputs = module.Forward(graph.Inputs.ToDictionary(i => i.Name, i => Tensors.ToTorch(inputs[i.Name])));
        foreach (var (output, expected) in form.Expected(model, inputs))
        {
            CollectionAssert.AreEqual(expected.Dimensions.ToArray(), outputs[output].shape, $"{name}: {output}");
            var scale = expected.ToDouble().Where(double.IsFinite).Select(Math.Abs).DefaultIfEmpty().Max();
            Assert.IsLessThanOrEqualTo(1, Tensors.Distance(Tensors.ToDoubles(outputs[output]), expected.ToDouble(), 0, form.Tolerance * Math.Max(scale, 1e-30)), $"{name}: {output}");
        }
    }

    // Left out: integers and conditions, what rounds, what the gradient rules of canonical operators refuse, and other floats than float32.
    private static bool IsSmooth(OperatorForm form) =>
        !form.Op.Contains("Quant", StringComparison.OrdinalIgnoreCase) && !form.Op.Contains("QLinear", StringComparison.Ordinal)
        && form.Op is not ("BitCast" or "IsInf" or "IsNaN" or "ConstantOfShape" or "com.microsoft.MatMulIntegerToFloat" or "com.microsoft.QAttention")
        && form.Name is not ("of conditions" or "of conditions without the axis" or "of whole numbers" or "over an axis of the inputs" or "wider types")
        && !form.Attributes.Contains(("antialias", 1)) && !form.Inputs.Contains(":h", StringComparison.Ordinal);

    public static IEnumerable<object[]> Smooth() => NewerForms.All.Select((f, i) => (Form: f, Index: i)).Where(p => IsSmooth(p.Form)).Select(p => new object[] { p.Index, p.Form.ToString() });

    [TestMethod]
    [DynamicData(nameof(Smooth))]
    public void The_gradient_of_what_became_of_it_is_autograds(int index, string name)
    {
        // Float32 sums of a few dozen products; the limit that every gradient rule is held to.
        const double tolerance = 1e-4;
        var (model, inputs) = NewerForms.All[index].Build();
        var graph = Normalizer.Run(model).Graph;
        var b = new GraphBuilder();
        var map = graph.Inputs.ToDictionary(i => i, i => b.Input(i.Name, i.Type, i.Shape));
        var outputs = b.Inline(graph, map);
        var taken = outputs.Select((o, i) => (Output: o, Name: graph.Outputs[i].Name)).Where(o => o.Output.Type == ElementType.Float).ToArray();
        var sizes = OnnxRuntime.Run(OnnxPriors.Onnx.Model.Canonical(graph), inputs);
        var seeds = taken.Select((o, i) => OnnxRuntime.Normal(Shape.Of([.. sizes[o.Name].Dimensions]), 50 + i)).ToArray();
        var wanted = graph.Inputs.Where(i => i.Type == ElementType.Float).ToArray();
        var gradients = ReverseSweep.Run(b, [.. taken.Select((o, i) => (o.Output, b.Constant(seeds[i])))], [.. wanted.Select(w => map[w])]);
        var given = wanted.Zip(gradients).Where(p => p.Second is not null).ToArray();
        Assert.IsNotEmpty(given, name);
        using var runner = new OrtRunner(b.Build([.. given.Select(p => ($"d_{p.First.Name}", p.Second!))]));
        var step = runner.Run(inputs);

        var exact = Autograd(graph, inputs, wanted, [.. taken.Select(o => o.Name).Zip(seeds)]);
        foreach (var (input, expected) in wanted.Zip(exact))
        {
            var numbers = expected ?? new double[inputs[input.Name].Count];
            var actual = step.TryGetValue($"d_{input.Name}", out var data) ? data.ToDouble() : new double[numbers.Length];
            var scale = numbers.Max(Math.Abs) + 1e-3;
            Assert.IsLessThanOrEqualTo(tolerance, numbers.Zip(actual, (e, a) => Math.Abs(e - a) / scale).Max(), $"{name}: {input.Name}");
        }
    }

    private static double[]?[] Autograd(Graph graph, Dictionary<string, TensorData> inputs, Value[] wanted, (string Name, TensorData Seed)[] seeds)
    {
        var b = new GraphBuilder();
        var map = graph.Inputs.ToDictionary(i => i, i => wanted.Contains(i) ? b.Parameter(i.Name, inputs[i.Name]) : b.Input(i.Name, i.Type, i.Shape));
        var outputs = b.Inline(graph, map);
        var differentiated = b.Build([.. outputs.Select((o, i) => (graph.Outputs[i].Name, o))]);
        using var scope = NewDisposeScope();
        using var module = new GraphModule(differentiated, new GraphModuleOptions { Precision = FloatPrecision.Double });
        var results = module.Forward(differentiated.Inputs.ToDictionary(i => i.Name, i => Tensors.ToTorch(inputs[i.Name])));
        var objective = zeros([], dtype: ScalarType.Float64);
        foreach (var (name, seed) in seeds)
            objective += (results[name] * Tensors.ToTorch(seed)).sum();
        // A float that only a shape or a bound reads is no parameter of the module.
        Tensor[] parameters = [.. wanted.Where(w => module.Parameters.ContainsKey(w.Name)).Select(w => (Tensor)module.Parameters[w.Name])];
        var gradients = autograd.grad([objective], parameters, allow_unused: true);
        var found = wanted.Where(w => module.Parameters.ContainsKey(w.Name)).Zip(gradients).ToDictionary(p => p.First, p => p.Second);
        return [.. wanted.Select(w => found.TryGetValue(w, out var g) && g is not null && !g.IsInvalid ? Tensors.ToDoubles(g) : null)];
    }
}
