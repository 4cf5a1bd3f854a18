using OnnxPriors.Graphs;

namespace OnnxPriors.Importing;

/// <summary>A builder that holds the part of a graph which some values depend on, to go on building from there.</summary>
internal sealed class GraphPart
{
    public GraphPart(Graph graph, IReadOnlyCollection<Value> wanted)
    {
        Graph = graph;
        var needed = new HashSet<Value>();
        var pending = new Stack<Value>(wanted);
        while (pending.TryPop(out var value))
            if (needed.Add(value))
                foreach (var input in value.Producer?.Inputs ?? [])
                    if (input is not null)
                        pending.Push(input);
        foreach (var input in graph.Inputs)
            if (needed.Contains(input))
                Map[input] = Builder.Input(input.Name, input.Type, input.Shape);
        // The names of tensors come before those of nodes.
        foreach (var leaf in graph.Initializers)
            if (needed.Contains(leaf))
                Builder.Import(leaf, Map);
        foreach (var node in graph.Nodes)
            if (node.Outputs.Any(o => o is not null && needed.Contains(o)))
                Builder.Copy(node, Map);
    }

    public Graph Graph { get; }

    public GraphBuilder Builder { get; } = new();

    public Dictionary<Value, Value> Map { get; } = [];

    public Value this[Value value] => Map[value];
}
