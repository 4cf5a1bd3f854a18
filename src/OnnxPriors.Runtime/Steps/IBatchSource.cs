namespace OnnxPriors.Runtime.Steps;

/// <summary>
/// Labelled examples in batches, in an order that (seed, epoch) fixes: the same batches come again whenever an epoch is read again,
/// from any batch on, which is what lets a killed run go on to the same bits.
/// </summary>
public interface IBatchSource
{
    /// <summary>The number of examples in an epoch.</summary>
    int ExampleCount { get; }

    /// <summary>The examples in each batch; only the last may have fewer.</summary>
    int BatchSize { get; }

    /// <summary>What the examples are and how they are prepared, as a hash: two sources of one fingerprint give the same batches.</summary>
    string Fingerprint { get; }

    /// <summary>Reads an epoch's batches.</summary>
    /// <param name="epoch">The epoch, from 0: fixes order and augmentation together with the source's own seed.</param>
    /// <param name="firstBatch">The batch to begin at.</param>
    /// <param name="cancellation">Stops the reading.</param>
    /// <returns>Batches, each valid until the next is asked for.</returns>
    IEnumerable<Batch> Read(int epoch, int firstBatch, CancellationToken cancellation);
}

/// <summary>What follows from a source's sizes.</summary>
public static class BatchSourceExtensions
{
    /// <summary>The number of batches in an epoch.</summary>
    /// <param name="source">The source.</param>
    public static int BatchCount(this IBatchSource source)
    {
        ArgumentNullException.ThrowIfNull(source);
        return (int)(((long)source.ExampleCount + source.BatchSize - 1) / source.BatchSize);
    }
}
