using System.Collections.Immutable;
using OnnxPriors.Graphs;

namespace OnnxPriors.Normalization.Passes;

/// <summary>Puts other values in the place of some inputs of a graph as read, in the graphs inside its nodes too.</summary>
internal sealed class InputReplacement(IReadOnlyDictionary<Value, Value> replaced)
{
    private readonly Dictionary<Value, Value> map = new(replaced);

    /// <summary>What became of each value.</summary>
    public IReadOnlyDictionary<Value, Value> Map => map;

    public Graph Apply(Graph graph) => new(
        graph.Name,
        [.. graph.Inputs.Select(Of).Where(i => i.Kind == ValueKind.Input)],
        // The outputs exist only once the nodes do.
        Nodes(graph) is var nodes ? [.. graph.Outputs.Select(Of)] : [],
        nodes);

    private ImmutableArray<Node> Nodes(Graph graph)
    {
        var nodes = ImmutableArray.CreateBuilder<Node>(graph.Nodes.Length);
        foreach (var node in graph.Nodes)
        {
            var outputs = node.Outputs.Select(o => o is null ? null : map[o] = new Value(o.Name, o.Kind, o.Type, o.Shape)).ToImmutableArray();
            var attributes = node.Attributes;
            foreach (var (name, value) in node.Attributes)
                if (value is Graph inner)
                    attributes = attributes.With(name, Apply(inner));
                else if (value is ImmutableArray<Graph> several)
                    attributes = attributes.With(name, several.Select(Apply).ToImmutableArray());
            nodes.Add(new(node.Op, node.Domain, node.Name, [.. node.Inputs.Select(i => i is null ? null : Of(i))], outputs, attributes));
        }
        return nodes.MoveToImmutable();
    }

    private Value Of(Value value)
    {
        if (!map.TryGetValue(value, out var now))
            map.Add(value, now = value);
        return now;
    }
}
