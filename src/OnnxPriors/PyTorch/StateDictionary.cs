using System.Buffers.Binary;
using System.Collections.Immutable;
using OnnxPriors.Priors;

namespace OnnxPriors.PyTorch;

/// <summary>
/// Weights by name, of a <c>.pt</c> file that <c>torch.save</c> wrote of a state dictionary, or of a <c>.safetensors</c> file. In a checkpoint
/// the state dictionary may stand under <c>state_dict</c> or <c>model</c>. PyTorch's counters <c>num_batches_tracked</c> are left out.
/// </summary>
public sealed class StateDictionary : IDisposable
{
    private const string Counter = "num_batches_tracked";

    private readonly Dictionary<string, Func<float[]>> readers = new(StringComparer.Ordinal);
    private readonly IDisposable file;

    private StateDictionary(string path, IDisposable file, IEnumerable<(TensorShape Shape, Func<float[]> Read)> tensors)
    {
        Path = path;
        this.file = file;
        var kept = tensors.Where(tensor => tensor.Shape.Name != Counter && !tensor.Shape.Name.EndsWith("." + Counter, StringComparison.Ordinal)).ToList();
        Tensors = [.. kept.Select(tensor => tensor.Shape)];
        foreach (var (shape, read) in kept)
            readers.Add(shape.Name, read);
    }

    /// <summary>The file, as it was named.</summary>
    public string Path { get; }

    /// <summary>The tensors in the file's order: for PyTorch the order of a module's parameters, with its statistics between them.</summary>
    public ImmutableArray<TensorShape> Tensors { get; }

    /// <summary>Opens a file.</summary>
    /// <exception cref="TorchFileException">The file is missing, damaged, of another kind, or holds no tensors by name.</exception>
    /// <exception cref="InvalidPriorException">A safetensors file is damaged.</exception>
    /// <exception cref="IOException">The file cannot be read.</exception>
    public static StateDictionary Open(string path)
    {
        ArgumentException.ThrowIfNullOrEmpty(path);
        if (System.IO.Path.GetExtension(path).Equals(".safetensors", StringComparison.OrdinalIgnoreCase))
        {
            var reader = SafetensorsReader.Open(path);
            return new(path, reader, reader.Entries.Select(entry => (new TensorShape(entry.Name, entry.Shape), (Func<float[]>)(() => Read(reader, entry)))));
        }
        var archive = TorchArchive.Open(path);
        try
        {
            return new(path, archive, Named(archive).Select(pair => (new TensorShape(pair.Name, pair.Tensor.Shape), (Func<float[]>)(() => archive.ReadSingles(pair.Tensor)))));
        }
        catch
        {
            archive.Dispose();
            throw;
        }
    }

    /// <summary>Reads a tensor, as float32 in row-major order.</summary>
    /// <param name="name">One of the names of <see cref="Tensors"/>.</param>
    public float[] Read(string name) => readers[name]();

    /// <summary>Closes the file.</summary>
    public void Dispose() => file.Dispose();

    private static IEnumerable<(string Name, TorchTensor Tensor)> Named(TorchArchive archive)
    {
        var dictionary = archive.Root as PickledDictionary ?? throw NoDictionary(archive, archive.Root is TorchTensor ? "one tensor without a name" : "no dictionary");
        foreach (var key in (string[])["state_dict", "model"])
            if (dictionary.Items.FirstOrDefault(item => item.Key is string name && name == key).Value is PickledDictionary inner)
                dictionary = inner;
        return dictionary.Items.Count == 0 ? throw NoDictionary(archive, "an empty dictionary")
            : [.. dictionary.Items.Select(item => item is { Key: string name, Value: TorchTensor tensor }
                ? (name, tensor)
                : throw NoDictionary(archive, $"'{item.Key}', which is no tensor"))];
    }

    private static TorchFileException NoDictionary(TorchArchive archive, string what) =>
        new($"'{archive.Path}' holds {what}; weights by name are needed. Save the module's state_dict() with torch.save.");

    private static float[] Read(SafetensorsReader reader, SafetensorsEntry entry)
    {
        if (entry.Count > Array.MaxLength)
            throw new TorchFileException($"'{reader.Path}': tensor '{entry.Name}' has {entry.Count} elements; at most {Array.MaxLength} can be in memory at once.");
        var values = new float[entry.Count];
        if (entry.Type == "F32")
        {
            reader.Read(entry, 0, values);
            return values;
        }
        var size = entry.Type switch
        {
            "F16" or "BF16" => 2,
            "F64" => 8,
            _ => throw new TorchFileException($"'{reader.Path}': tensor '{entry.Name}' is {entry.Type}; weights are F32, F64, F16 or BF16."),
        };
        var bytes = new byte[1 << 16];
        for (var at = 0; at < values.Length;)
        {
            var count = Math.Min(values.Length - at, bytes.Length / size);
            reader.ReadBytes(entry, at * (long)size, bytes.AsSpan(0, count * size));
            for (var i = 0; i < count; i++)
                values[at + i] = entry.Type switch
                {
                    "F16" => (float)BinaryPrimitives.ReadHalfLittleEndian(bytes.AsSpan(2 * i)),
                    "BF16" => BitConverter.Int32BitsToSingle(BinaryPrimitives.ReadUInt16LittleEndian(bytes.AsSpan(2 * i)) << 16),
                    _ => (float)BinaryPrimitives.ReadDoubleLittleEndian(bytes.AsSpan(8 * i)),
                };
            at += count;
        }
        return values;
    }
}
