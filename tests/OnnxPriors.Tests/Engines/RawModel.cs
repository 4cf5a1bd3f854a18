using System.Collections.Immutable;
using OnnxPriors.Graphs;
using OnnxPriors.Onnx;

namespace OnnxPriors.Tests.Engines;

/// <summary>Writes models of any opset node by node, as an exporter would, without the builder's canonical opset.</summary>
internal sealed class RawModel(long opset)
{
    private readonly List<Value> inputs = [];
    private readonly List<Node> nodes = [];
    private readonly Dictionary<string, Value> values = new(StringComparer.Ordinal);

    public RawModel Input(string name, ElementType type, params Dimension[] shape)
    {
        var value = new Value(name, ValueKind.Input, type, new Shape([.. shape]));
        values[name] = value;
        inputs.Add(value);
        return this;
    }

    public RawModel Initializer(string name, TensorData data, bool isLiteral = false)
    {
        values[name] = new Value(name, data.Type.IsFloating() ? ValueKind.Parameter : ValueKind.Constant, data.Type, data.Shape, data) { IsLiteral = isLiteral };
        return this;
    }

    public RawModel Node(string op, string reads, string writes, Attributes? attributes = null, string name = "", string domain = "")
    {
        var read = Names(reads).Select(n => n == "_" ? null : values[n]).ToImmutableArray();
        var written = Names(writes).Select(n => n == "_" ? null : values[n] = new Value(n, ValueKind.Computed, ElementType.Undefined, null)).ToImmutableArray();
        nodes.Add(new Node(op, domain, name, read, written, attributes ?? Attributes.None));
        return this;

        static string[] Names(string text) => text.Split(' ', StringSplitOptions.RemoveEmptyEntries);
    }

    /// <summary>An input that is a list of tensors.</summary>
    public RawModel Sequence(string name, ElementType items)
    {
        var value = new Value(name, ValueKind.Input, items, null) { NotTensor = Value.Sequence };
        values[name] = value;
        inputs.Add(value);
        return this;
    }

    /// <summary>A graph inside a node, which may read what is here so far.</summary>
    public RawModel Inner()
    {
        var inner = new RawModel(opset);
        foreach (var (name, value) in values)
            inner.values[name] = value;
        return inner;
    }

    /// <summary>States a computed value's type and shape, as exporters do.</summary>
    public RawModel State(string name, ElementType type, params Dimension[] shape)
    {
        var old = values[name];
        var at = nodes.FindIndex(n => n.Outputs.Contains(old));
        var stated = values[name] = new Value(name, ValueKind.Computed, type, new Shape([.. shape]));
        nodes[at] = new Node(nodes[at].Op, nodes[at].Domain, nodes[at].Name, nodes[at].Inputs, [.. nodes[at].Outputs.Select(o => o == old ? stated : o)], nodes[at].Attributes);
        return this;
    }

    public Graph ToGraph(params string[] outputs) => new("test", [.. inputs], [.. outputs.Select(o => values[o])], [.. nodes]);

    /// <summary>The model; its outputs state no type, so that the runtime works them out.</summary>
    public Model ToModel(params string[] outputs) => new(ToGraph(outputs), ImmutableSortedDictionary<string, long>.Empty.Add("", opset)) { IrVersion = 8 };
}
