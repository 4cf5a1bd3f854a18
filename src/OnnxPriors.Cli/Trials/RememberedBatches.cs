using System.Collections.Concurrent;
using OnnxPriors.Data.Batches;
using OnnxPriors.Runtime.Steps;
using Batch = OnnxPriors.Runtime.Steps.Batch;

namespace OnnxPriors.Cli.Trials;

/// <summary>
/// A stream's batches, each epoch decoded once and kept: many runs go through the same small data, several at a time. The batches are
/// those that <c>train</c> would read.
/// </summary>
/// <param name="stream">The batches.</param>
/// <param name="batchSize">The examples in each, as the stream was made.</param>
internal sealed class RememberedBatches(BatchStream stream, int batchSize) : IBatchSource
{
    private readonly ConcurrentDictionary<int, Lazy<Batch[]>> epochs = new();
    private readonly Lazy<string> fingerprint = new(stream.Fingerprint);

    public int ExampleCount => stream.View.Count;

    public int BatchSize => batchSize;

    public string Fingerprint => fingerprint.Value;

    public IEnumerable<Batch> Read(int epoch, int firstBatch, CancellationToken cancellation) =>
        epochs.GetOrAdd(epoch, number => new Lazy<Batch[]>(() => [.. Decode(number)])).Value.Skip(firstBatch);

    private IEnumerable<Batch> Decode(int epoch)
    {
        foreach (var batch in stream.Read(epoch))
            using (batch)
                yield return new Batch([BatchInput.Of(null, batch.Inputs.ToArray().AsMemory(), [.. batch.Shape])], batch.Labels.ToArray());
    }
}
