using OnnxPriors.Graphs;

namespace OnnxPriors.Normalization;

/// <summary>Something that is true of a graph before or after a pass.</summary>
/// <param name="Text">What it says, for people.</param>
/// <param name="Holds">Whether a graph has it.</param>
public sealed record GraphCondition(string Text, Func<Graph, bool> Holds)
{
    /// <summary>True of every graph.</summary>
    public static GraphCondition None { get; } = new("any graph", _ => true);

    /// <summary>True of graphs whose values belong to a builder and whose operators are the canonical opset's.</summary>
    public static GraphCondition Canonical { get; } = new(
        "every operator is a standard one of the canonical opset, with its types and shapes inferred",
        graph => graph.Inputs.All(i => i.Builder is not null)
            && graph.Nodes.All(n => Graphs.Inference.ShapeInference.IsKnown(n.Domain, n.Op)));
}

/// <summary>One step from the graph of a file towards its canonical form.</summary>
public interface INormalizationPass
{
    /// <summary>The name that reports show.</summary>
    string Name { get; }

    /// <summary>What must be true before.</summary>
    GraphCondition Requires { get; }

    /// <summary>What is true after.</summary>
    GraphCondition Ensures { get; }

    /// <summary>Runs the pass.</summary>
    /// <param name="graph">The graph so far; it is not changed.</param>
    /// <param name="context">What the passes share.</param>
    /// <returns>A new graph, or the very same one where there was nothing to do.</returns>
    Graph Run(Graph graph, NormalizationContext context);
}

/// <summary>What a pass did.</summary>
/// <param name="Pass">Its name.</param>
/// <param name="Changed">Whether it changed anything.</param>
/// <param name="NodesBefore">The number of nodes before it.</param>
/// <param name="NodesAfter">The number of nodes after it.</param>
/// <param name="Notes">What it has to say about this model.</param>
public sealed record PassReport(string Pass, bool Changed, int NodesBefore, int NodesAfter, IReadOnlyList<string> Notes);
