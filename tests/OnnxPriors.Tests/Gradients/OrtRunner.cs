using Microsoft.ML.OnnxRuntime;
using Microsoft.ML.OnnxRuntime.Tensors;
using OnnxPriors.Graphs;
using OnnxPriors.Onnx;

namespace OnnxPriors.Tests.Gradients;

/// <summary>Runs a graph on ONNX Runtime as it would run from a file.</summary>
internal sealed class OrtRunner : IDisposable
{
    private readonly InferenceSession session;

    public OrtRunner(Graph graph)
    {
        using var options = new SessionOptions { IntraOpNumThreads = 1, LogSeverityLevel = OrtLoggingLevel.ORT_LOGGING_LEVEL_ERROR };
        session = new InferenceSession(OnnxFile.ToBytes(Model.Canonical(graph)), options);
    }

    /// <summary>All outputs by name.</summary>
    public Dictionary<string, TensorData> Run(IReadOnlyDictionary<string, TensorData> inputs)
    {
        var given = inputs.Where(i => session.InputMetadata.ContainsKey(i.Key)).Select(i => ToOrt(i.Key, i.Value)).ToList();
        using var results = session.Run(given);
        return results.ToDictionary(r => r.Name, FromOrt);
    }

    public void Dispose() => session.Dispose();

    private static NamedOnnxValue ToOrt(string name, TensorData data)
    {
        int[] dimensions = [.. data.Dimensions.Select(d => (int)d)];
        return data.Type switch
        {
            ElementType.Float => NamedOnnxValue.CreateFromTensor(name, new DenseTensor<float>(data.ToSingle(), dimensions)),
            ElementType.Double => NamedOnnxValue.CreateFromTensor(name, new DenseTensor<double>(data.ToDouble(), dimensions)),
            ElementType.Int64 => NamedOnnxValue.CreateFromTensor(name, new DenseTensor<long>(data.ToInt64(), dimensions)),
            ElementType.Int32 => NamedOnnxValue.CreateFromTensor(name, new DenseTensor<int>(data.ToInt64().Select(v => (int)v).ToArray(), dimensions)),
            ElementType.Bool => NamedOnnxValue.CreateFromTensor(name, new DenseTensor<bool>(data.ToInt64().Select(v => v != 0).ToArray(), dimensions)),
            _ => throw new NotSupportedException($"{data.Type}"),
        };
    }

    private static TensorData FromOrt(DisposableNamedOnnxValue value) => value.Value switch
    {
        Tensor<float> t => TensorData.Of(t.ToArray(), [.. t.Dimensions.ToArray().Select(d => (long)d)]),
        Tensor<double> t => TensorData.Of(t.ToArray(), [.. t.Dimensions.ToArray().Select(d => (long)d)]),
        Tensor<long> t => TensorData.Of(t.ToArray(), [.. t.Dimensions.ToArray().Select(d => (long)d)]),
        Tensor<bool> t => TensorData.Of(t.ToArray(), [.. t.Dimensions.ToArray().Select(d => (long)d)]),
        _ => throw new NotSupportedException($"{value.Name}: {value.ElementType}"),
    };
}
