using System.Collections.ObjectModel;
using System.IO.Compression;

namespace OnnxPriors.Data.Arrays;

/// <summary>
/// NumPy's NPZ archives: a zip of NPY arrays by name. All of bool, the integers of 8 to 64 bits, float16, float32 and float64
/// are read (either byte order, row- or column-major, stored or deflated) and written (little-endian, row-major, stored).
/// </summary>
public static class NpzFile
{
    private const string Suffix = ".npy";

    // The zip format cannot say less than 1980; a fixed time keeps equal arrays equal files.
    private static readonly DateTimeOffset Epoch = new(1980, 1, 1, 0, 0, 0, TimeSpan.Zero);

    /// <summary>Reads every array of a file.</summary>
    /// <param name="path">The file.</param>
    /// <param name="limits">What may be read; <see cref="DataLimits.Default"/> where none is given.</param>
    /// <returns>The arrays by name, in the file's order.</returns>
    /// <exception cref="DataException">The file is absent, no archive, or holds an array that cannot be read.</exception>
    public static ReadOnlyDictionary<string, NpzArray> Read(string path, DataLimits? limits = null)
    {
        limits ??= DataLimits.Default;
        var arrays = new OrderedDictionary<string, NpzArray>(StringComparer.Ordinal);
        try
        {
            using var file = new FileStream(path, FileMode.Open, FileAccess.Read, FileShare.Read);
            using var archive = new ZipArchive(file, ZipArchiveMode.Read);
            foreach (var entry in archive.Entries)
            {
                if (!entry.FullName.EndsWith(Suffix, StringComparison.Ordinal))
                    throw new DataException($"'{path}' holds '{entry.FullName}', which is no NumPy array (.npy).");
                var name = entry.FullName[..^Suffix.Length];
                var where = $"Array '{name}' of '{path}'";
                var available = Math.Min(entry.Length, entry.CompressedLength * DataLimits.DeflateRatio + 64);
                if (available > Math.Min(limits.ArrayBytes, Array.MaxLength))
                    throw new DataException($"{where} takes {entry.Length} bytes; at most {Math.Min(limits.ArrayBytes, Array.MaxLength)} are read.");
                using var stream = entry.Open();
                if (!arrays.TryAdd(name, NpyFormat.Read(stream, available, where)))
                    throw new DataException($"'{path}' holds two arrays called '{name}'.");
            }
        }
        catch (InvalidDataException error)
        {
            throw new DataException($"'{path}' is no NPZ file, or a broken one: {error.Message.TrimEnd('.')}. Write or copy it again.", error);
        }
        catch (Exception error) when (error is FileNotFoundException or DirectoryNotFoundException)
        {
            throw new DataException($"There is no file '{path}'.", error);
        }
        catch (Exception error) when (error is IOException or UnauthorizedAccessException)
        {
            throw new DataException(Directory.Exists(path) ? $"'{path}' is a folder; give an NPZ file." : $"'{path}' cannot be read: {error.Message}", error);
        }
        return new ReadOnlyDictionary<string, NpzArray>(arrays);
    }

    /// <summary>
    /// Writes arrays, in the order given, to a file that appears whole or not at all.
    /// The same arrays make the same bytes.
    /// </summary>
    /// <param name="path">The file; one that is there is replaced.</param>
    /// <param name="arrays">The arrays by name.</param>
    /// <exception cref="IOException">The file cannot be written; nothing is left behind.</exception>
    public static void Write(string path, IEnumerable<KeyValuePair<string, NpzArray>> arrays)
    {
        ArgumentNullException.ThrowIfNull(arrays);
        using var file = AtomicFile.Create(path);
        using (var archive = new ZipArchive(file.Stream, ZipArchiveMode.Create, leaveOpen: true))
            foreach (var (name, array) in arrays)
            {
                var entry = archive.CreateEntry(name + Suffix, CompressionLevel.NoCompression);
                entry.LastWriteTime = Epoch;
                using var stream = entry.Open();
                NpyFormat.Write(stream, array);
            }
        file.Commit();
    }
}
