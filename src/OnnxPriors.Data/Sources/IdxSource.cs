using System.Buffers.Binary;
using System.IO.Compression;
using OnnxPriors.Data.Arrays;

namespace OnnxPriors.Data.Sources;

/// <summary>
/// The IDX format of MNIST and its kin (LeCun, Cortes, Burges): two zero bytes, the element type, the number of axes, their
/// lengths and the elements, all big-endian, gzipped or not. A file of images and one of labels make a pair by name:
/// <c>train-images-idx3-ubyte.gz</c> and <c>train-labels-idx1-ubyte.gz</c>.
/// </summary>
internal static class IdxSource
{
    /// <summary>Whether a file starts as IDX, gzipped or not, does.</summary>
    public static bool Matches(ReadOnlySpan<byte> start) => start is [0, 0, >= 8 and <= 14, >= 1, ..] or [0x1F, 0x8B, ..];

    /// <summary>Opens the pair a file belongs to.</summary>
    public static ArrayDataset OpenFile(string path, DataLimits limits)
    {
        var partner = Partner(path)
            ?? throw new DataException($"'{path}' has neither 'images' nor 'labels' in its name, so its partner cannot be found. Name the pair as MNIST does.");
        if (!File.Exists(partner))
            throw new DataException($"'{path}' needs '{Path.GetFileName(partner)}' beside it.");
        var (images, labels) = IsImages(path) ? (path, partner) : (partner, path);
        return new ArrayDataset(path, [ReadPart(images, labels, DataSplit.None, limits)], classNames: null, limits);
    }

    /// <summary>Opens the pairs of a folder, or gives null where it holds none.</summary>
    public static ArrayDataset? OpenFolder(string path, DataLimits limits)
    {
        var images = Directory.EnumerateFiles(path)
            .Where(file => IsIdxName(file) && IsImages(file) && File.Exists(Partner(file)))
            .Order(StringComparer.Ordinal)
            .ToList();
        if (images.Count == 0)
            return null;
        var parts = new List<ArrayPart>();
        foreach (var file in images)
        {
            var first = Path.GetFileName(file).Split('-', '.', '_')[0];
            var split = images.Count == 1 ? DataSplit.None : DataSplitNames.Parse(first)
                ?? throw new DataException($"'{path}' holds several pairs, and '{Path.GetFileName(file)}' does not start with train, val, test or t10k. Give the one that is meant.");
            if (parts.Exists(part => part.Split == split))
                throw new DataException($"'{path}' holds two pairs for {split}. Give the one that is meant.");
            parts.Add(ReadPart(file, Partner(file)!, split, limits));
        }
        return new ArrayDataset(path, [.. parts.OrderBy(part => part.Split)], classNames: null, limits);
    }

    private static bool IsIdxName(string path) => Path.GetFileName(path) is var name
        && (name.Contains("idx", StringComparison.OrdinalIgnoreCase) || name.Contains("ubyte", StringComparison.OrdinalIgnoreCase));

    private static bool IsImages(string path) => Path.GetFileName(path).Contains("images", StringComparison.Ordinal);

    private static string? Partner(string path)
    {
        var name = Path.GetFileName(path);
        var folder = Path.GetDirectoryName(path) ?? "";
        if (IsImages(path))
            return Path.Combine(folder, name.Replace("images", "labels", StringComparison.Ordinal).Replace("idx3", "idx1", StringComparison.Ordinal).Replace("idx4", "idx1", StringComparison.Ordinal));
        if (!name.Contains("labels", StringComparison.Ordinal))
            return null;
        var images = Path.Combine(folder, name.Replace("labels", "images", StringComparison.Ordinal).Replace("idx1", "idx3", StringComparison.Ordinal));
        var coloured = images.Replace("idx3", "idx4", StringComparison.Ordinal);
        return File.Exists(coloured) ? coloured : images;
    }

    private static ArrayPart ReadPart(string images, string labels, DataSplit split, DataLimits limits)
    {
        var labelArray = Read(labels, limits);
        if (labelArray.Shape.Count != 1)
            throw new DataException($"'{labels}' holds labels {labelArray}; they are one class index for each example, [N].");
        return new ArrayPart(Read(images, limits), ArrayDataset.CheckLabels(labels, labelArray.ToInt64s(), limits), split);
    }

    private static NpzArray Read(string path, DataLimits limits)
    {
        try
        {
            using var file = new FileStream(path, FileMode.Open, FileAccess.Read, FileShare.Read);
            Span<byte> start = stackalloc byte[2];
            var zipped = file.ReadAtLeast(start, 2, throwOnEndOfStream: false) == 2 && start[0] == 0x1F && start[1] == 0x8B;
            file.Position = 0;
            using var stream = zipped ? (Stream)new GZipStream(file, CompressionMode.Decompress) : file;
            return Read(stream, zipped ? file.Length * DataLimits.DeflateRatio : file.Length, path, limits);
        }
        catch (EndOfStreamException error)
        {
            throw new DataException($"'{path}' is cut short.", error);
        }
        catch (InvalidDataException error)
        {
            throw new DataException($"'{path}' is a broken gzip file: {error.Message}", error);
        }
    }

    private static NpzArray Read(Stream stream, long available, string path, DataLimits limits)
    {
        Span<byte> magic = stackalloc byte[4];
        stream.ReadExactly(magic);
        NpyType? type = magic[2] switch
        {
            0x08 => NpyType.UInt8,
            0x09 => NpyType.Int8,
            0x0B => NpyType.Int16,
            0x0C => NpyType.Int32,
            0x0D => NpyType.Float32,
            0x0E => NpyType.Float64,
            _ => null,
        };
        if (magic[0] != 0 || magic[1] != 0 || type is not { } elements || magic[3] is 0 or > 8)
            throw new DataException($"'{path}' is no IDX file: it starts with {Convert.ToHexString(magic)}.");
        var shape = new long[magic[3]];
        Span<byte> length = stackalloc byte[4];
        Int128 total = elements.Size();
        for (var axis = 0; axis < shape.Length; axis++)
        {
            stream.ReadExactly(length);
            shape[axis] = BinaryPrimitives.ReadUInt32BigEndian(length);
            total = shape[axis] == 0 ? 0 : total > long.MaxValue ? total : total * shape[axis];
        }
        if (total > available - magic.Length - 4 * shape.Length || total > limits.ArrayBytes || total > Array.MaxLength)
            throw new DataException($"'{path}' declares {elements} [{string.Join(", ", shape)}], more than it can hold or than can be read.");
        var bytes = GC.AllocateUninitializedArray<byte>((int)total);
        stream.ReadExactly(bytes);
        if (stream.ReadByte() >= 0)
            throw new DataException($"'{path}' holds more bytes than its header declares.");
        if (elements.Size() > 1)
            for (var at = 0; at < bytes.Length; at += elements.Size())
                bytes.AsSpan(at, elements.Size()).Reverse();
        return new NpzArray(elements, shape, bytes);
    }
}
