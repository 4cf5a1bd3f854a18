using OnnxPriors.Gradients;
using OnnxPriors.Graphs;

namespace OnnxPriors.Tests.Gradients;

/// <summary>An input of a case: real numbers drawn where the operator is smooth, or given integers and booleans, which are not differentiated.</summary>
/// <param name="Shape">Its shape.</param>
/// <param name="Low">The least number drawn.</param>
/// <param name="High">The largest number drawn.</param>
internal sealed record CaseInput(long[] Shape, double Low = -2, double High = 2)
{
    /// <summary>Given contents, not differentiated.</summary>
    public TensorData? Fixed { get; init; }

    /// <summary>Whether it stands in the graph as a constant, as attributes that became inputs do.</summary>
    public bool IsConstant { get; init; }

    /// <summary>Numbers that lie closer together than the step would make a maximum jump: each is at least this far from the others.</summary>
    public double Spacing { get; init; }

    /// <summary>Whether it is a kernel, whose shape is known in every model.</summary>
    public bool IsWeight { get; init; }

    /// <summary>Whether the gradient for it is asked for; a running statistic's is not.</summary>
    public bool IsDifferentiated { get; init; } = true;

    /// <summary>Numbers that are chosen and not drawn, and differentiated all the same.</summary>
    public double[]? Chosen { get; init; }

    /// <summary>Keeps numbers away from 0 where there is a kink.</summary>
    public double Gap { get; init; }

    public static CaseInput Ints(params long[] values) => new([values.Length]) { Fixed = TensorData.Vector(values), IsConstant = true };

    public static CaseInput IntsOf(long[] shape, params long[] values) => new(shape) { Fixed = TensorData.Of(values, [.. shape]) };

    public static CaseInput Bools(long[] shape, params int[] values) => new(shape) { Fixed = TensorData.Of(values.Select(v => v != 0).ToArray(), [.. shape]) };

    public static CaseInput Number(double value) => new([]) { Fixed = TensorData.Of([value], []), IsConstant = true };

    public static implicit operator CaseInput(long[] shape) => new(shape);
}

/// <summary>One operator in one form, on small tensors.</summary>
internal sealed record GradientCase(string Op, Attributes Attributes, params CaseInput?[] Inputs)
{
    public GradientCase(string op, params CaseInput?[] inputs) : this(op, Attributes.None, inputs)
    {
    }

    /// <summary>Float64 where the runtime has a kernel for it.</summary>
    public ElementType Type { get; init; } = ElementType.Double;

    /// <summary>The number of outputs.</summary>
    public int Outputs { get; init; } = 1;

    /// <summary>How many outputs the objective takes; the others are statistics and indices.</summary>
    public int Used { get; init; } = 1;

    /// <summary>The first output the objective takes.</summary>
    public int First { get; init; }

    /// <summary>
    /// Whether central differences can judge it; not where inner numbers may lie near a kink or where the slope itself bends: there autograd alone does.
    /// </summary>
    public bool IsSmooth { get; init; } = true;

    /// <summary>Whether libtorch has a derivative here; where not, central differences alone judge.</summary>
    public bool IsAutogradable { get; init; } = true;

    /// <summary>The axis along which the examples of a batch lie.</summary>
    public int BatchAxis { get; init; }

    /// <summary>The axes of inputs that must be fixed for this form; null where a symbolic first axis is fine.</summary>
    public bool NeedsFixedBatch { get; init; }

    /// <summary>Whether the operator also works where no extent is known before it runs.</summary>
    public bool WorksDynamically { get; init; }

    /// <summary>The step of the differences; those of float32 trade rounding for curvature.</summary>
    public double Step => Type == ElementType.Double ? 1e-3 : 2e-2;

    /// <summary>Relative to the largest element: the fourth-order difference errs by about the step to the fourth, and by rounding over the step.</summary>
    public double Tolerance => Type == ElementType.Double ? 1e-8 : 2e-4;

    public override string ToString() => $"{Op}({string.Join(", ", Inputs.Select(i => i is null ? "_" : $"[{string.Join(',', i.Shape)}]"))}) {string.Join(' ', Attributes.Select(a => $"{a.Key}={Text(a.Value)}"))}";

    private static string Text(object value) => value is System.Collections.IEnumerable list and not string ? string.Join(',', list.Cast<object>()) : $"{value}";

    /// <summary>The operator on its inputs, with Σ⟨outputs, R⟩ differentiated for each real input.</summary>
    public (Graph Graph, IReadOnlyList<string> Differentiated, IReadOnlyList<Node> Backward) Build(Func<Shape, Shape> generalise)
    {
        var b = new GraphBuilder();
        var values = new Value?[Inputs.Length];
        var wanted = new List<Value>();
        for (var i = 0; i < Inputs.Length; i++)
        {
            if (Inputs[i] is not { } input)
                continue;
            if (input.Fixed is { } data)
            {
                var typed = data.Type.IsFloating() ? data.ConvertTo(Type) : data;
                values[i] = input.IsConstant ? b.Constant(typed) : b.Input($"x{i}", typed.Type, generalise(typed.Shape));
                continue;
            }
            values[i] = b.Input($"x{i}", Type, input.IsWeight ? Shape.Of(input.Shape) : generalise(Shape.Of(input.Shape)));
            if (input.IsDifferentiated)
                wanted.Add(values[i]!);
        }
        // Outputs before the first that is used are left out, as exporters do.
        var outputs = b.Emit(Op, values, Attributes, Outputs, [.. Enumerable.Range(0, Outputs).Select(i => i < First ? "" : $"{Op}{i}")]);
        var seeds = Taken(outputs).Select((o, i) => (o, b.Input($"r{i}", Type, o.Shape))).ToArray();
        var forward = b.Nodes.Count;
        var gradients = ReverseSweep.Run(b, seeds, wanted);
        var named = wanted.Zip(gradients).Where(p => p.Second is not null).Select(p => ($"d_{p.First.Name}", p.Second!)).ToArray();
        var all = Taken(outputs).Select((o, i) => ($"y{i}", o)).Concat(named);
        var graph = b.Build(all);
        return (graph, [.. named.Select(n => n.Item1[2..])], [.. b.Nodes.Skip(forward)]);
    }

    /// <summary>The outputs that the objective takes.</summary>
    public IEnumerable<Value> Taken(IEnumerable<Value> outputs) => outputs.Skip(First).Take(Used);

    /// <summary>The shape of an output, as the runtime finds it.</summary>
    public long[] OutputShape(int output, IReadOnlyDictionary<string, TensorData> inputs)
    {
        var b = new GraphBuilder();
        var values = Inputs.Select((input, i) => input switch
        {
            null => null,
            { IsConstant: true, Fixed: { } data } => b.Constant(data.Type.IsFloating() ? data.ConvertTo(Type) : data),
            _ => b.Input($"x{i}", inputs[$"x{i}"].Type, inputs[$"x{i}"].Shape),
        }).ToArray();
        var outputs = b.Emit(Op, values, Attributes, Outputs);
        using var runner = new OrtRunner(b.Build([("y", outputs[First + output])]));
        return [.. runner.Run(inputs)["y"].Dimensions];
    }

    /// <summary>Numbers for the inputs, the same for a seed.</summary>
    public Dictionary<string, TensorData> Draw(Random random)
    {
        var all = new Dictionary<string, TensorData>();
        for (var i = 0; i < Inputs.Length; i++)
        {
            if (Inputs[i] is not { IsConstant: false } input)
                continue;
            if (input.Fixed is { } data)
            {
                all.Add($"x{i}", data.Type.IsFloating() ? data.ConvertTo(Type) : data);
                continue;
            }
            var count = input.Shape.Aggregate(1L, (p, d) => p * d);
            var numbers = Enumerable.Range(0, (int)count).Select(_ => input.Low + (input.High - input.Low) * random.NextDouble()).ToArray();
            if (input.Spacing > 0)
            {
                numbers = [.. Enumerable.Range(0, (int)count).Select(n => (n - count / 2.0 + 0.5) * input.Spacing)];
                random.Shuffle(numbers);
            }
            if (input.Gap > 0)
                numbers = Array.ConvertAll(numbers, n => n + Math.Sign(n) * input.Gap);
            all.Add($"x{i}", TensorData.Of(input.Chosen ?? numbers, [.. input.Shape]).ConvertTo(Type));
        }
        return all;
    }
}
