using Microsoft.ML.OnnxRuntime;
using OnnxPriors.Graphs;
using OnnxPriors.Onnx;

namespace OnnxPriors.Tests.Engines;

/// <summary>Runs models under ONNX Runtime, for tests to compare with.</summary>
internal static class OnnxRuntime
{
    public static IReadOnlyDictionary<string, TensorData> Run(Model model, IReadOnlyDictionary<string, TensorData> inputs) =>
        Run(OnnxFile.ToBytes(model), inputs);

    public static IReadOnlyDictionary<string, TensorData> Run(byte[] model, IReadOnlyDictionary<string, TensorData> inputs)
    {
        using var options = new SessionOptions { LogSeverityLevel = OrtLoggingLevel.ORT_LOGGING_LEVEL_ERROR };
        options.IntraOpNumThreads = 2;
        using var session = new InferenceSession(model, options);
        using var run = new RunOptions();
        var given = inputs.Where(i => session.InputMetadata.ContainsKey(i.Key)).ToDictionary(i => i.Key, i => ToOrt(i.Value));
        try
        {
            using var results = session.Run(run, given, session.OutputNames);
            return session.OutputNames.Zip(results).ToDictionary(p => p.First, p => FromOrt(p.Second));
        }
        finally
        {
            foreach (var value in given.Values)
                value.Dispose();
        }
    }

    /// <summary>The largest difference over the largest magnitude of what is expected.</summary>
    public static double RelativeError(TensorData actual, TensorData expected)
    {
        CollectionAssert.AreEqual(expected.Dimensions.ToArray(), actual.Dimensions.ToArray(), "shapes differ");
        Assert.AreEqual(expected.Type, actual.Type);
        var (a, b) = (actual.ToDouble(), expected.ToDouble());
        var scale = b.Select(Math.Abs).Where(double.IsFinite).DefaultIfEmpty().Max();
        var worst = 0.0;
        for (var i = 0; i < a.Length; i++)
            if (a[i] != b[i] && !(double.IsNaN(a[i]) && double.IsNaN(b[i])))
                worst = Math.Max(worst, Math.Abs(a[i] - b[i]));
        return worst == 0 ? 0 : worst / Math.Max(scale, 1e-30);
    }

    public static TensorData Normal(Shape shape, int seed, ElementType type = ElementType.Float, long batch = 1)
    {
        var random = new Random(seed);
        long[] dimensions = [.. shape.Select((d, i) => d.Value ?? (i == 0 ? batch : 8))];
        var values = new double[dimensions.Aggregate(1L, (p, d) => p * d)];
        for (var i = 0; i < values.Length; i++)
            values[i] = Math.Sqrt(-2 * Math.Log(1 - random.NextDouble())) * Math.Cos(2 * Math.PI * random.NextDouble());
        return TensorData.Of(values, [.. dimensions]).ConvertTo(type);
    }

    private static OrtValue ToOrt(TensorData data)
    {
        var value = OrtValue.CreateAllocatedTensorValue(OrtAllocator.DefaultInstance, (Microsoft.ML.OnnxRuntime.Tensors.TensorElementType)data.Type, [.. data.Dimensions]);
        data.Bytes.Span.CopyTo(value.GetTensorMutableRawData());
        return value;
    }

    private static TensorData FromOrt(OrtValue value)
    {
        var info = value.GetTensorTypeAndShape();
        return new TensorData((ElementType)info.ElementDataType, [.. info.Shape], value.GetTensorMutableRawData().ToArray());
    }
}
