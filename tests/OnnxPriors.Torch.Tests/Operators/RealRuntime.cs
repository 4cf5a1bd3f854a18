using Microsoft.ML.OnnxRuntime;
using Microsoft.ML.OnnxRuntime.Tensors;
using OnnxPriors.Graphs;
using OnnxPriors.Onnx;

namespace OnnxPriors.Torch.Tests.Operators;

/// <summary>Runs a canonical graph under ONNX Runtime.</summary>
internal static class RealRuntime
{
    /// <summary>The graph's outputs by name, as float64 numbers with their shapes.</summary>
    public static Dictionary<string, (long[] Shape, double[] Values)> Run(Graph graph, IReadOnlyDictionary<string, TensorData> given)
    {
        using var settings = new SessionOptions { LogSeverityLevel = OrtLoggingLevel.ORT_LOGGING_LEVEL_FATAL };
        using var session = new InferenceSession(OnnxFile.ToBytes(Model.Canonical(graph)), settings);
        using var options = new RunOptions();
        string[] names = [.. session.InputNames];
        OrtValue[] inputs = [.. names.Select(name => OrtValue.CreateTensorValueFromMemory(given[name].ToSingle(), [.. given[name].Dimensions]))];
        try
        {
            using var results = session.Run(options, names, inputs, session.OutputNames);
            return session.OutputNames.Select((name, i) => (name, Value: Read(results[i]))).ToDictionary(p => p.name, p => p.Value);
        }
        finally
        {
            foreach (var input in inputs) input.Dispose();
        }
    }

    private static (long[] Shape, double[] Values) Read(OrtValue value)
    {
        var info = value.GetTensorTypeAndShape();
        return (info.Shape, info.ElementDataType switch
        {
            TensorElementType.Float => [.. value.GetTensorDataAsSpan<float>().ToArray().Select(v => (double)v)],
            TensorElementType.Int64 => [.. value.GetTensorDataAsSpan<long>().ToArray().Select(v => (double)v)],
            TensorElementType.Bool => [.. value.GetTensorDataAsSpan<bool>().ToArray().Select(v => v ? 1.0 : 0)],
            var other => throw new NotSupportedException($"{other}"),
        });
    }
}
