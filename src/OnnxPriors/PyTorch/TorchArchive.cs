using System.Buffers.Binary;
using System.IO.Compression;
using System.Runtime.InteropServices;

namespace OnnxPriors.PyTorch;

/// <summary>
/// A file that <c>torch.save</c> wrote, in its zip format (PyTorch 1.6 and later): a pickle <c>NAME/data.pkl</c> that describes the tensors and
/// an entry <c>NAME/data/KEY</c> for each storage. Opening reads the pickle by <see cref="TensorUnpickler"/>, which runs nothing; the numbers
/// stay in the file until they are asked for, and what is declared is held to what lies there before memory is taken for it.
/// </summary>
public sealed class TorchArchive : IDisposable
{
    private const int MostEntries = 1_000_000, MostPickle = 64 << 20;

    // RFC 1951: deflate makes at most 258 bytes of two bits.
    private const long DeflateRatio = 1032;

    private readonly ZipArchive zip;
    private readonly Dictionary<string, ZipArchiveEntry> storages = new(StringComparer.Ordinal);

    private TorchArchive(string path, ZipArchive zip)
    {
        (Path, this.zip) = (path, zip);
        var pickle = FindEntries();
        try
        {
            Root = TensorUnpickler.Read(Bytes(pickle));
        }
        catch (FormatException error)
        {
            throw Broken($"its pickle is refused: {error.Message}", error);
        }
    }

    /// <summary>The file, as it was named.</summary>
    public string Path { get; }

    /// <summary>What the pickle holds.</summary>
    internal object? Root { get; }

    /// <summary>Opens a file and reads its description.</summary>
    /// <exception cref="TorchFileException">The file is missing, no such file, damaged, or holds what is no tensor.</exception>
    /// <exception cref="IOException">The file cannot be read.</exception>
    public static TorchArchive Open(string path)
    {
        ArgumentException.ThrowIfNullOrEmpty(path);
        if (!File.Exists(path))
            throw new TorchFileException($"There is no file '{path}'.");
        FileStream? stream = null;
        try
        {
            stream = new FileStream(path, FileMode.Open, FileAccess.Read, FileShare.Read);
            return new TorchArchive(path, new ZipArchive(stream, ZipArchiveMode.Read));
        }
        catch (Exception error) when (error is InvalidDataException or EndOfStreamException)
        {
            stream?.Dispose();
            throw new TorchFileException($"'{path}' is no file of torch.save in its zip format, or a broken one: {error.Message} Save it again with PyTorch 1.6 or later.", error);
        }
        catch
        {
            stream?.Dispose();
            throw;
        }
    }

    /// <summary>Reads a tensor's numbers in row-major order, as float32.</summary>
    /// <param name="tensor">One of this file's tensors.</param>
    /// <exception cref="TorchFileException">The file holds fewer numbers than the tensor has, or more than memory can.</exception>
    public float[] ReadSingles(TorchTensor tensor)
    {
        ArgumentNullException.ThrowIfNull(tensor);
        EntryOf(tensor.Storage);
        var values = new float[Fitting(tensor.Count)];
        if (tensor.IsContiguous)
            Read(tensor.Storage, tensor.Offset, values);
        else
        {
            var storage = new float[Fitting(tensor.Storage.Count)];
            Read(tensor.Storage, 0, storage);
            for (var i = 0; i < values.Length; i++)
            {
                var (at, rest) = (tensor.Offset, (long)i);
                for (var axis = tensor.Shape.Length - 1; axis >= 0; axis--)
                {
                    at += rest % tensor.Shape[axis] * tensor.Strides[axis];
                    rest /= tensor.Shape[axis];
                }
                values[i] = storage[at];
            }
        }
        return values;
    }

    /// <summary>Reads the rows of a matrix [K, P], each in memory of its own, as float32.</summary>
    /// <param name="tensor">One of this file's tensors, of two dimensions.</param>
    /// <exception cref="TorchFileException">The file holds fewer numbers than the tensor has, or a row has more than memory can.</exception>
    internal float[][] ReadRows(TorchTensor tensor)
    {
        EntryOf(tensor.Storage);
        var (rows, columns) = (tensor.Shape[0], Fitting(tensor.Shape[1]));
        if (!tensor.IsContiguous)
            return [.. ReadSingles(tensor).Chunk(columns)];
        return [.. Enumerable.Range(0, (int)rows).Select(row =>
        {
            var values = new float[columns];
            Read(tensor.Storage, tensor.Offset + row * (long)columns, values);
            return values;
        })];
    }

    /// <summary>Closes the file.</summary>
    public void Dispose() => zip.Dispose();

    private ZipArchiveEntry FindEntries()
    {
        if (zip.Entries.Count > MostEntries)
            throw Broken($"it has {zip.Entries.Count} entries");
        ZipArchiveEntry? pickle = null;
        foreach (var entry in zip.Entries)
        {
            var name = entry.FullName;
            if (name.Contains('\\', StringComparison.Ordinal) || name.StartsWith('/') || name.Split('/').Any(part => part is ".." or "."))
                throw Broken($"its entry '{name}' would lie outside the archive");
            if (entry.Length > entry.CompressedLength * DeflateRatio)
                throw Broken($"its entry '{name}' declares {entry.Length} bytes of {entry.CompressedLength}");
            if (name.EndsWith("/data.pkl", StringComparison.Ordinal) && name.AsSpan().Count('/') == 1)
                pickle = pickle is null ? entry : throw Broken("it has two pickles");
        }
        if (pickle is null)
            throw Broken("it has no NAME/data.pkl");
        var prefix = pickle.FullName[..^"data.pkl".Length];
        foreach (var entry in zip.Entries)
        {
            if (entry.FullName == prefix + "byteorder" && System.Text.Encoding.ASCII.GetString(Bytes(entry)).Trim() != "little")
                throw Broken("its numbers are not little-endian");
            if (entry.FullName.StartsWith(prefix + "data/", StringComparison.Ordinal) && !storages.TryAdd(entry.FullName[(prefix.Length + "data/".Length)..], entry))
                throw Broken($"it has the entry '{entry.FullName}' twice");
        }
        return pickle;
    }

    private byte[] Bytes(ZipArchiveEntry entry)
    {
        if (entry.Length > MostPickle)
            throw Broken($"its entry '{entry.FullName}' has {entry.Length} bytes; at most {MostPickle} are read");
        var bytes = new byte[entry.Length];
        using var stream = entry.Open();
        stream.ReadExactly(bytes);
        return bytes;
    }

    private int Fitting(long count) =>
        count <= Array.MaxLength ? (int)count : throw Broken($"it has a tensor of {count} elements; at most {Array.MaxLength} can be in memory at once");

    /// <summary>The entry of a storage, which holds all that the storage is said to.</summary>
    private ZipArchiveEntry EntryOf(TorchStorage storage)
    {
        if (!storages.TryGetValue(storage.Key, out var entry))
            throw Broken($"it has no entry for the storage '{storage.Key}'");
        return storage.Count <= entry.Length / storage.ElementSize ? entry
            : throw Broken($"its storage '{storage.Key}' has {entry.Length} bytes, too few for {storage.Count} elements of {storage.Type}");
    }

    private void Read(TorchStorage storage, long start, Span<float> values)
    {
        try
        {
            var entry = EntryOf(storage);
            using var stream = entry.Open();
            var buffer = new byte[1 << 16];
            for (var skip = start * storage.ElementSize; skip > 0;)
            {
                var part = (int)Math.Min(skip, buffer.Length);
                stream.ReadExactly(buffer.AsSpan(0, part));
                skip -= part;
            }
            if (storage.Type == TorchType.Float32)
                stream.ReadExactly(MemoryMarshal.AsBytes(values));
            else
                for (var at = 0; at < values.Length;)
                {
                    var part = Math.Min(values.Length - at, buffer.Length / storage.ElementSize);
                    stream.ReadExactly(buffer.AsSpan(0, part * storage.ElementSize));
                    Convert(storage, buffer, values.Slice(at, part));
                    at += part;
                }
        }
        catch (Exception error) when (error is InvalidDataException or EndOfStreamException)
        {
            throw Broken($"its storage '{storage.Key}' is damaged: {error.Message}", error);
        }
    }

    private static void Convert(TorchStorage storage, ReadOnlySpan<byte> bytes, Span<float> values)
    {
        for (var i = 0; i < values.Length; i++)
        {
            var element = bytes.Slice(i * storage.ElementSize, storage.ElementSize);
            values[i] = storage.Type switch
            {
                TorchType.Float64 => (float)BinaryPrimitives.ReadDoubleLittleEndian(element),
                TorchType.Float16 => (float)BinaryPrimitives.ReadHalfLittleEndian(element),
                TorchType.BFloat16 => BitConverter.Int32BitsToSingle(BinaryPrimitives.ReadUInt16LittleEndian(element) << 16),
                TorchType.Int64 => BinaryPrimitives.ReadInt64LittleEndian(element),
                TorchType.Int32 => BinaryPrimitives.ReadInt32LittleEndian(element),
                TorchType.Int16 => BinaryPrimitives.ReadInt16LittleEndian(element),
                TorchType.Int8 => (sbyte)element[0],
                _ => element[0],
            };
        }
    }

    private TorchFileException Broken(string what, Exception? inner = null) =>
        new($"'{Path}' is no sound file of tensors: {what}. Save state dictionaries or tensors alone, with torch.save.", inner);
}
