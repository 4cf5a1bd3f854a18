using System.Collections.Concurrent;
using System.Collections.Immutable;
using OnnxPriors.Data.Images;

namespace OnnxPriors.Data;

/// <summary>
/// Keeps decoded pictures in memory, as many as a limit allows; the others are decoded each time. What comes out is the same with
/// and without it. Tensors and features are in memory already and pass through.
/// </summary>
/// <param name="inner">The source; it is disposed with the cache.</param>
/// <param name="bytes">The most memory to hold.</param>
public sealed class CachedDataset(IDataset inner, long bytes = 1L << 30) : IDataset
{
    private readonly ConcurrentDictionary<(int Index, int Enough), (byte[] Rgba, byte[]? Mask, int Width, int Height)> pictures = new();
    private long held;

    /// <summary>The memory held now, in bytes.</summary>
    public long HeldBytes => Interlocked.Read(ref held);

    /// <inheritdoc/>
    public string Name => inner.Name;

    /// <inheritdoc/>
    public int Count => inner.Count;

    /// <inheritdoc/>
    public ExampleKind Kind => inner.Kind;

    /// <inheritdoc/>
    public TargetKind Targets => inner.Targets;

    /// <inheritdoc/>
    public int TargetCount => inner.TargetCount;

    /// <inheritdoc/>
    public void CopyTargets(int index, Span<float> target) => inner.CopyTargets(index, target);

    /// <inheritdoc/>
    public IReadOnlyList<string> ClassNames => inner.ClassNames;

    /// <inheritdoc/>
    public ImmutableArray<int> Labels => inner.Labels;

    /// <inheritdoc/>
    public ImmutableArray<DataSplit> Splits => inner.Splits;

    /// <inheritdoc/>
    public string Fingerprint => inner.Fingerprint;

    /// <inheritdoc/>
    public string NameOf(int index) => inner.NameOf(index);

    /// <inheritdoc/>
    public void Decode(int index, Example target, int enough = 0)
    {
        ArgumentNullException.ThrowIfNull(target);
        if (pictures.TryGetValue((index, enough), out var picture))
        {
            target.BorrowPixels(picture.Rgba, picture.Width, picture.Height);
            if (picture.Mask is { } mask)
                target.BorrowMask(mask, picture.Width, picture.Height);
            return;
        }
        inner.Decode(index, target, enough);
        if (target.Kind != ExampleKind.Pixels)
            return;
        var masked = inner.Targets == TargetKind.Mask;
        var size = target.Rgba.Length + (masked ? target.Mask.Length : 0);
        if (Interlocked.Add(ref held, size) > bytes || !pictures.TryAdd((index, enough), (target.Rgba.ToArray(), masked ? target.Mask.ToArray() : null, target.Width, target.Height)))
            Interlocked.Add(ref held, -size);
    }

    /// <inheritdoc/>
    public void Dispose() => inner.Dispose();
}
