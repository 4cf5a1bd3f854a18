using OnnxPriors.Graphs;
using OnnxPriors.Tests.Gradients;
using static TorchSharp.torch;

namespace OnnxPriors.Torch.Tests.Gradients;

/// <summary>Every gradient rule in float32 on ONNX Runtime against libtorch's autograd in float64: two implementations of operator and derivative.</summary>
[TestClass]
public sealed class AutogradTests
{
    // Float32 rounding of a few operations over small sums; the issue's own limit for a rule.
    private const double Tolerance = 1e-4;

    // libtorch's arange takes numbers, not tensors, and its unique has no derivative.
    private static readonly string[] LeftOut = ["Range", "Unique"];

    public static IEnumerable<object[]> Cases() => GradientCases.All.Select((c, i) => new object[] { i, c.ToString() }).Where(c => GradientCases.All[(int)c[0]] is { IsAutogradable: true } one && !LeftOut.Contains(one.Op));

    [TestMethod]
    [DynamicData(nameof(Cases))]
    public void The_gradient_is_autograds(int index, string name)
    {
        var @case = GradientCases.All[index] with { Type = ElementType.Float };
        var (graph, differentiated, _) = @case.Build(s => s);
        var random = new Random(11);
        var inputs = @case.Draw(random);
        foreach (var seed in graph.Inputs.Where(i => i.Name.StartsWith('r')))
            inputs[seed.Name] = Normal(random, @case.OutputShape(int.Parse(seed.Name[1..]), inputs));
        using var runner = new OrtRunner(graph);
        var step = runner.Run(inputs);

        using var scope = NewDisposeScope();
        using var module = new GraphModule(Forward(@case, inputs), new GraphModuleOptions { Precision = FloatPrecision.Double });
        var outputs = module.Forward(inputs.Where(i => module.Graph.Inputs.Any(g => g.Name == i.Key)).ToDictionary(i => i.Key, i => Tensors.ToTorch(i.Value)));
        var objective = zeros([], dtype: ScalarType.Float64);
        for (var i = 0; i < @case.Used; i++)
            objective += (outputs[$"y{i}"] * Tensors.ToTorch(inputs[$"r{i}"])).sum();
        var wanted = differentiated.Where(module.Parameters.ContainsKey).ToArray();
        Assert.IsNotEmpty(wanted);
        var exact = autograd.grad([objective], wanted.Select(w => (Tensor)module.Parameters[w]).ToArray(), allow_unused: true);
        foreach (var (input, expected) in wanted.Zip(exact))
        {
            var numbers = Tensors.ToDoubles(expected);
            var actual = step[$"d_{input}"].ToDouble();
            var scale = numbers.Max(Math.Abs) + 1e-3;
            var worst = numbers.Zip(actual, (e, a) => Math.Abs(e - a) / scale).Max();
            Assert.IsLessThanOrEqualTo(Tolerance, worst, $"{name}: {input}\nautograd {string.Join(' ', numbers.Select(v => v.ToString("G5")))}\nstep     {string.Join(' ', actual.Select(v => v.ToString("G5")))}");
        }
    }

    // The real inputs as parameters, which the module differentiates for.
    private static Graph Forward(GradientCase @case, Dictionary<string, TensorData> inputs)
    {
        var b = new GraphBuilder();
        var values = @case.Inputs.Select((input, i) => input switch
        {
            null => null,
            { Fixed: { } data, IsConstant: true } => b.Constant(data.Type.IsFloating() ? data.ConvertTo(ElementType.Float) : data),
            { Fixed: not null } => b.Input($"x{i}", inputs[$"x{i}"].Type, inputs[$"x{i}"].Shape),
            _ => b.Parameter($"x{i}", inputs[$"x{i}"]),
        }).ToArray();
        var outputs = b.Emit(@case.Op, values, @case.Attributes, @case.Outputs);
        return b.Build(@case.Taken(outputs).Select((o, i) => ($"y{i}", o)));
    }

    private static TensorData Normal(Random random, long[] shape) =>
        TensorData.Of(Enumerable.Range(0, (int)shape.Aggregate(1L, (p, d) => p * d)).Select(_ => (float)(random.NextDouble() * 2 - 1)).ToArray(), [.. shape]);
}
