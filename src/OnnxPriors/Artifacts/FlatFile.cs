using System.Runtime.InteropServices;
using System.Security.Cryptography;
using Microsoft.Win32.SafeHandles;

namespace OnnxPriors.Artifacts;

/// <summary>
/// Writes a flat float32 file of a step folder in place, in pieces and by several threads at once; gaps are zeros, and the file appears
/// whole or not at all.
/// </summary>
internal static class FlatFile
{
    private const int PieceLength = 1 << 16;

    /// <summary>Writes a file of a known length.</summary>
    /// <param name="folder">The step folder.</param>
    /// <param name="name">The file's name in it.</param>
    /// <param name="length">Its length in floats.</param>
    /// <param name="fill">Writes the contents by <see cref="Put"/>.</param>
    /// <returns>The file as the manifest names it.</returns>
    /// <exception cref="IOException">The file cannot be made, or the disk is full.</exception>
    public static ManifestFileEntry Write(string folder, string name, long length, Action<SafeFileHandle> fill)
    {
        using var file = AtomicFile.Create(Path.Combine(folder, name), length * sizeof(float));
        fill(file.Stream.SafeFileHandle);
        file.Stream.Position = 0;
        var entry = new ManifestFileEntry(name, file.Stream.Length, Convert.ToHexStringLower(SHA256.HashData(file.Stream)));
        // A gigabyte forced to a slow disk takes ten seconds; the manifest, written last, has the hash that would show a file lost with the power.
        file.Commit(durable: false);
        return entry;
    }

    /// <summary>Puts values at a place, counted in floats.</summary>
    public static void Put(SafeFileHandle file, long offset, ReadOnlySpan<float> values) =>
        RandomAccess.Write(file, MemoryMarshal.AsBytes(values), offset * sizeof(float));

    /// <summary>Writes tensors on their layout.</summary>
    /// <param name="folder">The step folder.</param>
    /// <param name="name">The file's name in it.</param>
    /// <param name="layout">Where each tensor lies.</param>
    /// <param name="read">Fills a span with a tensor's values from an element on.</param>
    /// <returns>The file as the manifest names it.</returns>
    /// <exception cref="IOException">The file cannot be made, or the disk is full.</exception>
    public static ManifestFileEntry Write(string folder, string name, StateLayout layout, ReadTensor read) =>
        Write(folder, name, layout.Length, file =>
        {
            var piece = new float[PieceLength];
            foreach (var entry in layout.Entries)
                for (var start = 0L; start < entry.Count; start += piece.Length)
                {
                    var values = piece.AsSpan(0, (int)Math.Min(piece.Length, entry.Count - start));
                    read(entry, start, values);
                    Put(file, entry.Offset + start, values);
                }
        });
}

/// <summary>Fills a span with a tensor's values.</summary>
/// <param name="entry">The tensor.</param>
/// <param name="start">The first element, in row-major order.</param>
/// <param name="values">Filled from there on.</param>
public delegate void ReadTensor(StateEntry entry, long start, Span<float> values);
