using System.Collections.Immutable;
using System.Globalization;
using System.Runtime.InteropServices;
using OnnxPriors.Graphs;
using OnnxPriors.Onnx.Protobuf;

namespace OnnxPriors.Onnx;

/// <summary>Reads tensors, from the message or from files beside the model (ONNX external data specification).</summary>
/// <param name="model">What messages call the model.</param>
/// <param name="folder">The folder that external files lie in; null where there may be none.</param>
/// <param name="mapped">The large tensors that were left in the model's file; null where there are none.</param>
internal sealed class TensorReader(string model, string? folder, MappedTensors? mapped = null)
{
    private readonly Dictionary<string, MappedFile> files = new(StringComparer.Ordinal);

    public TensorData Read(TensorProto tensor, string name)
    {
        var type = (ElementType)tensor.DataType;
        var isNarrow = NarrowNumbers.Bits(type) > 0;
        if (type.Size() == 0 && !isNarrow)
            throw Error(name, type == ElementType.String ? "holds text, which is no tensor of numbers" : $"has the element type {tensor.DataType}, which is not supported");
        var dimensions = tensor.Dims.ToImmutableArray();
        var count = Count(dimensions, name);
        var wanted = isNarrow ? NarrowNumbers.Length(type, count) : count * type.Size();
        var bytes = tensor.DataLocation == TensorProto.Types.DataLocation.External ? External(tensor, name, wanted)
            : tensor.HasRawData && (tensor.RawData.Length > 0 || wanted == 0) ? mapped is not null && mapped.TryRead(tensor.RawData, out var left) ? left.Value : tensor.RawData.Memory
            : Fields(tensor, type);
        if (bytes.Length != wanted)
            throw Error(name, $"has {bytes.Length} bytes where its shape [{string.Join(", ", dimensions)}] of {type} needs {wanted}");
        return isNarrow ? NarrowNumbers.Read(type, dimensions, count, bytes.Span) : new TensorData(type, dimensions, bytes);
    }

    /// <summary>The number of elements of a shape.</summary>
    /// <exception cref="ModelFormatException">An extent is negative, or there are more elements than any file holds.</exception>
    public long Count(IReadOnlyCollection<long> dimensions, string name)
    {
        long count = 1;
        foreach (var dimension in dimensions)
        {
            if (dimension < 0 || (dimension > 0 && count > long.MaxValue / dimension / 16))
                throw Error(name, $"has the impossible shape [{string.Join(", ", dimensions)}]");
            count *= dimension;
        }
        return count;
    }

    private static ReadOnlyMemory<byte> Fields(TensorProto tensor, ElementType type)
    {
        return type switch
        {
            ElementType.Float or ElementType.Complex64 => Bytes([.. tensor.FloatData]),
            ElementType.Double or ElementType.Complex128 => Bytes([.. tensor.DoubleData]),
            ElementType.Int64 => Bytes([.. tensor.Int64Data]),
            ElementType.Int32 => Bytes([.. tensor.Int32Data]),
            ElementType.UInt64 => Bytes([.. tensor.Uint64Data]),
            ElementType.UInt32 => Bytes(tensor.Uint64Data.Select(v => unchecked((uint)v)).ToArray()),
            ElementType.Int16 or ElementType.UInt16 or ElementType.Float16 or ElementType.BFloat16 =>
                Bytes(tensor.Int32Data.Select(v => unchecked((ushort)v)).ToArray()),
            _ => Bytes(tensor.Int32Data.Select(v => unchecked((byte)v)).ToArray()),
        };

        static byte[] Bytes<T>(T[] values) where T : unmanaged => MemoryMarshal.AsBytes(values.AsSpan()).ToArray();
    }

    private ReadOnlyMemory<byte> External(TensorProto tensor, string name, long wanted)
    {
        if (folder is null)
            throw Error(name, "lies in a file of its own, which a model in memory cannot have");
        var entries = tensor.ExternalData.GroupBy(e => e.Key, StringComparer.Ordinal).ToDictionary(g => g.Key, g => g.Last().Value, StringComparer.Ordinal);
        var location = entries.GetValueOrDefault("location") ?? throw Error(name, "lies in a file of its own, but which one is not said");
        var offset = Number("offset", 0);
        var length = Number("length", wanted);
        if (length != wanted)
            throw Error(name, $"has {length} bytes in '{location}' where its shape needs {wanted}");
        if (!files.TryGetValue(location, out var file))
            files.Add(location, file = MappedFile.Open(Resolve(location, name)));
        if (length > int.MaxValue)
            throw Error(name, $"has {length} bytes; one tensor may have 2 GiB at most, so split it before the export");
        if (offset < 0 || offset > file.Length - length)
            throw Error(name, $"lies at {offset} + {length} bytes in '{location}', which has {file.Length}: the file is cut short");
        return file.Slice(offset, (int)length);

        long Number(string key, long otherwise) => !entries.TryGetValue(key, out var text) ? otherwise
            : long.TryParse(text, NumberStyles.None, CultureInfo.InvariantCulture, out var number) ? number
            : throw Error(name, $"gives '{text}' as its {key} in '{location}'");
    }

    // A hostile model could name any file of the machine: only plain files inside the model's folder are opened.
    private string Resolve(string location, string name)
    {
        var root = Path.GetFullPath(folder!);
        if (location.Length == 0 || Path.IsPathRooted(location) || location.Contains('\0') || location.Split('/', '\\').Contains(".."))
            throw Error(name, $"names the file '{location}', which is not inside the model's folder");
        var path = Path.GetFullPath(Path.Combine(root, location.Replace('\\', Path.DirectorySeparatorChar)));
        if (!path.StartsWith(root.TrimEnd(Path.DirectorySeparatorChar) + Path.DirectorySeparatorChar, StringComparison.Ordinal))
            throw Error(name, $"names the file '{location}', which is not inside the model's folder");
        for (var part = path; part.Length > root.Length; part = Path.GetDirectoryName(part)!)
            if (new FileInfo(part).LinkTarget is not null)
                throw Error(name, $"names the file '{location}', which is a link; links are not followed");
        if (!File.Exists(path))
            throw Error(name, $"lies in the file '{location}', which is missing; copy it beside the model");
        return path;
    }

    private ModelFormatException Error(string name, string what) => new($"In '{model}' the tensor '{name}' {what}.");
}
