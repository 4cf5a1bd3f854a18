using System.Diagnostics;
using OnnxPriors.Graphs;
using OnnxPriors.Runtime.Steps;

namespace OnnxPriors.Cli.Benchmarking;

/// <summary>The baked step on ONNX Runtime.</summary>
internal sealed class StepContender : IContender
{
    private readonly StepSession session;
    private readonly Batch batch;
    private long count;

    /// <summary>Opens a step.</summary>
    /// <param name="folder">What bake wrote.</param>
    /// <param name="inputs">The model's inputs.</param>
    /// <param name="labels">The labels [batch].</param>
    /// <param name="options">How to run it.</param>
    public StepContender(string folder, IReadOnlyDictionary<string, TensorData> inputs, long[] labels, StepOptions options)
    {
        var watch = Stopwatch.StartNew();
        session = StepSession.Open(folder, options with { VerifyFiles = false });
        SessionSeconds = watch.Elapsed.TotalSeconds;
        batch = new Batch([.. session.Manifest.Inputs.Select(input => Input(input.Name, inputs[input.Name]))], labels);
    }

    /// <inheritdoc/>
    public double SessionSeconds { get; }

    /// <inheritdoc/>
    public void Step()
    {
        session.AddGradient(batch, batch.Count, accumulate: false);
        session.Update(new UpdateScalars
        {
            LearningRate = Workload.LearningRate,
            Momentum = Workload.Momentum,
            PriorWeight = Workload.PriorWeight,
            Step = count++,
        });
    }

    /// <summary>Where the time of all steps went; the session must have been opened with a profile.</summary>
    public StepProfile EndProfiling() => session.EndProfiling();

    /// <inheritdoc/>
    public void Dispose() => session.Dispose();

    private static BatchInput Input(string name, TensorData data)
    {
        long[] shape = [.. data.Dimensions];
        return data.Type switch
        {
            ElementType.Float => Of<float>(),
            ElementType.Int64 => Of<long>(),
            ElementType.Int32 => Of<int>(),
            ElementType.Bool => Of<bool>(),
            ElementType.UInt8 => Of<byte>(),
            ElementType.Double => Of<double>(),
            _ => throw new BenchmarkException($"The input '{name}' is {data.Type}; a benchmark makes float, double, int32, int64, uint8 and bool."),
        };

        BatchInput Of<T>() where T : unmanaged => BatchInput.Of<T>(name, data.Span<T>().ToArray(), shape);
    }
}
