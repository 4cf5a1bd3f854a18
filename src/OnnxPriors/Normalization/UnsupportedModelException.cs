using System.Collections.Immutable;
using System.Globalization;
using System.Text;

namespace OnnxPriors.Normalization;

/// <summary>A node of a file that cannot be brought to the canonical form.</summary>
/// <param name="Op">The operator, with its domain in front where that is not the standard one.</param>
/// <param name="Node">The node's name, or that of its first output where it has none.</param>
/// <param name="Reason">What is in the way.</param>
/// <param name="Advice">What to do about it.</param>
public sealed record UnsupportedNode(string Op, string Node, string Reason, string Advice);

/// <summary>A sound model with nodes that cannot be brought to the canonical form; all of them are named at once.</summary>
public sealed class UnsupportedModelException : OnnxPriorsException
{
    // The message stays readable; the property has them all.
    private const int MaxNamesAKind = 5;

    /// <summary>Names every unsupported node, those of one kind together.</summary>
    /// <param name="nodes">The nodes, at least one.</param>
    public UnsupportedModelException(ImmutableArray<UnsupportedNode> nodes) : base(Describe(nodes)) => Nodes = nodes;

    /// <summary>The nodes.</summary>
    public ImmutableArray<UnsupportedNode> Nodes { get; }

    private static string Describe(ImmutableArray<UnsupportedNode> nodes)
    {
        var text = new StringBuilder();
        text.Append(CultureInfo.InvariantCulture, $"The model has {nodes.Length} {(nodes.Length == 1 ? "node that is" : "nodes that are")} not supported:");
        foreach (var kind in nodes.GroupBy(n => (n.Op, n.Reason, n.Advice)))
        {
            var names = string.Join(", ", kind.Take(MaxNamesAKind).Select(n => $"'{n.Node}'"));
            var more = kind.Count() > MaxNamesAKind ? string.Create(CultureInfo.InvariantCulture, $" and {kind.Count() - MaxNamesAKind} more") : "";
            text.Append(CultureInfo.InvariantCulture, $"\n  {kind.Key.Op} ({names}{more}): {kind.Key.Reason}. {kind.Key.Advice}");
        }
        return text.ToString();
    }
}
