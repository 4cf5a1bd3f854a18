using OnnxPriors.Graphs;

namespace OnnxPriors.Importing;

/// <summary>A place where a tensor is used: a node and which of its inputs.</summary>
/// <param name="Node">The node.</param>
/// <param name="Input">The input's place.</param>
internal sealed record ParameterUse(Node Node, int Input);

/// <summary>
/// Where each tensor of a graph is used in the end: converters transpose, reshape and widen weights on their way to a layer, so the
/// search goes through operators that only move elements.
/// </summary>
/// <param name="graph">The graph.</param>
internal sealed class ParameterUses(Graph graph)
{
    private static readonly HashSet<string> Moving = new(StringComparer.Ordinal)
    {
        "Reshape", "Transpose", "Flatten", "Squeeze", "Unsqueeze", "Cast", "Identity", "Slice", "Split", "Expand", "Tile", "Concat", "Pad",
    };

    private readonly ILookup<Value, Node> consumers = graph.Consumers();
    private readonly HashSet<Value> fromInputs = FromInputs(graph);

    /// <summary>Whether a value depends on the graph's inputs.</summary>
    public bool DependsOnInput(Value value) => fromInputs.Contains(value);

    /// <summary>The places where a tensor is used, in the order of execution.</summary>
    public IEnumerable<ParameterUse> Of(Value tensor)
    {
        foreach (var node in consumers[tensor])
            for (var i = 0; i < node.Inputs.Length; i++)
            {
                if (node.Inputs[i] != tensor)
                    continue;
                if (Moving.Contains(node.Op) && node.Outputs.All(o => o is null || !DependsOnInput(o)))
                    foreach (var use in node.Outputs.OfType<Value>().SelectMany(Of))
                        yield return use;
                else
                    yield return new(node, i);
            }
    }

    /// <summary>The parameters that a value is made of, where it depends on no input.</summary>
    public IEnumerable<Value> Behind(Value value)
    {
        if (DependsOnInput(value))
            yield break;
        var seen = new HashSet<Value>();
        var pending = new Stack<Value>([value]);
        while (pending.TryPop(out var next))
        {
            if (!seen.Add(next))
                continue;
            if (next.Kind == ValueKind.Parameter)
                yield return next;
            foreach (var input in next.Producer?.Inputs ?? [])
                if (input is not null)
                    pending.Push(input);
        }
    }

    private static HashSet<Value> FromInputs(Graph graph)
    {
        var all = new HashSet<Value>(graph.Inputs);
        foreach (var node in graph.Nodes)
            if (node.Op is not ("Shape" or "Size") && node.Inputs.Any(i => i is not null && all.Contains(i)))
                all.UnionWith(node.Outputs.OfType<Value>());
        return all;
    }
}
