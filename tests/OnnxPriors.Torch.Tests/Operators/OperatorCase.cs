using System.Globalization;
using OnnxPriors.Gradients;
using OnnxPriors.Graphs;
using static TorchSharp.torch;

namespace OnnxPriors.Torch.Tests.Operators;

/// <summary>One operator with its attributes and inputs, to be computed by ONNX Runtime and by the TorchSharp module.</summary>
/// <param name="Op">The operator.</param>
/// <param name="Attributes">Its attributes.</param>
/// <param name="Outputs">How many outputs it has.</param>
/// <param name="Inputs">Its inputs; null where one is left out.</param>
internal sealed record OperatorCase(string Op, Attributes Attributes, int Outputs, params TensorData?[] Inputs)
{
    /// <summary>A case of one output.</summary>
    public OperatorCase(string op, Attributes attributes, params TensorData?[] inputs) : this(op, attributes, 1, inputs)
    {
    }

    /// <summary>A case of one output without attributes.</summary>
    public OperatorCase(string op, params TensorData?[] inputs) : this(op, Attributes.None, 1, inputs)
    {
    }

    /// <summary>The operator alone as a graph: float tensors are its inputs; integers, and the scales of Resize, constants.</summary>
    public Graph Graph()
    {
        var b = new GraphBuilder();
        Value?[] values = [.. Inputs.Select((data, i) => data is null ? null : data.Type.IsFloating() && !(Op == "Resize" && i > 0) ? b.Input($"input{i}", data.Type, data.Shape) : b.Constant(data))];
        var outputs = b.Emit(Op, values, Attributes, Outputs);
        return b.Build(outputs.Select((value, i) => ($"output{i}", value)));
    }

    /// <summary>The largest distance between the two engines' outputs, in units of the tolerance.</summary>
    /// <param name="relative">The tolerance relative to a value.</param>
    /// <param name="absolute">The tolerance near zero.</param>
    public double Distance(double relative, double absolute)
    {
        var graph = Graph();
        var given = Given(graph);
        using var scope = NewDisposeScope();
        using var module = new GraphModule(graph);
        var actual = module.Forward(given.ToDictionary(pair => pair.Key, pair => Tensors.ToTorch(pair.Value)));
        double worst = 0;
        foreach (var (name, (shape, expected)) in RealRuntime.Run(graph, given))
        {
            if (!shape.SequenceEqual(actual[name].shape)) return double.PositiveInfinity;
            worst = Math.Max(worst, Tensors.Distance(Tensors.ToDoubles(actual[name]), expected, relative, absolute));
        }
        return worst;
    }

    /// <summary>
    /// The distance between the gradient of Σ⟨output, R⟩ that the reverse sweep's graph gives under ONNX Runtime and libtorch's autograd in
    /// float64: the worst input's ‖a − b‖ / ‖b‖.
    /// </summary>
    public double GradientDistance()
    {
        var (graph, seeds, gradients) = GradientGraph();
        var given = Given(graph);
        using var scope = NewDisposeScope();
        using var module = new GraphModule(Graph(), new GraphModuleOptions { Precision = FloatPrecision.Double });
        var inputs = given.ToDictionary(pair => pair.Key, pair => Tensors.ToTorch(pair.Value).to(TorchSharp.torch.ScalarType.Float64).requires_grad_());
        var outputs = module.Forward(inputs);
        outputs.Where(pair => seeds.ContainsKey(pair.Key))
            .Select(pair => (pair.Value * Tensors.ToTorch(seeds[pair.Key])).sum()).Aggregate((a, b) => a + b).backward();
        var results = RealRuntime.Run(graph, given);
        double worst = 0;
        foreach (var (input, gradient) in gradients)
        {
            double[] expected = Tensors.ToDoubles(inputs[input].grad!), actual = results[gradient].Values;
            if (!results[gradient].Shape.SequenceEqual(inputs[input].shape)) return double.PositiveInfinity;
            double size = Math.Sqrt(expected.Sum(v => v * v)) + 1e-6;
            worst = Math.Max(worst, Math.Sqrt(expected.Zip(actual).Sum(p => Math.Pow(p.First - p.Second, 2))) / size);
        }
        return worst;
    }

    private (Graph Graph, Dictionary<string, TensorData> Seeds, List<(string Input, string Gradient)> Gradients) GradientGraph()
    {
        var random = new Random(5);
        var b = new GraphBuilder();
        var map = new Dictionary<Value, Value>();
        var forward = Graph();
        foreach (var input in forward.Inputs) map[input] = b.Input(input.Name, input.Type, input.Shape);
        var outputs = b.Inline(forward, map);
        var seeds = new Dictionary<string, TensorData>();
        var pairs = new List<(Value, Value)>();
        for (var i = 0; i < outputs.Length; i++)
            if (outputs[i].Type.IsFloating())
            {
                long[] shape = outputs[i].Shape!.Static!;
                var seed = TensorData.Of([.. Enumerable.Range(0, (int)shape.Aggregate(1L, (n, d) => n * d)).Select(_ => (float)(2 * random.NextDouble() - 1))], [.. shape]);
                seeds[forward.Outputs[i].Name] = seed;
                pairs.Add((outputs[i], b.Constant(seed)));
            }
        Value[] wanted = [.. forward.Inputs.Select(input => map[input])];
        var gradients = ReverseSweep.Run(b, pairs, wanted);
        List<(string, string)> names = [.. wanted.Select((value, i) => (value.Name, $"gradient{i}")).Where((_, i) => gradients[i] is not null)];
        return (b.Build(names.Select(name => (name.Item2, gradients[int.Parse(name.Item2["gradient".Length..], CultureInfo.InvariantCulture)]!))), seeds, names);
    }

    private Dictionary<string, TensorData> Given(Graph graph) =>
        graph.Inputs.ToDictionary(value => value.Name, value => Inputs[int.Parse(value.Name["input".Length..], CultureInfo.InvariantCulture)]!);

    public override string ToString() =>
        $"{Op}({string.Join(", ", Inputs.Select(i => i is null ? "_" : i.Shape.ToString()))}) {string.Join(", ", Attributes.Select(a => $"{a.Key}={Show(a.Value)}"))}";

    private static string Show(object value) => value is System.Collections.IEnumerable list and not string ? $"[{string.Join(",", list.Cast<object>())}]" : $"{value}";
}
