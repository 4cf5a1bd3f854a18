using Google.Protobuf;
using OnnxPriors.Graphs;
using OnnxPriors.Onnx.Protobuf;

namespace OnnxPriors.Onnx;

/// <summary>
/// Writes a model message whose large initializers go to the stream one after the other, so that no two of them need be in memory at
/// once. The bytes are those of an ordinary message: the graph's last fields are its large initializers, and their last field is their contents.
/// </summary>
internal static class StreamedModel
{
    /// <summary>Smaller tensors are part of the message.</summary>
    public const int MinBytes = 1 << 20;

    public static void Write(ModelProto model, IReadOnlyList<(TensorProto Header, TensorData Data)> tensors, Stream stream)
    {
        var graph = model.Graph;
        model.Graph = null;
        using var output = new CodedOutputStream(stream, leaveOpen: true);
        model.WriteTo(output);
        model.Graph = graph;
        output.WriteTag(ModelProto.GraphFieldNumber, WireFormat.WireType.LengthDelimited);
        output.WriteUInt64((ulong)(graph.CalculateSize() + tensors.Sum(t => Field(Size(t.Header, t.Data)))));
        graph.WriteTo(output);
        foreach (var (header, data) in tensors)
        {
            output.WriteTag(GraphProto.InitializerFieldNumber, WireFormat.WireType.LengthDelimited);
            output.WriteUInt64((ulong)Size(header, data));
            header.WriteTo(output);
            output.WriteTag(TensorProto.RawDataFieldNumber, WireFormat.WireType.LengthDelimited);
            output.WriteUInt64((ulong)data.Length);
            output.Flush();
            data.WriteTo(stream);
        }
    }

    private static long Size(TensorProto header, TensorData data) => header.CalculateSize() + Field(data.Length);

    // A tag of these fields has one byte.
    private static long Field(long length) => 1 + CodedOutputStream.ComputeUInt64Size((ulong)length) + length;
}
