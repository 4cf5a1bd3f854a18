using System.Collections.Immutable;
using System.Security.Cryptography;
using Google.Protobuf;
using OnnxPriors.Graphs;
using OnnxPriors.Onnx.Protobuf;

namespace OnnxPriors.Onnx;

/// <summary>Reads and writes ONNX files (ONNX IR specification), with tensors inside them or in files beside them.</summary>
public static class OnnxFile
{
    // Protobuf's own limit for one message.
    private const long MaxBytes = int.MaxValue;

    private const int MaxNesting = 64;

    // Tensors of this much in all go to a file of their own.
    private const long ExternalBytes = 1_500_000_000;

    // Larger files keep their tensors on the disk until they are read.
    private const long MappedBytes = 32 << 20;

    /// <summary>Reads a model.</summary>
    /// <param name="path">The file. Tensors it keeps outside are looked for in its folder and nowhere else.</param>
    /// <exception cref="ModelFormatException">The file is missing, no ONNX model, cut short, or contradicts itself.</exception>
    public static Model Load(string path)
    {
        ArgumentException.ThrowIfNullOrEmpty(path);
        if (!File.Exists(path))
            throw new ModelFormatException(Directory.Exists(path) ? $"'{path}' is a folder; give an .onnx file." : $"There is no file '{path}'.");
        using var stream = File.OpenRead(path);
        if (stream.Length > MaxBytes)
            throw new ModelFormatException($"'{path}' has {stream.Length} bytes; an ONNX file has at most {MaxBytes}. Save the model with external data.");
        var hash = Convert.ToHexStringLower(SHA256.HashData(stream));
        stream.Position = 0;
        var folder = Path.GetDirectoryName(Path.GetFullPath(path))!;
        if (stream.Length >= MappedBytes && MappedTensors.Find(path) is { } mapped)
        {
            using var skeleton = new MemoryStream(mapped.Skeleton, writable: false);
            return Read(Parse(skeleton, path), path, folder, mapped) with { Sha256 = hash };
        }
        return Read(Parse(stream, path), path, folder) with { Sha256 = hash };
    }

    /// <summary>Reads a model from memory; it may not have external data.</summary>
    /// <param name="bytes">The file's contents.</param>
    /// <param name="name">What messages call it.</param>
    /// <exception cref="ModelFormatException">The bytes are no ONNX model, cut short, or contradict themselves.</exception>
    public static Model Load(ReadOnlyMemory<byte> bytes, string name = "model")
    {
        using var stream = new MemoryStream(bytes.ToArray(), writable: false);
        return Read(Parse(stream, name), name, folder: null) with { Sha256 = Convert.ToHexStringLower(SHA256.HashData(bytes.Span)) };
    }

    /// <summary>Writes a model; the file appears whole or not at all.</summary>
    /// <param name="model">The model.</param>
    /// <param name="path">The file.</param>
    /// <param name="externalData">Whether tensors go to a file <c>NAME.data</c> beside it; by default only where they pass 1.5 GB.</param>
    /// <exception cref="IOException">The file cannot be written.</exception>
    public static void Save(Model model, string path, bool? externalData = null)
    {
        ArgumentNullException.ThrowIfNull(model);
        ArgumentException.ThrowIfNullOrEmpty(path);
        if (externalData ?? TensorBytes(model) > ExternalBytes)
        {
            using var data = AtomicFile.Create(path + ".data");
            var external = new ExternalDataWriter(Path.GetFileName(path) + ".data", data.Stream);
            using var file = AtomicFile.Create(path);
            Write(model, external, null).WriteTo(file.Stream);
            data.Commit();
            file.Commit();
        }
        else
        {
            using var file = AtomicFile.Create(path);
            var large = new List<(TensorProto, TensorData)>();
            StreamedModel.Write(Write(model, null, large), large, file.Stream);
            file.Commit();
        }
    }

    /// <summary>The bytes of a model's tensors.</summary>
    /// <param name="model">The model.</param>
    internal static long TensorBytes(Model model) => model.Graph.Initializers.Sum(v => v.Data?.Length ?? 0);

    /// <summary>Writes a model whose tensors go to a file that it may share with others.</summary>
    /// <param name="model">The model.</param>
    /// <param name="path">The file.</param>
    /// <param name="external">The file beside it.</param>
    internal static void Save(Model model, string path, ExternalDataWriter external)
    {
        using var file = AtomicFile.Create(path);
        Write(model, external, null).WriteTo(file.Stream);
        file.Commit();
    }

    /// <summary>A model as the bytes of a file.</summary>
    /// <param name="model">The model.</param>
    public static byte[] ToBytes(Model model)
    {
        ArgumentNullException.ThrowIfNull(model);
        return Write(model, null, null).ToByteArray();
    }

    internal static ModelProto Parse(Stream stream, string name)
    {
        ModelProto proto;
        try
        {
            using var input = CodedInputStream.CreateWithLimits(stream, int.MaxValue, MaxNesting);
            proto = ModelProto.Parser.ParseFrom(input);
        }
        catch (InvalidProtocolBufferException e)
        {
            throw new ModelFormatException($"'{name}' is not an ONNX model, or is cut short ({e.Message.TrimEnd('.')}). Export or copy it again.", e);
        }
        if (proto.Graph is null || (proto.Graph.Node.Count == 0 && proto.Graph.Output.Count == 0))
            throw new ModelFormatException($"'{name}' is not an ONNX model: it holds no graph. Export or copy it again.");
        if (proto.OpsetImport.Count == 0)
            throw new ModelFormatException($"'{name}' does not say which opset it uses, so its operators cannot be told.");
        return proto;
    }

    private static Model Read(ModelProto proto, string name, string? folder, MappedTensors? mapped = null)
    {
        var opsets = ImmutableSortedDictionary.CreateBuilder<string, long>(StringComparer.Ordinal);
        foreach (var import in proto.OpsetImport)
            opsets[GraphReader.Domain(import.Domain)] = import.Version;
        if (proto.Functions.Count > 0)
        {
            proto.Graph = FunctionInlining.Inline(proto, name);
            // A model that calls nothing but its own functions may leave the opset of their bodies to them.
            foreach (var import in proto.Functions.SelectMany(f => f.OpsetImport))
                opsets.TryAdd(GraphReader.Domain(import.Domain), import.Version);
        }
        var graph = new GraphReader(name, new TensorReader(name, folder, mapped)).Read(proto.Graph);
        return new Model(graph, opsets.ToImmutable())
        {
            IrVersion = proto.IrVersion,
            Producer = proto.ProducerName,
            ProducerVersion = proto.ProducerVersion,
            Metadata = proto.MetadataProps.GroupBy(p => p.Key, StringComparer.Ordinal)
                .ToImmutableSortedDictionary(g => g.Key, g => g.Last().Value, StringComparer.Ordinal),
        };
    }

    private static ModelProto Write(Model model, ExternalDataWriter? external, List<(TensorProto, TensorData)>? deferred)
    {
        var proto = new ModelProto
        {
            IrVersion = model.IrVersion,
            ProducerName = model.Producer,
            ProducerVersion = model.ProducerVersion,
            Graph = GraphWriter.Write(model.Graph, external, deferred: deferred),
        };
        proto.OpsetImport.Add(model.Opsets.Select(o => new OperatorSetIdProto { Domain = o.Key, Version = o.Value }));
        proto.MetadataProps.Add(model.Metadata.Select(m => new StringStringEntryProto { Key = m.Key, Value = m.Value }));
        return proto;
    }
}
