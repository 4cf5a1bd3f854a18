using Google.Protobuf;
using OnnxPriors.Graphs;
using OnnxPriors.Onnx.Protobuf;

namespace OnnxPriors.Onnx;

/// <summary>
/// A file of 16-bit floats with its types widened to float32 and nothing else changed: the reference that an import of such a file is
/// measured against.
/// </summary>
public static class HalfWidening
{
    /// <summary>Whether any tensor, input or cast of a model is float16 or bfloat16.</summary>
    /// <param name="model">A model as read.</param>
    public static bool HasHalf(Model model)
    {
        ArgumentNullException.ThrowIfNull(model);
        return model.Graph.Inputs.Concat(model.Graph.Outputs).Concat(model.Graph.Initializers).Any(v => IsHalf((int)v.Type))
            || model.Graph.Nodes.Any(n => n.Op == "Cast" && IsHalf((int)n.Attributes.Int("to")));
    }

    /// <summary>The bytes of a model file with every 16-bit float type replaced by float32.</summary>
    /// <param name="path">The file; its tensors must be inside it.</param>
    /// <exception cref="ModelFormatException">The file is no ONNX model.</exception>
    public static byte[] Widen(string path)
    {
        using var stream = File.OpenRead(path);
        var model = OnnxFile.Parse(stream, path);
        var reader = new TensorReader(path, Path.GetDirectoryName(Path.GetFullPath(path)));
        Widen(model.Graph, reader);
        foreach (var node in model.Functions.SelectMany(f => f.Node))
            Widen(node, reader);
        return model.ToByteArray();
    }

    private static bool IsHalf(int type) => (ElementType)type is ElementType.Float16 or ElementType.BFloat16;

    private static void Widen(GraphProto graph, TensorReader reader)
    {
        foreach (var tensor in graph.Initializer)
            Widen(tensor, reader);
        foreach (var info in graph.Input.Concat(graph.Output).Concat(graph.ValueInfo))
            if (info.Type?.TensorType is { } type && IsHalf(type.ElemType))
                type.ElemType = (int)ElementType.Float;
        foreach (var node in graph.Node)
            Widen(node, reader);
    }

    private static void Widen(NodeProto node, TensorReader reader)
    {
        foreach (var attribute in node.Attribute)
        {
            if (attribute.Name is "to" or "dtype" && IsHalf((int)attribute.I))
                attribute.I = (int)ElementType.Float;
            if (attribute.T is not null)
                Widen(attribute.T, reader);
            if (attribute.G is not null)
                Widen(attribute.G, reader);
            foreach (var graph in attribute.Graphs)
                Widen(graph, reader);
        }
    }

    private static void Widen(TensorProto tensor, TensorReader reader)
    {
        if (!IsHalf(tensor.DataType))
            return;
        var wide = reader.Read(tensor, tensor.Name).ConvertTo(ElementType.Float);
        tensor.DataType = (int)ElementType.Float;
        tensor.Int32Data.Clear();
        tensor.ExternalData.Clear();
        tensor.DataLocation = TensorProto.Types.DataLocation.Default;
        tensor.RawData = ByteString.CopyFrom(wide.Bytes.Span);
    }
}
