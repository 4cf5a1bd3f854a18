using System.Collections.Immutable;

namespace OnnxPriors.Graphs;

/// <summary>One application of an operator.</summary>
public sealed class Node
{
    internal Node(string op, string domain, string name, ImmutableArray<Value?> inputs, ImmutableArray<Value?> outputs, Attributes attributes)
    {
        Op = op;
        Domain = domain;
        Name = name;
        Inputs = inputs;
        Outputs = outputs;
        Attributes = attributes;
        foreach (var output in outputs)
            output?.Producer = this;
    }

    /// <summary>The operator's name, such as <c>Conv</c>.</summary>
    public string Op { get; }

    /// <summary>The operator's domain; empty for the standard one.</summary>
    public string Domain { get; }

    /// <summary>The node's name, which may be empty.</summary>
    public string Name { get; }

    /// <summary>The inputs in the specification's order; null where an optional one is left out.</summary>
    public ImmutableArray<Value?> Inputs { get; }

    /// <summary>The outputs in the specification's order; null where an optional one is left out.</summary>
    public ImmutableArray<Value?> Outputs { get; }

    /// <summary>The attributes.</summary>
    public Attributes Attributes { get; }

    /// <summary>An input that may be absent.</summary>
    /// <param name="index">Its place.</param>
    /// <returns>The value, or null where it is left out or there are fewer inputs.</returns>
    public Value? TryInput(int index) => index < Inputs.Length ? Inputs[index] : null;

    /// <summary>An input that must be there.</summary>
    /// <param name="index">Its place.</param>
    /// <exception cref="GraphException">It is absent.</exception>
    public Value Input(int index) =>
        TryInput(index) ?? throw new GraphException($"{Title} lacks its input {index}; the operator needs it.");

    /// <summary>The operator and the name that people know the node by, for messages.</summary>
    public string Title => $"{(Domain.Length == 0 ? Op : $"{Domain}.{Op}")} node '{(Name.Length > 0 ? Name : Outputs.FirstOrDefault(o => o is not null)?.Name)}'";

    /// <inheritdoc/>
    public override string ToString() =>
        $"{string.Join(", ", Outputs.Select(o => o?.Name ?? "_"))} = {Op}({string.Join(", ", Inputs.Select(i => i?.Name ?? "_"))})";
}
