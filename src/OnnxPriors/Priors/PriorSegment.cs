namespace OnnxPriors.Priors;

/// <summary>One tensor's place in a prior over a flat state, and where its part of the prior comes from.</summary>
public sealed record PriorSegment
{
    private PriorSegment(string name, long offset, long count)
    {
        Name = name;
        Offset = offset;
        Count = count;
    }

    /// <summary>The tensor's name.</summary>
    public string Name { get; }

    /// <summary>Its first element in the flat state.</summary>
    public long Offset { get; }

    /// <summary>Its number of elements.</summary>
    public long Count { get; }

    /// <summary>The tensor's index in the posterior, for a learned segment; otherwise −1.</summary>
    public int Tensor { get; private init; } = -1;

    /// <summary>σ², the variance of every element, for an isotropic segment.</summary>
    public double Variance { get; private init; }

    /// <summary>The mean of an isotropic segment, one value an element; empty for zero.</summary>
    public ReadOnlyMemory<float> Mean { get; private init; }

    /// <summary>Reads μ from an element on.</summary>
    /// <param name="posterior">What a learned segment refers to.</param>
    /// <param name="start">The first element.</param>
    /// <param name="values">Filled from there on.</param>
    internal void ReadMeans(IPosterior? posterior, long start, Memory<float> values)
    {
        if (IsLearned)
            posterior!.ReadMean(Tensor, start, values.Span);
        else if (ReadMean is { } read)
            read(start, values);
        else if (Mean.IsEmpty)
            values.Span.Clear();
        else
            Mean.Span.Slice((int)start, values.Length).CopyTo(values.Span);
    }

    /// <summary>Reads the mean of an isotropic segment from an element on, where it is not held here; null otherwise.</summary>
    internal Action<long, Memory<float>>? ReadMean { get; private init; }

    /// <summary>Whether the segment's prior is learned.</summary>
    public bool IsLearned => Tensor >= 0;

    /// <summary>A segment whose prior is a posterior's, rescaled.</summary>
    /// <param name="name">The tensor's name.</param>
    /// <param name="offset">Its first element in the flat state.</param>
    /// <param name="count">Its number of elements.</param>
    /// <param name="tensor">Its index in the posterior.</param>
    public static PriorSegment Learned(string name, long offset, long count, int tensor)
    {
        ArgumentOutOfRangeException.ThrowIfNegative(tensor);
        return new PriorSegment(name, offset, count) { Tensor = tensor };
    }

    /// <summary>A segment with N(mean, σ²) for every element whose mean is read in pieces: that of a large tensor need not be held.</summary>
    internal static PriorSegment Isotropic(string name, long offset, long count, double variance, Action<long, Memory<float>> readMean) =>
        Isotropic(name, offset, count, variance) with { ReadMean = readMean };

    /// <summary>A segment with N(mean, σ²) for every element, independent of all others.</summary>
    /// <param name="name">The tensor's name.</param>
    /// <param name="offset">Its first element in the flat state.</param>
    /// <param name="count">Its number of elements.</param>
    /// <param name="variance">σ², above 0.</param>
    /// <param name="mean">One value an element; empty for zero.</param>
    /// <exception cref="InvalidPriorException">The variance is not a finite number above 0, or too small or large for float32's precision a = 1/σ².</exception>
    public static PriorSegment Isotropic(string name, long offset, long count, double variance, ReadOnlyMemory<float> mean = default)
    {
        if (!(variance > 0) || !float.IsNormal((float)(1 / variance)))
            throw new InvalidPriorException(FormattableString.Invariant($"The prior variance of '{name}' is {variance}; it must be above 0, between 1e-38 and 1e38."));
        if (!mean.IsEmpty && mean.Length != count)
            throw new ArgumentException($"The mean of '{name}' has {mean.Length} values for {count} elements.", nameof(mean));
        return new PriorSegment(name, offset, count) { Variance = variance, Mean = mean };
    }
}
