using System.Collections.Concurrent;
using OnnxPriors.Data;
using OnnxPriors.Data.Batches;
using OnnxPriors.Runtime.Steps;
using Batch = OnnxPriors.Runtime.Steps.Batch;

namespace OnnxPriors.Cli.Trials;

/// <summary>
/// What the frozen part of a network gives for each example, computed once and kept as memory allows. Each example passes it alone, so that
/// its features do not depend on which others were asked for with it.
/// </summary>
internal sealed class FeatureCache : IDisposable
{
    private readonly FeatureSession session;
    private readonly IDataset source;
    private readonly Preprocessing? preprocessing;
    private readonly long bytes;
    private readonly ConcurrentDictionary<int, float[]> known = new();
    private readonly FeatureDataset dataset;
    private long held;

    /// <summary>Opens a cache.</summary>
    /// <param name="session">The frozen part; it is disposed with the cache.</param>
    /// <param name="maker">Its hash.</param>
    /// <param name="source">The examples.</param>
    /// <param name="preprocessing">How pictures are prepared.</param>
    /// <param name="bytes">The most memory to hold.</param>
    public FeatureCache(FeatureSession session, string maker, IDataset source, Preprocessing? preprocessing, long bytes)
    {
        (this.session, this.source, this.preprocessing, this.bytes) = (session, source, preprocessing, bytes);
        dataset = new FeatureDataset(source, maker, session.Length, index => Features(index));
    }

    /// <summary>The examples computed and kept so far.</summary>
    public int Count => known.Count;

    /// <summary>A view's examples as batches of features, in the order in which the examples themselves would come.</summary>
    /// <param name="view">The examples, of the source.</param>
    /// <param name="options">How to go through them; without augmentation.</param>
    public IBatchSource Batches(DatasetView view, BatchOptions options)
    {
        var stream = new BatchStream(DatasetView.Of(dataset, view.Indices), options with { Preprocessing = null, Threads = 1 });
        return new Shaped(stream, options.BatchSize, session.Shape);
    }

    /// <summary>Ends the session.</summary>
    public void Dispose() => session.Dispose();

    private float[] Features(int index)
    {
        if (known.TryGetValue(index, out var features))
            return features;
        var stream = new BatchStream(DatasetView.Of(source, [index]), new BatchOptions { BatchSize = 1, Preprocessing = preprocessing, Threads = 1 });
        using var example = stream.Read().Single();
        features = session.Run(new Batch([BatchInput.Of(null, example.Inputs, [.. example.Shape])], example.Labels));
        var size = features.LongLength * sizeof(float);
        if (Interlocked.Add(ref held, size) > bytes || !known.TryAdd(index, features))
            Interlocked.Add(ref held, -size);
        return features;
    }

    /// <summary>Features come flat from the data; the model takes them in their own shape.</summary>
    private sealed class Shaped(BatchStream stream, int batchSize, IReadOnlyList<long> shape) : IBatchSource
    {
        public int ExampleCount => stream.View.Count;

        public int BatchSize => batchSize;

        public string Fingerprint => stream.Fingerprint();

        public IEnumerable<Batch> Read(int epoch, int firstBatch, CancellationToken cancellation)
        {
            foreach (var batch in stream.Read(epoch, firstBatch, cancellation))
                using (batch)
                    yield return new Batch([BatchInput.Of(null, batch.Inputs, [batch.Count, .. shape])], batch.Labels);
        }
    }
}
