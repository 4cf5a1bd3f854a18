using System.Buffers.Binary;
using System.Diagnostics.CodeAnalysis;
using System.Security.Cryptography;
using Google.Protobuf;
using OnnxPriors.Onnx.Protobuf;

namespace OnnxPriors.Onnx;

/// <summary>
/// The large tensors inside a model file, left where they lie: the file is seen as memory, and what is parsed is its skeleton, in which
/// a large tensor's bytes are a mark that leads back to their place. So weights are paged in when they are read and never copied.
/// </summary>
internal sealed class MappedTensors
{
    // Smaller ones are parsed as they are.
    private const int MinBytes = 1 << 16;

    // Messages inside messages: graphs in attributes of nodes of graphs.
    private const int MaxDepth = 64;

    private readonly MappedFile file;
    private readonly List<(long Offset, int Length)> places = [];

    // Drawn anew for each file, so that no file can hold a mark of its own.
    private readonly byte[] nonce = RandomNumberGenerator.GetBytes(16);

    private MappedTensors(MappedFile file) => this.file = file;

    /// <summary>The file's message with a mark in the place of each large tensor's bytes.</summary>
    public byte[] Skeleton { get; private set; } = [];

    private enum Kind
    {
        Other,
        Model,
        Graph,
        Node,
        Attribute,
        Tensor,
        Function,
    }

    /// <summary>Finds the large tensors of a file; null where the file is no sound message, which parsing it then says better.</summary>
    public static MappedTensors? Find(string path)
    {
        var file = MappedFile.Open(path);
        if (file.Length > int.MaxValue)
            return null;
        var found = new MappedTensors(file);
        using var skeleton = new MemoryStream();
        if (!found.Copy(file.Slice(0, (int)file.Length).Span, 0, Kind.Model, skeleton, 0))
            return null;
        found.Skeleton = skeleton.ToArray();
        return found;
    }

    /// <summary>The bytes that a mark stands for.</summary>
    public bool TryRead(ByteString raw, [NotNullWhen(true)] out ReadOnlyMemory<byte>? bytes)
    {
        bytes = null;
        if (raw.Length != nonce.Length + sizeof(int) || !raw.Span.StartsWith(nonce))
            return false;
        var (offset, length) = places[BinaryPrimitives.ReadInt32LittleEndian(raw.Span[nonce.Length..])];
        bytes = file.Slice(offset, length);
        return true;
    }

    private static Kind Inner(Kind kind, int field) => (kind, field) switch
    {
        (Kind.Model, ModelProto.GraphFieldNumber) or (Kind.Attribute, AttributeProto.GFieldNumber or AttributeProto.GraphsFieldNumber) => Kind.Graph,
        (Kind.Model, ModelProto.FunctionsFieldNumber) => Kind.Function,
        (Kind.Graph, GraphProto.NodeFieldNumber) or (Kind.Function, FunctionProto.NodeFieldNumber) => Kind.Node,
        (Kind.Node, NodeProto.AttributeFieldNumber) => Kind.Attribute,
        (Kind.Graph, GraphProto.InitializerFieldNumber) or (Kind.Attribute, AttributeProto.TFieldNumber or AttributeProto.TensorsFieldNumber) => Kind.Tensor,
        _ => Kind.Other,
    };

    private bool Copy(ReadOnlySpan<byte> message, long start, Kind kind, MemoryStream output, int depth)
    {
        if (depth > MaxDepth)
            return false;
        var at = 0;
        while (at < message.Length)
        {
            var begin = at;
            if (!TryVarint(message, ref at, out var tag))
                return false;
            var wire = (WireFormat.WireType)(tag & 7);
            if (wire != WireFormat.WireType.LengthDelimited)
            {
                var size = wire switch
                {
                    WireFormat.WireType.Varint => TryVarint(message, ref at, out _) ? 0 : -1,
                    WireFormat.WireType.Fixed32 => sizeof(uint),
                    WireFormat.WireType.Fixed64 => sizeof(ulong),
                    _ => -1,
                };
                if (size < 0 || size > message.Length - at)
                    return false;
                at += size;
                output.Write(message[begin..at]);
                continue;
            }
            if (!TryVarint(message, ref at, out var length) || length > (ulong)(message.Length - at))
                return false;
            var payload = message.Slice(at, (int)length);
            var field = (int)(tag >> 3);
            var inner = payload.Length < MinBytes ? Kind.Other : Inner(kind, field);
            if (kind == Kind.Tensor && field == TensorProto.RawDataFieldNumber && payload.Length >= MinBytes)
            {
                Put(output, tag, Mark(start + at, payload.Length));
            }
            else if (inner != Kind.Other)
            {
                using var part = new MemoryStream();
                if (!Copy(payload, start + at, inner, part, depth + 1))
                    return false;
                Put(output, tag, part.GetBuffer().AsSpan(0, (int)part.Length));
            }
            else
            {
                output.Write(message[begin..(at + payload.Length)]);
            }
            at += payload.Length;
        }
        return true;
    }

    private byte[] Mark(long offset, int length)
    {
        byte[] mark = [.. nonce, .. new byte[sizeof(int)]];
        BinaryPrimitives.WriteInt32LittleEndian(mark.AsSpan(nonce.Length), places.Count);
        places.Add((offset, length));
        return mark;
    }

    private static void Put(MemoryStream output, ulong tag, ReadOnlySpan<byte> payload)
    {
        PutVarint(output, tag);
        PutVarint(output, (ulong)payload.Length);
        output.Write(payload);
    }

    private static void PutVarint(MemoryStream output, ulong value)
    {
        for (; value >= 0x80; value >>= 7)
            output.WriteByte((byte)(value | 0x80));
        output.WriteByte((byte)value);
    }

    private static bool TryVarint(ReadOnlySpan<byte> message, ref int at, out ulong value)
    {
        value = 0;
        for (var shift = 0; shift < 64 && at < message.Length; shift += 7)
        {
            var next = message[at++];
            value |= (ulong)(next & 0x7F) << shift;
            if (next < 0x80)
                return true;
        }
        return false;
    }
}
