using System.Buffers.Binary;
using System.Collections.Immutable;
using System.Runtime.InteropServices;
using Microsoft.Win32.SafeHandles;

namespace OnnxPriors.Priors;

/// <summary>
/// An open safetensors file (https://github.com/huggingface/safetensors). Opening reads and checks the header alone; values are read
/// where and when they are asked for, by any number of threads at once. The format is little-endian, as are all machines .NET 10 and
/// ONNX Runtime share.
/// </summary>
public sealed class SafetensorsReader : IDisposable
{
    private readonly SafeFileHandle _handle;
    private readonly Dictionary<string, SafetensorsEntry> _byName;

    private SafetensorsReader(string path, SafeFileHandle handle, ImmutableArray<SafetensorsEntry> entries, ImmutableSortedDictionary<string, string> metadata)
    {
        Path = path;
        _handle = handle;
        Entries = entries;
        Metadata = metadata;
        _byName = entries.ToDictionary(entry => entry.Name, StringComparer.Ordinal);
    }

    /// <summary>The file, as it was named to <see cref="Open"/>.</summary>
    public string Path { get; }

    /// <summary>The tensors in the order of their data.</summary>
    public ImmutableArray<SafetensorsEntry> Entries { get; }

    /// <summary>The file's free-form metadata.</summary>
    public ImmutableSortedDictionary<string, string> Metadata { get; }

    /// <summary>The tensor of that name, or null.</summary>
    public SafetensorsEntry? Find(string name) => _byName.GetValueOrDefault(name);

    /// <summary>Opens a file and checks its header.</summary>
    /// <exception cref="InvalidPriorException">The file is not a sound safetensors file.</exception>
    /// <exception cref="IOException">The file is missing or cannot be read.</exception>
    public static SafetensorsReader Open(string path)
    {
        ArgumentException.ThrowIfNullOrEmpty(path);
        if (!File.Exists(path))
            throw new InvalidPriorException(Directory.Exists(path) ? $"'{path}' is a folder; give a prior file (.safetensors)." : $"There is no file '{path}'.");
        var handle = File.OpenHandle(path, FileMode.Open, FileAccess.Read, FileShare.Read, FileOptions.RandomAccess);
        try
        {
            var (entries, metadata) = ReadHeader(handle);
            return new SafetensorsReader(path, handle, entries, metadata);
        }
        catch (FormatException error)
        {
            handle.Dispose();
            throw new InvalidPriorException($"'{path}' is not a sound safetensors file: {error.Message}. Make the file again, or copy it again if it came from elsewhere.", error);
        }
        catch
        {
            handle.Dispose();
            throw;
        }
    }

    /// <summary>Reads part of a tensor of float32.</summary>
    /// <param name="entry">One of this file's <see cref="Entries"/>.</param>
    /// <param name="start">The first element, counted through the tensor in row-major order.</param>
    /// <param name="values">Filled with the elements from <paramref name="start"/> on.</param>
    /// <exception cref="InvalidPriorException">The tensor is not float32, or the file has become shorter since it was opened.</exception>
    public void Read(SafetensorsEntry entry, long start, Span<float> values)
    {
        ArgumentNullException.ThrowIfNull(entry);
        if (entry.Type != "F32")
            throw new InvalidPriorException($"'{Path}': tensor '{entry.Name}' is {entry.Type}, not F32. Save it as float32.");
        ArgumentOutOfRangeException.ThrowIfNegative(start);
        ArgumentOutOfRangeException.ThrowIfGreaterThan(start, entry.Count - values.Length);
        ReadBytes(entry, start * sizeof(float), MemoryMarshal.AsBytes(values));
    }

    /// <summary>Reads part of a tensor as it lies in the file.</summary>
    internal void ReadBytes(SafetensorsEntry entry, long start, Span<byte> bytes)
    {
        var offset = entry.Offset + start;
        while (!bytes.IsEmpty)
        {
            var read = RandomAccess.Read(_handle, bytes, offset);
            if (read == 0)
                throw new InvalidPriorException($"'{Path}' ends within tensor '{entry.Name}': it was cut short while it was read.");
            bytes = bytes[read..];
            offset += read;
        }
    }

    /// <summary>Closes the file.</summary>
    public void Dispose() => _handle.Dispose();

    private static (ImmutableArray<SafetensorsEntry>, ImmutableSortedDictionary<string, string>) ReadHeader(SafeFileHandle handle)
    {
        const int Prefix = sizeof(ulong);
        var fileLength = RandomAccess.GetLength(handle);
        Span<byte> prefix = stackalloc byte[Prefix];
        if (fileLength < Prefix + 2 || !ReadWhole(handle, prefix, 0))
            throw new FormatException($"it has {fileLength} bytes, too few for a header");
        var length = BinaryPrimitives.ReadUInt64LittleEndian(prefix);
        if (length > SafetensorsHeader.MaxLength || (long)length > fileLength - Prefix)
            throw new FormatException($"it claims a header of {length} bytes (the file has {fileLength}, the format allows {SafetensorsHeader.MaxLength})");
        var json = new byte[length];
        if (!ReadWhole(handle, json, Prefix))
            throw new FormatException("it ends within its header");
        var dataStart = Prefix + (long)length;
        return SafetensorsHeader.Parse(json, dataStart, fileLength - dataStart);
    }

    private static bool ReadWhole(SafeFileHandle handle, Span<byte> bytes, long offset)
    {
        while (!bytes.IsEmpty)
        {
            var read = RandomAccess.Read(handle, bytes, offset);
            if (read == 0)
                return false;
            bytes = bytes[read..];
            offset += read;
        }
        return true;
    }
}
