using OnnxPriors.Graphs;

namespace OnnxPriors.Torch.Operators;

/// <summary>The operators that a TorchSharp module computes, gathered from the tables of the families.</summary>
internal sealed class OperatorRegistry
{
    private readonly Dictionary<string, ForwardRule> rules = new(StringComparer.Ordinal);

    /// <summary>Gathers tables.</summary>
    /// <param name="families">The families' tables.</param>
    /// <exception cref="InvalidOperationException">Two tables have the same operator.</exception>
    public OperatorRegistry(params ReadOnlySpan<OperatorTable> families)
    {
        foreach (var family in families)
            foreach (var (op, rule) in family)
                if (!rules.TryAdd(op, rule))
                    throw new InvalidOperationException($"Operator {op} stands in two tables.");
    }

    /// <summary>The operators of the standard domain.</summary>
    public static OperatorRegistry Standard { get; } = new(
        Elementwise.Table, Activations.Table, Reductions.Table, Movement.Table, Padding.Table, Indexing.Table, Ordering.Table,
        Convolution.Table, Pooling.Table, Normalisation.Table, Products.Table, Resizing.Table, Sampling.Table, Recurrent.Table,
        Generation.Table, Losses.Table, Quantisation.Table, Signals.Table, NGrams.Table, Control.Table);

    /// <summary>The names of the operators.</summary>
    public IReadOnlyCollection<string> Operators => rules.Keys;

    /// <summary>A node's rule.</summary>
    /// <param name="node">The node.</param>
    /// <returns>The rule, or null where the operator is not known.</returns>
    public ForwardRule? Find(Node node) => node.Domain.Length == 0 ? rules.GetValueOrDefault(node.Op) : null;

    /// <summary>The nodes of a graph, and of the graphs inside it, whose operator is not known.</summary>
    /// <param name="graph">The graph.</param>
    public IEnumerable<Node> Missing(Graph graph) =>
        graph.Nodes.SelectMany(node => (Find(node) is null ? [node] : Array.Empty<Node>()).Concat(Subgraphs(node).SelectMany(Missing)));

    /// <summary>Refuses a graph with operators that are not known, naming all of them and their nodes.</summary>
    /// <param name="graph">The graph.</param>
    /// <exception cref="UnsupportedOperatorException">There are such nodes.</exception>
    public void Require(Graph graph)
    {
        const int NamesShown = 5;
        string[] missing =
        [
            .. Missing(graph)
                .GroupBy(node => node.Domain.Length == 0 ? node.Op : $"{node.Domain}.{node.Op}", StringComparer.Ordinal)
                .OrderBy(group => group.Key, StringComparer.Ordinal)
                .Select(group => $"{group.Key} ({string.Join(", ", group.Take(NamesShown).Select(Name))}{(group.Count() > NamesShown ? $" and {group.Count() - NamesShown} more" : "")})"),
        ];
        if (missing.Length > 0)
            throw new UnsupportedOperatorException(
                $"The TorchSharp module lacks these operators of the graph: {string.Join("; ", missing)}. Export the model with standard operators instead.");
    }

    /// <summary>The graphs that a node holds in its attributes.</summary>
    public static IEnumerable<Graph> Subgraphs(Node node) => node.Attributes.SelectMany(pair => pair.Value switch
    {
        Graph graph => [graph],
        System.Collections.Immutable.ImmutableArray<Graph> graphs => graphs,
        _ => (IEnumerable<Graph>)[],
    });

    private static string Name(Node node) =>
        $"'{(node.Name.Length > 0 ? node.Name : node.Outputs.FirstOrDefault(o => o is not null)?.Name)}'";
}
