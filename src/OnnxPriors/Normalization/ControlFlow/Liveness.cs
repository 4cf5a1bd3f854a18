using System.Collections.Immutable;
using OnnxPriors.Graphs;

namespace OnnxPriors.Normalization.ControlFlow;

/// <summary>Leaves out of a graph as read the nodes that none of its outputs needs; what graphs inside the others read counts as needed.</summary>
internal static class Liveness
{
    /// <summary>The graph without its dead nodes; the very same one where there are none.</summary>
    public static Graph Prune(Graph graph)
    {
        var needed = new HashSet<Value>(graph.Outputs);
        var live = new List<Node>(graph.Nodes.Length);
        foreach (var node in graph.Nodes.Reverse())
        {
            if (!node.Outputs.Any(o => o is not null && needed.Contains(o)))
                continue;
            live.Add(node);
            Read(node, needed);
        }
        if (live.Count == graph.Nodes.Length)
            return graph;
        live.Reverse();
        return new(graph.Name, graph.Inputs, graph.Outputs, [.. live]);
    }

    private static void Read(Node node, HashSet<Value> needed)
    {
        foreach (var input in node.Inputs)
            if (input is not null)
                needed.Add(input);
        foreach (var (_, value) in node.Attributes)
            foreach (var graph in value is Graph one ? [one] : value is ImmutableArray<Graph> several ? several : [])
            {
                needed.UnionWith(graph.Outputs);
                foreach (var inner in graph.Nodes)
                    Read(inner, needed);
            }
    }
}
