using System.Collections.Immutable;
using System.Text;
using OnnxPriors.Graphs;
using OnnxPriors.Onnx.Protobuf;

namespace OnnxPriors.Onnx;

/// <summary>
/// Turns a graph message into a <see cref="Graph"/>: nodes in a valid order whatever the file's, initializers and Constant nodes as
/// values, the domain <c>ai.onnx</c> as the empty one.
/// </summary>
/// <param name="model">What messages call the model.</param>
/// <param name="tensors">Reads the tensors.</param>
/// <param name="outer">The reader of the graph around this one, whose values it may read by name.</param>
internal sealed class GraphReader(string model, TensorReader tensors, GraphReader? outer = null)
{
    private readonly Dictionary<string, Value> values = new(StringComparer.Ordinal);
    private readonly Dictionary<string, ValueInfoProto> stated = new(StringComparer.Ordinal);

    /// <summary>A domain's one name: the standard one is empty.</summary>
    public static string Domain(string domain) => domain == "ai.onnx" ? "" : domain;

    public Graph Read(GraphProto graph)
    {
        foreach (var info in graph.ValueInfo.Concat(graph.Output))
            stated[info.Name] = info;
        var own = new HashSet<string>(StringComparer.Ordinal);
        foreach (var tensor in graph.Initializer)
        {
            // Of two with one name the later counts, as ONNX Runtime has it.
            own.Add(tensor.Name);
            values[tensor.Name] = tensor.DataType == (int)ElementType.String ? Text(tensor.Name) : Leaf(tensor.Name, tensors.Read(tensor, tensor.Name), isLiteral: false);
        }
        foreach (var sparse in graph.SparseInitializer)
        {
            var name = sparse.Values?.Name ?? "";
            own.Add(name);
            values[name] = Leaf(name, SparseTensors.Read(sparse, tensors, model, name), isLiteral: false);
        }
        // Files of IR version 3 and older repeat their initializers among the inputs.
        var inputs = ImmutableArray.CreateBuilder<Value>();
        foreach (var input in graph.Input)
        {
            if (own.Contains(input.Name))
                continue;
            var value = new Value(input.Name, ValueKind.Input, TypeOf(input), ShapeOf(input)) { NotTensor = KindOf(input) };
            values[input.Name] = value;
            inputs.Add(value);
        }
        var nodes = Order(graph).Select(Read).OfType<Node>().ToImmutableArray();
        var outputs = graph.Output.Select(o => Find(o.Name)
            ?? throw new ModelFormatException($"'{model}' has the output '{o.Name}', which nothing computes.")).ToImmutableArray();
        return new Graph(graph.Name, inputs.ToImmutable(), outputs, nodes);
    }

    /// <summary>What a file says of a value's type; undefined where it says nothing or it is no tensor.</summary>
    private static ElementType TypeOf(ValueInfoProto info) => (ElementType)(info.Type?.TensorType?.ElemType ?? 0);

    private static string? KindOf(ValueInfoProto info) => info.Type?.ValueCase switch
    {
        TypeProto.ValueOneofCase.SequenceType => Value.Sequence,
        TypeProto.ValueOneofCase.OptionalType => "an optional value",
        TypeProto.ValueOneofCase.MapType => "a map",
        TypeProto.ValueOneofCase.SparseTensorType => "a sparse tensor",
        _ => info.Type?.TensorType?.ElemType == (int)ElementType.String ? Value.Text : null,
    };

    /// <summary>The value of a name in this graph or those around it.</summary>
    private Value? Find(string name)
    {
        for (var reader = this; reader is not null; reader = reader.Outer)
            if (reader.values.TryGetValue(name, out var value))
                return value;
        return null;
    }

    private GraphReader? Outer => outer;

    private static Shape? ShapeOf(ValueInfoProto info) => info.Type?.TensorType?.Shape is not { } shape ? null : new(
    [
        .. shape.Dim.Select(d => d.ValueCase switch
        {
            TensorShapeProto.Types.Dimension.ValueOneofCase.DimValue => d.DimValue >= 0 ? d.DimValue : Dimension.Unknown,
            TensorShapeProto.Types.Dimension.ValueOneofCase.DimParam => Dimension.Symbolic(d.DimParam),
            _ => Dimension.Unknown,
        }),
    ]);

    private static Value Leaf(string name, TensorData data, bool isLiteral) => data.Type.IsFloating()
        ? new Value(name, ValueKind.Parameter, data.Type, data.Shape, data) { IsLiteral = isLiteral }
        : new Value(name, ValueKind.Constant, data.Type, data.Shape, data);

    // Text is read over: no graph of numbers can use it, but exporters leave labels behind that no output needs.
    private static Value Text(string name) => new(name, ValueKind.Input, ElementType.String, null) { NotTensor = Value.Text };

    private List<NodeProto> Order(GraphProto graph)
    {
        var producers = new Dictionary<string, NodeProto>(StringComparer.Ordinal);
        foreach (var node in graph.Node)
            foreach (var output in node.Output)
                if (output.Length > 0 && !producers.TryAdd(output, node))
                    throw new ModelFormatException($"'{model}' computes '{output}' twice.");
        var ordered = new List<NodeProto>(graph.Node.Count);
        // False while the node's inputs are being placed, true once it is placed.
        var state = new Dictionary<NodeProto, bool>(ReferenceEqualityComparer.Instance);
        var pending = new Stack<(NodeProto Node, bool InputsPlaced)>();
        foreach (var root in graph.Node)
        {
            pending.Push((root, false));
            while (pending.TryPop(out var step))
            {
                var (node, inputsPlaced) = step;
                if (inputsPlaced)
                {
                    state[node] = true;
                    ordered.Add(node);
                    continue;
                }
                // A node that several wait for is pushed by each; the first to come up places it.
                if (!state.TryAdd(node, false))
                    continue;
                pending.Push((node, true));
                foreach (var name in Reads(node).Reverse())
                    if (producers.TryGetValue(name, out var producer))
                    {
                        if (!state.TryGetValue(producer, out var placed))
                            pending.Push((producer, false));
                        else if (!placed)
                            throw new ModelFormatException($"'{model}' has a circle through {producer.OpType} node '{NodeName(producer)}'.");
                    }
            }
        }
        return ordered;
    }

    // What a node reads, subgraphs included.
    private static IEnumerable<string> Reads(NodeProto node) => node.Input.Where(i => i.Length > 0)
        .Concat(node.Attribute.SelectMany(a => (a.G is null ? a.Graphs : a.Graphs.Append(a.G)).SelectMany(ReadsOfGraph)));

    private static IEnumerable<string> ReadsOfGraph(GraphProto graph)
    {
        var own = graph.Node.SelectMany(n => n.Output).Concat(graph.Input.Select(i => i.Name)).Concat(graph.Initializer.Select(i => i.Name)).ToHashSet(StringComparer.Ordinal);
        return graph.Node.SelectMany(Reads).Concat(graph.Output.Select(o => o.Name)).Where(n => !own.Contains(n));
    }

    private Node? Read(NodeProto node)
    {
        var domain = Domain(node.Domain);
        if (domain.Length == 0 && node.OpType == "Constant")
        {
            if (node.Output.Count != 1)
                throw new ModelFormatException($"In '{model}' a Constant node has {node.Output.Count} outputs.");
            values[node.Output[0]] = node.Attribute.Any(a => a.Name is "value_string" or "value_strings" || a.T?.DataType == (int)ElementType.String) ? Text(node.Output[0])
                : Leaf(node.Output[0], ConstantOf(node), isLiteral: true);
            return null;
        }
        var inputs = node.Input.Select(name => name.Length == 0 ? null : Find(name)
            ?? throw new ModelFormatException($"In '{model}' {node.OpType} node '{NodeName(node)}' reads '{name}', which nothing defines.")).ToImmutableArray();
        var attributes = node.Attribute.Aggregate(Attributes.None, (all, a) => all.With(a.Name, Convert(a, node)));
        var outputs = node.Output.Select(name => name.Length == 0 ? null : new Value(
            name,
            ValueKind.Computed,
            stated.TryGetValue(name, out var info) ? TypeOf(info) : ElementType.Undefined,
            info is null ? null : ShapeOf(info))).ToImmutableArray();
        foreach (var output in outputs)
            if (output is not null)
                values[output.Name] = output;
        return new Node(node.OpType, domain, node.Name, inputs, outputs, attributes);
    }

    private static string NodeName(NodeProto node) => node.Name.Length > 0 ? node.Name : node.Output.FirstOrDefault() ?? "?";

    private TensorData ConstantOf(NodeProto node)
    {
        var attribute = node.Attribute.FirstOrDefault(a => a.Name.StartsWith("value", StringComparison.Ordinal) || a.Name == "sparse_value");
        return attribute?.Name switch
        {
            "value" when attribute.T is not null => tensors.Read(attribute.T, NodeName(node)),
            "sparse_value" when attribute.SparseTensor is not null => SparseTensors.Read(attribute.SparseTensor, tensors, model, NodeName(node)),
            "value_float" => TensorData.Of([attribute.F], []),
            "value_floats" => TensorData.Of([.. attribute.Floats], attribute.Floats.Count),
            "value_int" => TensorData.Of([attribute.I], []),
            "value_ints" => TensorData.Of([.. attribute.Ints], attribute.Ints.Count),
            _ => throw new ModelFormatException($"In '{model}' Constant node '{NodeName(node)}' holds no tensor of numbers."),
        };
    }

    private object? Convert(AttributeProto attribute, NodeProto node)
    {
        var type = attribute.Type;
        // Old files leave the type out.
        if (type == AttributeProto.Types.AttributeType.Undefined)
            type = attribute.HasF ? AttributeProto.Types.AttributeType.Float
                : attribute.HasI ? AttributeProto.Types.AttributeType.Int
                : attribute.HasS ? AttributeProto.Types.AttributeType.String
                : attribute.T is not null ? AttributeProto.Types.AttributeType.Tensor
                : attribute.G is not null ? AttributeProto.Types.AttributeType.Graph
                : attribute.Floats.Count > 0 ? AttributeProto.Types.AttributeType.Floats
                : attribute.Strings.Count > 0 ? AttributeProto.Types.AttributeType.Strings
                : AttributeProto.Types.AttributeType.Ints;
        return type switch
        {
            AttributeProto.Types.AttributeType.Float => attribute.F,
            AttributeProto.Types.AttributeType.Int => attribute.I,
            AttributeProto.Types.AttributeType.String => Encoding.UTF8.GetString(attribute.S.Span),
            AttributeProto.Types.AttributeType.Tensor => tensors.Read(attribute.T ?? new TensorProto(), $"{NodeName(node)}.{attribute.Name}"),
            AttributeProto.Types.AttributeType.Graph => new GraphReader(model, tensors, this).Read(attribute.G ?? new GraphProto()),
            AttributeProto.Types.AttributeType.Floats => attribute.Floats.ToImmutableArray(),
            AttributeProto.Types.AttributeType.Ints => attribute.Ints.ToImmutableArray(),
            AttributeProto.Types.AttributeType.Strings => attribute.Strings.Select(s => Encoding.UTF8.GetString(s.Span)).ToImmutableArray(),
            AttributeProto.Types.AttributeType.Graphs => attribute.Graphs.Select(g => new GraphReader(model, tensors, this).Read(g)).ToImmutableArray(),
            AttributeProto.Types.AttributeType.SparseTensor => SparseTensors.Read(attribute.SparseTensor ?? new SparseTensorProto(), tensors, model, $"{NodeName(node)}.{attribute.Name}"),
            AttributeProto.Types.AttributeType.Tensors => attribute.Tensors.Select(t => tensors.Read(t, $"{NodeName(node)}.{attribute.Name}")).ToImmutableArray(),
            // A type says what shape inference finds anyway.
            AttributeProto.Types.AttributeType.TypeProto or AttributeProto.Types.AttributeType.TypeProtos => null,
            _ => throw new ModelFormatException($"In '{model}' {node.OpType} node '{NodeName(node)}' has the attribute '{attribute.Name}' of type {attribute.Type}, which is not supported."),
        };
    }
}
