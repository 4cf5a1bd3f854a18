using Microsoft.ML.OnnxRuntime;
using OnnxPriors.Graphs;
using OnnxPriors.Onnx;
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

    /// <summary>The operator alone as a graph: float tensors are its inputs, integers and booleans constants.</summary>
    public Graph Graph()
    {
        var b = new GraphBuilder();
        Value?[] values = [.. Inputs.Select((data, i) => data is null ? null : data.Type.IsFloating() ? b.Input($"input{i}", data.Type, data.Shape) : b.Constant(data))];
        var outputs = b.Emit(Op, values, Attributes, Outputs);
        return b.Build(outputs.Select((value, i) => ($"output{i}", value)));
    }

    /// <summary>The largest distance between the two engines' outputs, in units of the tolerance.</summary>
    /// <param name="relative">The tolerance relative to a value.</param>
    /// <param name="absolute">The tolerance near zero.</param>
    public double Distance(double relative, double absolute)
    {
        var graph = Graph();
        var given = graph.Inputs.ToDictionary(value => value.Name, value => Inputs[int.Parse(value.Name["input".Length..], System.Globalization.CultureInfo.InvariantCulture)]!);
        using var scope = NewDisposeScope();
        using var module = new GraphModule(graph);
        var actual = module.Forward(given.ToDictionary(pair => pair.Key, pair => Tensors.ToTorch(pair.Value)));
        using var session = new InferenceSession(OnnxFile.ToBytes(Model.Canonical(graph)));
        using var options = new RunOptions();
        var names = given.Keys.ToArray();
        OrtValue[] inputs = [.. names.Select(name => ToOrt(given[name]))];
        using var results = session.Run(options, names, inputs, session.OutputNames);
        double worst = 0;
        for (var i = 0; i < results.Count; i++)
        {
            var info = results[i].GetTensorTypeAndShape();
            var output = actual[session.OutputNames[i]];
            if (!info.Shape.SequenceEqual(output.shape)) return double.PositiveInfinity;
            double[] expected = info.ElementDataType switch
            {
                Microsoft.ML.OnnxRuntime.Tensors.TensorElementType.Float => [.. results[i].GetTensorDataAsSpan<float>().ToArray().Select(v => (double)v)],
                Microsoft.ML.OnnxRuntime.Tensors.TensorElementType.Int64 => [.. results[i].GetTensorDataAsSpan<long>().ToArray().Select(v => (double)v)],
                Microsoft.ML.OnnxRuntime.Tensors.TensorElementType.Bool => [.. results[i].GetTensorDataAsSpan<bool>().ToArray().Select(v => v ? 1.0 : 0)],
                var other => throw new NotSupportedException($"{other}"),
            };
            worst = Math.Max(worst, Tensors.Distance(Tensors.ToDoubles(output), expected, relative, absolute));
        }
        foreach (var input in inputs) input.Dispose();
        return worst;
    }

    public override string ToString() =>
        $"{Op}({string.Join(", ", Inputs.Select(i => i is null ? "_" : i.Shape.ToString()))}) {string.Join(", ", Attributes.Select(a => $"{a.Key}={Show(a.Value)}"))}";

    private static string Show(object value) => value is System.Collections.IEnumerable list and not string ? $"[{string.Join(",", list.Cast<object>())}]" : $"{value}";

    private static OrtValue ToOrt(TensorData data) => OrtValue.CreateTensorValueFromMemory(data.ToSingle(), [.. data.Dimensions]);
}
