using OnnxPriors.Graphs;

namespace OnnxPriors.Normalization.Passes;

/// <summary>Takes out what does nothing when a model is used: Dropout and Identity.</summary>
internal sealed class DropInference : INormalizationPass
{
    public string Name => "drop-dropout";

    public GraphCondition Requires => GraphCondition.Canonical;

    public GraphCondition Ensures { get; } = new(
        "no Dropout, and Identity at outputs alone",
        graph => graph.Nodes.All(n => n.Op != "Dropout" && (n.Op != "Identity" || n.Outputs.All(o => o is null || graph.Outputs.Contains(o)))));

    public Graph Run(Graph graph, NormalizationContext context)
    {
        if (Ensures.Holds(graph))
            return graph;
        var rewriter = new GraphRewriter(graph, context);
        rewriter.Inputs();
        rewriter.Leaves(v => v.Data!);
        rewriter.Nodes(node =>
        {
            if (node.Op is not ("Dropout" or "Identity"))
                return false;
            var x = rewriter[node.Input(0)];
            rewriter.Map[node.Outputs[0]!] = x;
            if (node.Outputs.Length > 1 && node.Outputs[1] is { } mask)
                rewriter.Map[mask] = rewriter.Builder.Filled(rewriter.Builder.ShapeOf(x), 1, ElementType.Bool);
            return true;
        });
        return rewriter.Build();
    }
}
