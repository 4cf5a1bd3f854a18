namespace OnnxPriors.Data;

/// <summary>
/// How much a file may ask of the machine. Data comes from strangers: a small archive can name a thousand gigabytes, a small
/// picture a billion pixels. What exceeds a limit is refused with a <see cref="DataException"/> before memory is taken for it.
/// </summary>
public sealed record DataLimits
{
    /// <summary>The limits used where none are given.</summary>
    public static DataLimits Default { get; } = new();

    /// <summary>The largest single picture file, in bytes, as it lies on disk and as it comes out of an archive.</summary>
    public long FileBytes { get; init; } = 64L << 20;

    /// <summary>The largest picture in pixels (width × height), before any reduction.</summary>
    public long Pixels { get; init; } = 64_000_000;

    /// <summary>The most entries of an archive and the most files of a folder.</summary>
    public int Files { get; init; } = 4_000_000;

    /// <summary>The largest single array of an NPZ or IDX file, in bytes. No array can exceed 2 GiB.</summary>
    public long ArrayBytes { get; init; } = Array.MaxLength;

    /// <summary>The largest table of numbers from a CSV file, in bytes of float32.</summary>
    public long TableBytes { get; init; } = Array.MaxLength;

    /// <summary>The most classes; an integer label at or above it is taken for a mistake.</summary>
    public int Classes { get; init; } = 1_000_000;

    /// <summary>
    /// Deflate cannot shrink data to less than 1/1032 of its size (RFC 1951: at best 258 bytes from two bits), so a file that
    /// declares more lies about what it holds.
    /// </summary>
    internal const long DeflateRatio = 1032;
}
