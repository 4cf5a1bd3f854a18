using System.Collections.Concurrent;
using System.Collections.Immutable;

namespace OnnxPriors.Data.Batches;

/// <summary>
/// Examples ready for the model. Its memory does not move (it can be bound to a tensor by address) and goes back to the stream
/// when the batch is disposed.
/// </summary>
public sealed class Batch : IDisposable
{
    private readonly ConcurrentBag<float[]> pool;
    private float[]? memory;

    internal Batch(int epoch, int index, ImmutableArray<int> examples, long[] labels, float[] targets, ImmutableArray<int> exampleShape, ConcurrentBag<float[]> pool)
    {
        Epoch = epoch;
        Index = index;
        Examples = examples;
        Labels = labels;
        Targets = targets;
        Shape = [examples.Length, .. exampleShape.Select(length => (long)length)];
        this.pool = pool;
        InputCount = checked(examples.Length * exampleShape.Aggregate(1, (product, length) => product * length));
    }

    /// <summary>The epoch it belongs to, from 0.</summary>
    public int Epoch { get; }

    /// <summary>Its place in the epoch, from 0.</summary>
    public int Index { get; }

    /// <summary>Its examples' indices in the source.</summary>
    public ImmutableArray<int> Examples { get; }

    /// <summary>The number of examples.</summary>
    public int Count => Examples.Length;

    /// <summary>The inputs' shape: [B, C, H, W], or [B, F] for features.</summary>
    public ImmutableArray<long> Shape { get; }

    /// <summary>The class index of each example, [B], or, where the source has masks, of each pixel, [B, H, W].</summary>
    public long[] Labels { get; }

    /// <summary>The flags or numbers of each example, [B, C], row by row; empty where the source has classes or masks.</summary>
    public float[] Targets { get; }

    /// <summary>The inputs, of <see cref="Shape"/>; pinned.</summary>
    /// <exception cref="ObjectDisposedException">The batch was disposed.</exception>
    public Memory<float> Inputs => (memory ?? throw new ObjectDisposedException(nameof(Batch))).AsMemory(0, InputCount);

    private int InputCount { get; }

    /// <summary>Gives the memory back; the inputs must not be used after that.</summary>
    public void Dispose()
    {
        if (Interlocked.Exchange(ref memory, null) is { } returned)
            pool.Add(returned);
    }

    /// <summary>Takes memory for the inputs.</summary>
    internal void Start()
    {
        if (!pool.TryTake(out var taken) || taken.Length < InputCount)
            taken = GC.AllocateUninitializedArray<float>(InputCount, pinned: true);
        memory = taken;
    }
}
