using System.Buffers;

namespace OnnxPriors.Data;

/// <summary>What is known of each example of a source.</summary>
public enum TargetKind
{
    /// <summary>Its class.</summary>
    Class,

    /// <summary>The class of each of its pixels: a mask of its own size.</summary>
    Mask,

    /// <summary>For each of C labels whether it is true, [C] of 0 and 1.</summary>
    Flags,

    /// <summary>D numbers, [D].</summary>
    Numbers,
}

/// <summary>Which labels masks may hold.</summary>
/// <param name="Classes">The classes, 0 … Classes − 1.</param>
/// <param name="Ignore">The label of pixels that do not count, 0 … 255; it fills what a moved picture uncovers.</param>
public sealed record MaskLabels(int Classes, byte Ignore)
{
    /// <summary>Every label a mask may hold.</summary>
    internal SearchValues<byte> Allowed { get; } = SearchValues.Create([.. Enumerable.Range(0, Math.Clamp(Classes, 0, 256)).Select(i => (byte)i), Ignore]);
}
