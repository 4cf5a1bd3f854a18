using OnnxPriors.Data.Batches;
using OnnxPriors.Runtime.Steps;
using OnnxPriors.Torch.Fitting;
using Batch = OnnxPriors.Runtime.Steps.Batch;

namespace OnnxPriors.Cli.Datasets;

/// <summary>A <see cref="BatchStream"/> as what the runtime trains and measures on.</summary>
/// <param name="stream">The batches.</param>
/// <param name="options">What the stream was made with.</param>
/// <param name="inputName">The model's name for the input; null where it has only one.</param>
internal sealed class StreamSource(BatchStream stream, BatchOptions options, string? inputName = null) : IBatchSource
{
    private readonly Lazy<string> fingerprint = new(stream.Fingerprint);

    public int ExampleCount => stream.View.Count;

    public int BatchSize => options.BatchSize;

    public string Fingerprint => fingerprint.Value;

    public IEnumerable<Batch> Read(int epoch, int firstBatch, CancellationToken cancellation)
    {
        foreach (var batch in stream.Read(epoch, firstBatch, cancellation))
            using (batch)
                yield return new Batch([BatchInput.Of(inputName, batch.Inputs, [.. batch.Shape])], batch.Labels);
    }
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
