using System.Collections.Immutable;
using OnnxPriors.Graphs;

namespace OnnxPriors.Artifacts;

/// <summary>
/// A graph in two: what no trained tensor has part in, up to the one value that the rest takes from it, and the rest. What the first part
/// gives for an example never changes in training, so that it can be computed once.
/// </summary>
/// <param name="Features">The first part: the graph's inputs in, the value out.</param>
/// <param name="Rest">The second part: the value in, the graph's outputs out; its other values are the graph's own.</param>
/// <param name="Cut">The value.</param>
internal sealed record FrozenPrefix(Graph Features, Graph Rest, Value Cut)
{
    /// <summary>Divides a graph.</summary>
    /// <param name="graph">The graph.</param>
    /// <param name="trained">The tensors that train.</param>
    /// <returns>The two parts; null where the trained part takes several values from the other, or an input itself, or no float tensor with a batch.</returns>
    public static FrozenPrefix? Of(Graph graph, IReadOnlyCollection<Value> trained)
    {
        var moving = trained.ToHashSet();
        var given = graph.Inputs.ToHashSet();
        foreach (var node in graph.Nodes)
        {
            var inputs = node.Inputs.OfType<Value>().ToList();
            if (inputs.Any(moving.Contains))
                moving.UnionWith(node.Outputs.OfType<Value>());
            if (inputs.Any(given.Contains))
                given.UnionWith(node.Outputs.OfType<Value>());
        }
        // What passes from the one to the other: values that come from an input and stand still, read by nodes that do not.
        var crossing = graph.Nodes.Where(node => node.Outputs.Any(output => output is not null && moving.Contains(output)))
            .SelectMany(node => node.Inputs.OfType<Value>())
            .Concat(graph.Outputs)
            .Where(value => given.Contains(value) && !moving.Contains(value))
            .Distinct().ToList();
        if (crossing is not [{ Type: ElementType.Float, Producer: not null, Shape.Rank: > 1 } cut] || !cut.Shape!.Skip(1).All(length => length.Value is > 0))
            return null;
        return new FrozenPrefix(
            new Graph(graph.Name, graph.Inputs, [cut], Needed(graph, [cut], stop: null)),
            new Graph(graph.Name, [cut], graph.Outputs, Needed(graph, graph.Outputs, cut)),
            cut);
    }

    private static ImmutableArray<Node> Needed(Graph graph, IEnumerable<Value> wanted, Value? stop)
    {
        var needed = new HashSet<Value>();
        var pending = new Stack<Value>(wanted);
        while (pending.TryPop(out var value))
            if (value != stop && needed.Add(value))
                foreach (var input in value.Producer?.Inputs ?? [])
                    if (input is not null)
                        pending.Push(input);
        return [.. graph.Nodes.Where(node => node.Outputs.Any(output => output is not null && needed.Contains(output)))];
    }
}
