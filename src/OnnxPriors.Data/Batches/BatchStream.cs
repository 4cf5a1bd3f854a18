using System.Collections.Concurrent;
using System.Collections.Immutable;
using System.Globalization;
using OnnxPriors.Data.Randomness;
using OnnxPriors.Data.Sources;

namespace OnnxPriors.Data.Batches;

/// <summary>
/// A view's examples as batches, decoded by several threads ahead of the consumer. Which examples make which batch, and what is
/// drawn for each, depends on the seed and the epoch alone, so an epoch can be taken up again at any batch.
/// </summary>
public sealed class BatchStream
{
    private readonly BatchOptions options;
    private readonly ConcurrentBag<float[]> pool = [];
    private readonly ExampleWriter writer;

    /// <summary>Prepares a stream; the first example is decoded to know the inputs' shape.</summary>
    /// <param name="view">The examples.</param>
    /// <param name="options">How to go through them.</param>
    /// <exception cref="DataException">The view is empty, its first example broken, or an option does not suit the examples.</exception>
    public BatchStream(DatasetView view, BatchOptions? options = null)
    {
        ArgumentNullException.ThrowIfNull(view);
        View = view;
        this.options = options ??= new BatchOptions();
        if (view.Count == 0)
            throw new DataException($"'{view.Source.Name}' has no example in the part that is asked for.");
        if (options.BatchSize < 1)
            throw new DataException($"A batch of {options.BatchSize} is not possible; it takes at least one example.");
        if (options.Views is not (1 or 2))
            throw new DataException($"A batch of {options.Views} views of each example is not possible; it takes 1 or 2.");
        writer = new ExampleWriter(view.Source, (options.Preprocessing ?? new Preprocessing()).Checked(), options.Augmentation, options.Masks, view.Indices[0]);
    }

    /// <summary>The examples.</summary>
    public DatasetView View { get; }

    /// <summary>The shape of one example: [C, H, W], or [F] for features.</summary>
    public ImmutableArray<int> ExampleShape => writer.Shape;

    /// <summary>The number of batches of an epoch.</summary>
    public int BatchCount => (View.Count + options.BatchSize - 1) / options.BatchSize;

    /// <summary>
    /// A hash, in 64 hexadecimal digits, of all that decides what is in each batch: the source, which of its examples, their labels,
    /// preprocessing, augmentation, batch size, order and seed. Threads do not count.
    /// </summary>
    public string Fingerprint()
    {
        using var hash = new FingerprintHash();
        var preprocessing = (options.Preprocessing ?? new Preprocessing()).ToJson();
        return hash.Add(View.Source.Fingerprint)
            .Add(View.Indices.AsSpan())
            .Add(View.Labels.AsSpan())
            .Add(preprocessing)
            .Add(string.Create(CultureInfo.InvariantCulture, $"{options.Augmentation} {options.BatchSize} {options.Shuffle} {options.Seed}{(options.Views == 1 ? "" : " two views")}{(options.Masks is { } masks ? $" {masks}" : "")}"))
            .Finish();
    }

    /// <summary>
    /// Goes through an epoch. The caller disposes each batch once done with it; batches it keeps do not hold the stream up.
    /// </summary>
    /// <param name="epoch">The epoch, from 0.</param>
    /// <param name="firstBatch">The batch to start at.</param>
    /// <param name="cancellation">Ends it.</param>
    /// <exception cref="DataException">An example is broken. Batches before the one it belongs to come out whole.</exception>
    /// <exception cref="OperationCanceledException">It was cancelled.</exception>
    public IEnumerable<Batch> Read(int epoch = 0, int firstBatch = 0, CancellationToken cancellation = default)
    {
        ArgumentOutOfRangeException.ThrowIfNegative(epoch);
        ArgumentOutOfRangeException.ThrowIfNegative(firstBatch);
        var plan = Plan(epoch, firstBatch);
        var threads = options.Threads > 0 ? options.Threads : Environment.ProcessorCount;
        using var run = new BatchRun(plan, Math.Max(1, options.Ahead), threads, writer, options.Views, options.Seed, cancellation);
        foreach (var batch in run.Consume())
            yield return batch;
    }

    private float[] Targets(int[] positions)
    {
        var width = View.Source.TargetCount;
        var targets = new float[positions.Length * width];
        for (var i = 0; width > 0 && i < positions.Length; i++)
            View.Source.CopyTargets(View.Indices[positions[i]], targets.AsSpan(i * width, width));
        return targets;
    }

    private List<Batch> Plan(int epoch, int firstBatch)
    {
        int[]? order = options.Shuffle ? new KeyedRandom(options.Seed, Purpose.Shuffle, (ulong)epoch).Permutation(View.Count) : null;
        var batches = new List<Batch>();
        for (var index = firstBatch; index < BatchCount; index++)
        {
            var start = index * options.BatchSize;
            var positions = Enumerable.Range(start, Math.Min(options.BatchSize, View.Count - start)).Select(at => order?[at] ?? at).ToArray();
            positions = [.. Enumerable.Repeat(positions, options.Views).SelectMany(view => view)];
            batches.Add(new Batch(
                epoch,
                index,
                [.. positions.Select(position => View.Indices[position])],
                writer.MaskLength > 0 ? new long[positions.Length * writer.MaskLength] : [.. positions.Select(position => (long)View.Labels[position])],
                Targets(positions),
                ExampleShape,
                pool));
        }
        return batches;
    }
}
