using System.Collections.Immutable;
using OnnxPriors.Graphs;

namespace OnnxPriors.Artifacts;

/// <summary>
/// Lets the forward pass take the maxima of the pooling that the backward pass needs the places of: one MaxPool with both outputs in place of two. Runtimes
/// merge equal nodes, but these differ in their number of outputs.
/// </summary>
internal static class SharedPooling
{
    public static Graph Merge(Graph graph)
    {
        var placed = graph.Nodes.Where(n => n is { Op: "MaxPool", Domain.Length: 0, Outputs.Length: 2 }).ToLookup(n => n.Input(0));
        var twins = graph.Nodes.Where(n => n is { Op: "MaxPool", Domain.Length: 0, Outputs.Length: 1 })
            .Select(n => (Plain: n, Placed: placed[n.Input(0)].FirstOrDefault(p => IsSame(p.Attributes, n.Attributes))))
            .Where(p => p.Placed is not null).ToDictionary(p => p.Plain, p => p.Placed!);
        if (twins.Count == 0)
            return graph;
        var b = new GraphBuilder();
        var map = new Dictionary<Value, Value>();
        foreach (var input in graph.Inputs)
            map[input] = b.Input(input.Name, input.Type, input.Shape);
        foreach (var node in graph.Nodes)
            if (twins.TryGetValue(node, out var twin))
            {
                var both = b.Emit("MaxPool", [b.Import(node.Input(0), map)], node.Attributes, 2, [node.Outputs[0]!.Name, twin.Outputs[1]!.Name], node.Name);
                (map[node.Outputs[0]!], map[twin.Outputs[1]!]) = (both[0], both[1]);
            }
            else if (!twins.ContainsValue(node))
                b.Copy(node, map);
        return b.Build(graph.Outputs.Select(o => (o.Name, b.Import(o, map))).ToArray(), graph.Name);
    }

    private static bool IsSame(Attributes a, Attributes b) => a.Names.SequenceEqual(b.Names) && a.Zip(b).All(p => (p.First.Value, p.Second.Value) switch
    {
        (ImmutableArray<long> x, ImmutableArray<long> y) => x.SequenceEqual(y),
        var (x, y) => Equals(x, y),
    });
}
