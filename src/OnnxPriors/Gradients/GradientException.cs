using System.Collections.Immutable;

namespace OnnxPriors.Gradients;

/// <summary>A node that no gradient can be given for.</summary>
/// <param name="Operator">Its operator, with the domain where it is not the standard one.</param>
/// <param name="Node">The name people know the node by.</param>
/// <param name="Reason">What is missing.</param>
public sealed record RefusedNode(string Operator, string Node, string Reason);

/// <summary>A graph that cannot be differentiated: every offending node is listed at once.</summary>
public sealed class GradientException : OnnxPriorsException
{
    /// <summary>An error about no particular node.</summary>
    /// <param name="message">What is wrong, where, and what to do.</param>
    /// <param name="inner">The error underneath, where there is one.</param>
    public GradientException(string message, Exception? inner = null) : base(message, inner) => Nodes = [];

    /// <summary>An error about nodes.</summary>
    /// <param name="nodes">The nodes, at least one.</param>
    public GradientException(ImmutableArray<RefusedNode> nodes) : base(Describe(nodes)) => Nodes = nodes;

    /// <summary>The nodes that cannot be differentiated; empty where the error is another.</summary>
    public ImmutableArray<RefusedNode> Nodes { get; }

    private static string Describe(ImmutableArray<RefusedNode> nodes) =>
        $"No gradient can be computed through {string.Join("; ", nodes.Select(n => $"{n.Operator} node '{n.Node}' ({n.Reason})"))}. "
        + "Train only tensors behind these nodes (--train), or replace the nodes in the model.";
}
