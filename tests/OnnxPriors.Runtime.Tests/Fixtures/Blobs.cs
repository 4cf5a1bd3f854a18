using OnnxPriors.Runtime.Steps;

namespace OnnxPriors.Runtime.Tests.Fixtures;

/// <summary>Points around three centres, in an order that each epoch shuffles anew; like the real streams it lends one memory again and again.</summary>
internal sealed class Blobs : IBatchSource
{
    private readonly float[] points;
    private readonly long[] labels;
    private readonly bool shuffle;

    public Blobs(int count, int batchSize, int seed = 0, bool shuffle = true)
    {
        (ExampleCount, BatchSize, this.shuffle, Fingerprint) = (count, batchSize, shuffle, $"blobs {seed}");
        var random = new Random(seed);
        (points, labels) = (new float[count * LogisticStep.Features], new long[count]);
        for (var i = 0; i < count; i++)
        {
            labels[i] = random.Next(LogisticStep.Classes);
            for (var j = 0; j < LogisticStep.Features; j++)
                points[(i * LogisticStep.Features) + j] = (float)((j == labels[i] ? 1.5 : 0) + (2 * random.NextDouble()) - 1);
        }
    }

    public int ExampleCount { get; }

    public int BatchSize { get; }

    public string Fingerprint { get; init; }

    /// <summary>Called before each batch is given.</summary>
    public Action<int, int>? Reading { get; init; }

    public (float[] X, long Label) Example(int index) =>
        (points.AsSpan(index * LogisticStep.Features, LogisticStep.Features).ToArray(), labels[index]);

    public int[] Order(int epoch)
    {
        var order = Enumerable.Range(0, ExampleCount).ToArray();
        if (shuffle)
            new Random(epoch + 1000).Shuffle(order);
        return order;
    }

    public IEnumerable<Batch> Read(int epoch, int firstBatch, CancellationToken cancellation)
    {
        var order = Order(epoch);
        var memory = new float[BatchSize * LogisticStep.Features];
        var targets = new long[BatchSize];
        for (var batch = firstBatch; batch < this.BatchCount(); batch++)
        {
            cancellation.ThrowIfCancellationRequested();
            Reading?.Invoke(epoch, batch);
            var count = Math.Min(BatchSize, ExampleCount - (batch * BatchSize));
            for (var i = 0; i < count; i++)
            {
                var example = order[(batch * BatchSize) + i];
                points.AsSpan(example * LogisticStep.Features, LogisticStep.Features).CopyTo(memory.AsSpan(i * LogisticStep.Features));
                targets[i] = labels[example];
            }
            yield return new Batch(
                [BatchInput.Of(null, memory.AsMemory(0, count * LogisticStep.Features), count, LogisticStep.Features)], targets.AsMemory(0, count));
        }
    }
}
