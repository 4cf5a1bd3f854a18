using System.Collections.Immutable;
using System.Globalization;
using Google.Protobuf;
using OnnxPriors.Graphs;
using OnnxPriors.Onnx.Protobuf;

namespace OnnxPriors.Onnx;

/// <summary>Turns a <see cref="Graph"/> into a graph message.</summary>
internal static class GraphWriter
{
    /// <summary>Writes a graph.</summary>
    /// <param name="graph">The graph.</param>
    /// <param name="external">Takes large tensors; null keeps them in the message.</param>
    /// <param name="outer">What the graphs around it define.</param>
    /// <param name="deferred">Takes large initializers with their messages but for the bytes, which the message then lacks.</param>
    public static GraphProto Write(Graph graph, ExternalDataWriter? external, IReadOnlySet<Value>? outer = null, List<(TensorProto, TensorData)>? deferred = null)
    {
        var defined = new HashSet<Value>(outer ?? ImmutableHashSet<Value>.Empty);
        var proto = new GraphProto { Name = graph.Name.Length > 0 ? graph.Name : "graph" };
        proto.Input.Add(graph.Inputs.Select(Info));
        proto.Output.Add(graph.Outputs.Select(Info));
        foreach (var value in graph.Initializers)
            if (defined.Add(value))
            {
                if (outer is null && deferred is not null && value.Data!.Length >= StreamedModel.MinBytes)
                    deferred.Add((Header(value.Data, value.Name), value.Data));
                else
                    proto.Initializer.Add(Tensor(value.Data!, value.Name, external));
            }
        foreach (var node in graph.Nodes)
            proto.Node.Add(Write(node, external, defined));
        return proto;
    }

    private static NodeProto Write(Node node, ExternalDataWriter? external, IReadOnlySet<Value> defined)
    {
        var proto = new NodeProto { Name = node.Name, OpType = node.Op, Domain = node.Domain };
        // Trailing optional inputs and outputs that are left out are not written at all.
        proto.Input.Add(node.Inputs.Take(LastPresent(node.Inputs) + 1).Select(i => i?.Name ?? ""));
        proto.Output.Add(node.Outputs.Take(LastPresent(node.Outputs) + 1).Select(o => o?.Name ?? ""));
        foreach (var (name, value) in node.Attributes)
            proto.Attribute.Add(Attribute(name, value, external, defined));
        return proto;
    }

    private static int LastPresent(ImmutableArray<Value?> values)
    {
        var last = values.Length - 1;
        while (last >= 0 && values[last] is null)
            last--;
        return last;
    }

    private static AttributeProto Attribute(string name, object value, ExternalDataWriter? external, IReadOnlySet<Value> defined)
    {
        var proto = new AttributeProto { Name = name };
        switch (value)
        {
            case long number:
                (proto.I, proto.Type) = (number, AttributeProto.Types.AttributeType.Int);
                break;
            case float number:
                (proto.F, proto.Type) = (number, AttributeProto.Types.AttributeType.Float);
                break;
            case string text:
                (proto.S, proto.Type) = (ByteString.CopyFromUtf8(text), AttributeProto.Types.AttributeType.String);
                break;
            case TensorData tensor:
                (proto.T, proto.Type) = (Tensor(tensor, "", null), AttributeProto.Types.AttributeType.Tensor);
                break;
            case Graph graph:
                (proto.G, proto.Type) = (Write(graph, external, defined), AttributeProto.Types.AttributeType.Graph);
                break;
            case ImmutableArray<long> numbers:
                proto.Type = AttributeProto.Types.AttributeType.Ints;
                proto.Ints.Add(numbers);
                break;
            case ImmutableArray<float> numbers:
                proto.Type = AttributeProto.Types.AttributeType.Floats;
                proto.Floats.Add(numbers);
                break;
            case ImmutableArray<string> texts:
                proto.Type = AttributeProto.Types.AttributeType.Strings;
                proto.Strings.Add(texts.Select(ByteString.CopyFromUtf8));
                break;
            case ImmutableArray<TensorData> tensors:
                proto.Type = AttributeProto.Types.AttributeType.Tensors;
                proto.Tensors.Add(tensors.Select(t => Tensor(t, "", null)));
                break;
            case ImmutableArray<Graph> graphs:
                proto.Type = AttributeProto.Types.AttributeType.Graphs;
                proto.Graphs.Add(graphs.Select(g => Write(g, external, defined)));
                break;
            default:
                throw new InvalidOperationException($"Attribute '{name}' holds a {value.GetType().Name}, which no file can.");
        }
        return proto;
    }

    private static TensorProto Header(TensorData data, string name)
    {
        var proto = new TensorProto { Name = name, DataType = (int)data.Type };
        proto.Dims.Add(data.Dimensions);
        return proto;
    }

    /// <summary>A tensor as a message; large ones go to a file beside it where one is given.</summary>
    public static TensorProto Tensor(TensorData data, string name, ExternalDataWriter? external)
    {
        var proto = Header(data, name);
        if (external is not null && data.Length >= ExternalDataWriter.MinBytes)
        {
            proto.DataLocation = TensorProto.Types.DataLocation.External;
            var offset = external.Append(data);
            proto.ExternalData.Add(new StringStringEntryProto { Key = "location", Value = external.Location });
            proto.ExternalData.Add(new StringStringEntryProto { Key = "offset", Value = offset.ToString(CultureInfo.InvariantCulture) });
            proto.ExternalData.Add(new StringStringEntryProto { Key = "length", Value = data.Length.ToString(CultureInfo.InvariantCulture) });
        }
        else
        {
            // The tensor's bytes never change, so the message may share them.
            proto.RawData = UnsafeByteOperations.UnsafeWrap(data.Bytes);
        }
        return proto;
    }

    private static ValueInfoProto Info(Value value)
    {
        // Readers work the type out where the file does not say it.
        if (value.Type == ElementType.Undefined)
            return new ValueInfoProto { Name = value.Name };
        if (value.NotTensor == Value.Sequence)
            return new ValueInfoProto { Name = value.Name, Type = new TypeProto { SequenceType = new() { ElemType = new TypeProto { TensorType = new() { ElemType = (int)value.Type } } } } };
        var type = new TypeProto.Types.Tensor { ElemType = (int)value.Type };
        if (value.Shape is { } shape)
        {
            type.Shape = new TensorShapeProto();
            foreach (var dimension in shape)
            {
                var proto = new TensorShapeProto.Types.Dimension();
                if (dimension.Value is { } number)
                    proto.DimValue = number;
                else if (dimension.IsKnown)
                    proto.DimParam = dimension.ToString();
                type.Shape.Dim.Add(proto);
            }
        }
        return new ValueInfoProto { Name = value.Name, Type = new TypeProto { TensorType = type } };
    }
}

/// <summary>Appends tensors to a file beside the model, each at a multiple of 4,096 bytes so that it can be mapped.</summary>
/// <param name="location">The file's name as the model states it.</param>
/// <param name="stream">The file.</param>
internal sealed class ExternalDataWriter(string location, Stream stream)
{
    /// <summary>Smaller tensors stay in the model.</summary>
    public const int MinBytes = 1024;

    private const int Alignment = 4096;

    // Two models may share a file, and tensors in it.
    private readonly Dictionary<TensorData, long> written = new(ReferenceEqualityComparer.Instance);

    public string Location => location;

    public long Append(TensorData data)
    {
        if (written.TryGetValue(data, out var known))
            return known;
        var gap = (int)(-stream.Position & (Alignment - 1));
        stream.Write(new byte[gap]);
        var offset = stream.Position;
        data.WriteTo(stream);
        written.Add(data, offset);
        return offset;
    }
}
