using OnnxPriors.Gradients;
using OnnxPriors.Graphs;
using OnnxPriors.Normalization;
using OnnxPriors.Onnx;
using OnnxPriors.Tests.Gradients;
using OnnxPriors.Tests.Normalization.Newer;
using static TorchSharp.torch;

namespace OnnxPriors.Torch.Tests.Gradients;

/// <summary>
/// Operators that normalisation writes in others: the gradients of what became of them, in float32 on ONNX Runtime, against libtorch's autograd in float64.
/// </summary>
[TestClass]
public sealed class ExpandedGradientTests
{
    // Float32 rounding; an operator in its parts takes more operations than one alone.
    private const double Tolerance = 1e-4;

    private static readonly OperatorForm[] All =
    [
        .. NewerForms.All,
        new("repeated", 9, "Upsample", "x:1x2x3x3 =s", ("mode", "nearest")) { Given = { ["s"] = TensorData.Of([1f, 1, 2, 3], 4) } },
        new("linear", 9, "Upsample", "x:1x2x3x3 =s", ("mode", "linear")) { Given = { ["s"] = TensorData.Of([1f, 1, 2, 2], 4) } },
        new("as it is", 17, "com.microsoft.BiasSoftmax", "x:2x3x4 b:1x1x4", ("axis", 2), ("is_inner_broadcast", 0)),
        new("relu", 17, "com.microsoft.FusedMatMulActivation", "a:3x4 b:4x5", ("activation", "Relu")),
        new("as it is", 17, "com.microsoft.TransposeMatMul", "a:4x3 b:4x5", ("transA", 1)),
        new("as it is", 17, "com.microsoft.GatherND", "x:3x4 i") { Given = { ["i"] = TensorData.Of([0L, 1, 2, 3], 2, 2) } },
        new("as it is", 17, "com.microsoft.GridSample", "x:2x3x5x4 g:2x3x2x2", ("mode", "bilinear")),
        new("as it is", 17, "com.microsoft.GroupNorm", "x:2x4x3x6 g:6 b:6", ("groups", 2), ("channels_last", 1), ("activation", 1), ("epsilon", 1e-3f)),
        new("as it is", 17, "com.microsoft.LayerNormalization", "x:2x3x8 g:8 b:8", ("axis", -1)),
        new("as it is", 17, "com.microsoft.SimplifiedLayerNormalization", "x:2x3x8 g:8", ("axis", -1)),
        new("as it is", 24, "ai.onnx.preview.FlexAttention", "q:2x3x4x8 k:2x3x6x8 v:2x3x6x5"),
        new("as it is", 9, "Scatter", "x:3x4 i u:2x4") { Given = { ["i"] = TensorData.Of([0L, 1, 2, 0, 1, 0, 0, 2], 2, 4) } },
    ];

    public static IEnumerable<object[]> Cases() => Forms().Select(f => new object[] { f.Index, f.Item.ToString() });

    [TestMethod]
    [DynamicData(nameof(Cases))]
    public void The_gradient_is_autograds(int index, string name) => Assert.IsGreaterThan(0, Check(All[index], name), $"{name}: nothing has a gradient");

    [TestMethod]
    public void Each_operator_said_to_be_tried_is_and_each_tried_is_said()
    {
        var tried = Forms().Select(f => Key(f.Item.Op)).Where(o => !GradientRules.Operators.Contains(o)).Distinct();
        Assert.AreSequenceEqual(ExpandedOperators.All.Order(), tried.Order());
    }

    private static IEnumerable<(int Index, OperatorForm Item)> Forms() => All.Index().Where(f => !HasNone(f.Item));

    // Whole numbers and conditions have no gradient, and float16 becomes float32 at the model's border.
    private static bool HasNone(OperatorForm form)
    {
        var graph = ToTrain(form.Build().Model);
        return graph.Inputs.Any(i => i.Type is not (ElementType.Float or ElementType.Int64 or ElementType.Int32 or ElementType.Bool))
            || !graph.Inputs.Concat(graph.Parameters.Where(IsWeight)).Any(i => i.Type == ElementType.Float) || graph.Outputs.All(o => o.Type != ElementType.Float);
    }

    // A quantised operator becomes the float computation that its straight-through gradient is of.
    private static Graph ToTrain(Model model)
    {
        var graph = Normalizer.Run(model).Graph;
        return graph.Nodes.Any(n => n.Op.Contains("Quantize", StringComparison.Ordinal)) ? Normalizer.Run(model, new() { Form = GraphForm.Training }).Graph : graph;
    }

    private static (string, string) Key(string op)
    {
        var dot = op.LastIndexOf('.');
        return dot < 0 ? ("", op) : (op[..dot], op[(dot + 1)..]);
    }

    private static double Check(OperatorForm form, string name)
    {
        var (model, inputs) = form.Build();
        var graph = ToTrain(model);
        var outputs = graph.Outputs.Where(o => o.Type == ElementType.Float).Select(o => o.Name).ToArray();

        var b = new GraphBuilder();
        var map = new Dictionary<Value, Value>();
        var wanted = new List<Value>();
        foreach (var input in graph.Inputs)
        {
            map[input] = b.Input(input.Name, input.Type, input.Shape);
            if (input.Type == ElementType.Float)
                wanted.Add(map[input]);
        }
        var given = new Dictionary<string, TensorData>(inputs);
        foreach (var weight in graph.Parameters.Where(IsWeight))
        {
            wanted.Add(map[weight] = b.Input(weight.Name, weight.Type, weight.Shape));
            given[weight.Name] = weight.Data!;
        }
        var results = b.Inline(graph, map);
        var taken = graph.Outputs.Zip(results).Where(p => outputs.Contains(p.First.Name)).Select(p => p.Second).ToArray();
        var seeds = taken.Select((o, i) => (o, b.Input($"seed{i}", ElementType.Float, o.Shape))).ToArray();
        var gradients = ReverseSweep.Run(b, seeds, wanted);
        var named = wanted.Zip(gradients).Where(p => p.Second is not null).Select(p => (Name: p.First.Name, Value: p.Second!)).ToArray();

        using var scope = NewDisposeScope();
        using var module = new GraphModule(Parametrised(graph, inputs), new GraphModuleOptions { Precision = FloatPrecision.Double });
        var forward = module.Forward(module.Graph.Inputs.ToDictionary(i => i.Name, i => Tensors.ToTorch(inputs[i.Name])));
        var random = new Random(5);
        var objective = zeros([], dtype: ScalarType.Float64);
        for (var i = 0; i < outputs.Length; i++)
        {
            var shape = forward[outputs[i]].shape;
            var numbers = Enumerable.Range(0, (int)shape.Aggregate(1L, (p, d) => p * d)).Select(_ => (float)(random.NextDouble() * 2 - 1)).ToArray();
            given[$"seed{i}"] = TensorData.Of(numbers, [.. shape]);
            objective += (forward[outputs[i]] * Tensors.ToTorch(given[$"seed{i}"])).sum();
        }
        using var runner = new OrtRunner(b.Build(named.Select(n => ($"d_{n.Name}", n.Value))));
        var step = runner.Run(given);
        var exact = autograd.grad([objective], wanted.Select(w => (Tensor)module.Parameters[w.Name]).ToArray(), allow_unused: true);
        var largest = 0.0;
        foreach (var (value, expected) in wanted.Zip(exact))
        {
            var numbers = expected is null || expected.IsInvalid ? [] : Tensors.ToDoubles(expected);
            var actual = step.TryGetValue($"d_{value.Name}", out var found) ? found.ToDouble() : new double[numbers.Length];
            if (numbers.Length == 0)
                numbers = new double[actual.Length];
            var scale = numbers.Select(Math.Abs).DefaultIfEmpty().Max() + 1e-3;
            var worst = numbers.Zip(actual, (e, a) => Math.Abs(e - a) / scale).DefaultIfEmpty().Max();
            Assert.IsLessThanOrEqualTo(Tolerance, worst, $"{name}: {value.Name}\nautograd {Text(numbers)}\nstep     {Text(actual)}");
            largest = Math.Max(largest, numbers.Select(Math.Abs).DefaultIfEmpty().Max());
        }
        return largest;
    }

    // Scales and the like, which options hang on, stay numbers.
    private static bool IsWeight(Value parameter) => parameter.Type == ElementType.Float && parameter.Data!.Count > 4;

    // The real inputs as parameters, which the module differentiates for.
    private static Graph Parametrised(Graph graph, Dictionary<string, TensorData> inputs)
    {
        var b = new GraphBuilder();
        var map = graph.Inputs.ToDictionary(i => i, i => i.Type == ElementType.Float ? b.Parameter(i.Name, inputs[i.Name]) : b.Input(i.Name, i.Type, i.Shape));
        return b.Build(graph.Outputs.Zip(b.Inline(graph, map), (o, v) => (o.Name, v)).ToArray());
    }

    private static string Text(double[] numbers) => string.Join(' ', numbers.Take(24).Select(v => v.ToString("G5")));
}
