using System.Collections.Immutable;

namespace OnnxPriors.Graphs;

/// <summary>A graph of operators, its nodes in an order in which each comes after what it needs.</summary>
public sealed class Graph
{
    internal Graph(string name, ImmutableArray<Value> inputs, ImmutableArray<Value> outputs, ImmutableArray<Node> nodes)
    {
        Name = name;
        Inputs = inputs;
        Outputs = outputs;
        Nodes = nodes;
        var seen = new HashSet<Value>();
        var leaves = ImmutableArray.CreateBuilder<Value>();
        foreach (var value in nodes.SelectMany(n => n.Inputs).Concat(outputs))
            if (value is { Kind: ValueKind.Parameter or ValueKind.Constant } && seen.Add(value))
                leaves.Add(value);
        Initializers = leaves.ToImmutable();
    }

    /// <summary>The same graph with every value that a node computes as an output, in the order of the nodes.</summary>
    public Graph WithEveryOutput() => new(Name, Inputs, [.. Nodes.SelectMany(n => n.Outputs).OfType<Value>().Where(v => v.Type != ElementType.Undefined)], Nodes);

    /// <summary>The graph's name.</summary>
    public string Name { get; }

    /// <summary>What is given from outside.</summary>
    public ImmutableArray<Value> Inputs { get; }

    /// <summary>What the graph is for.</summary>
    public ImmutableArray<Value> Outputs { get; }

    /// <summary>The nodes, each after those it depends on.</summary>
    public ImmutableArray<Node> Nodes { get; }

    /// <summary>Parameters and constants that something uses, in the order of their first use.</summary>
    public ImmutableArray<Value> Initializers { get; }

    /// <summary>The float tensors that may train, in the order of their first use.</summary>
    public IEnumerable<Value> Parameters => Initializers.Where(v => v.Kind == ValueKind.Parameter);

    /// <summary>The nodes that read each value.</summary>
    public ILookup<Value, Node> Consumers() =>
        (from node in Nodes from input in node.Inputs.Distinct() where input is not null select (input, node)).ToLookup(p => p.input, p => p.node);

    /// <summary>The value of a given name.</summary>
    /// <param name="name">The name.</param>
    /// <returns>The value, or null where there is none.</returns>
    public Value? Find(string name) =>
        Inputs.Concat(Initializers).Concat(Nodes.SelectMany(n => n.Outputs)).FirstOrDefault(v => v?.Name == name);
}
