using System.Globalization;
using OnnxPriors.Data;
using OnnxPriors.Data.Batches;
using OnnxPriors.Runtime.Steps;
using OnnxPriors.Torch.Fitting;
using Batch = OnnxPriors.Runtime.Steps.Batch;

namespace OnnxPriors.Cli.Datasets;

/// <summary>A <see cref="BatchStream"/> as what the runtime trains and measures on.</summary>
/// <param name="stream">The batches.</param>
/// <param name="options">What the stream was made with.</param>
/// <param name="inputName">The model's name for the input; null where it has only one.</param>
/// <param name="inputType">The element type that the model's input has, in ONNX's lower-case words.</param>
internal sealed class StreamSource(BatchStream stream, BatchOptions options, string? inputName = null, string inputType = "float") : IBatchSource
{
    private readonly Lazy<string> fingerprint = new(stream.Fingerprint);

    public int ExampleCount => stream.View.Count;

    public int BatchSize => options.BatchSize;

    public string Fingerprint => fingerprint.Value;

    public IEnumerable<Batch> Read(int epoch, int firstBatch, CancellationToken cancellation)
    {
        foreach (var batch in stream.Read(epoch, firstBatch, cancellation))
            using (batch)
                yield return new Batch([Input(batch)], Targets(batch));
    }

    private BatchInput Input(OnnxPriors.Data.Batches.Batch batch)
    {
        long[] shape = [.. batch.Shape];
        return inputType switch
        {
            "int64" => BatchInput.Of(inputName, Whole(batch, number => (long)number).AsMemory(), shape),
            "int32" => BatchInput.Of(inputName, Whole(batch, number => (int)number).AsMemory(), shape),
            _ => BatchInput.Of(inputName, batch.Inputs, shape),
        };
    }

    // Ids of tokens, say. Numbers of tables pass through float32, which holds every whole number up to 2^24.
    private T[] Whole<T>(OnnxPriors.Data.Batches.Batch batch, Func<float, T> convert)
    {
        var numbers = batch.Inputs.Span;
        var whole = new T[numbers.Length];
        for (var i = 0; i < whole.Length; i++)
            whole[i] = float.IsInteger(numbers[i]) && Math.Abs(numbers[i]) < 1 << 24 ? convert(numbers[i])
                : throw new DataException(string.Create(CultureInfo.InvariantCulture, $"'{stream.View.Source.Name}' has {numbers[i]} in {stream.View.Source.NameOf(batch.Examples[i / (whole.Length / batch.Count)])}, and the model takes whole numbers below 2^24."));
        return whole;
    }

    private BatchTargets Targets(OnnxPriors.Data.Batches.Batch batch) => stream.View.Source.Targets switch
    {
        TargetKind.Mask => BatchTargets.Pixels(batch.Labels, batch.Count, (int)batch.Shape[2], (int)batch.Shape[3]),
        TargetKind.Class => BatchTargets.Classes(batch.Labels),
        _ => BatchTargets.Numbers(batch.Targets, batch.Count),
    };
}

/// <summary>A <see cref="BatchStream"/> as the source task's data of a fit.</summary>
/// <param name="stream">The batches.</param>
/// <param name="cancellation">Ends the reading.</param>
internal sealed class StreamBatches(BatchStream stream, CancellationToken cancellation) : ILabelledBatches
{
    public IEnumerable<LabelledBatch> Epoch(int epoch) => Epoch(epoch, 0);

    public IEnumerable<LabelledBatch> Epoch(int epoch, int firstBatch)
    {
        foreach (var batch in stream.Read(epoch, firstBatch, cancellation))
            using (batch)
                yield return new LabelledBatch(batch.Inputs, batch.Shape, batch.Labels);
    }
}
