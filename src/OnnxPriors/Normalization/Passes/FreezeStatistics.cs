using OnnxPriors.Graphs;

namespace OnnxPriors.Normalization.Passes;

/// <summary>
/// For training, a BatchNormalization that was exported in training mode uses its running statistics like all others: whether the
/// batch's own are to be used is asked for when the training graph is made.
/// </summary>
internal sealed class FreezeStatistics : INormalizationPass
{
    public string Name => "freeze-statistics";

    public GraphCondition Requires => GraphCondition.Canonical;

    public GraphCondition Ensures => GraphCondition.None;

    public Graph Run(Graph graph, NormalizationContext context)
    {
        if (context.Options.Form != GraphForm.Training || !graph.Nodes.Any(IsTraining))
            return graph;
        var rewriter = new GraphRewriter(graph, context);
        rewriter.Inputs();
        rewriter.Leaves(v => v.Data!);
        rewriter.Nodes(node =>
        {
            if (!IsTraining(node))
                return false;
            var x = rewriter.Builder.Emit(
                node.Op,
                [.. node.Inputs.Select(i => i is null ? null : rewriter[i])],
                node.Attributes.Without("training_mode"),
                outputNames: [node.Outputs[0]?.Name],
                nodeName: node.Name)[0];
            rewriter.Map[node.Outputs[0]!] = x;
            for (var i = 1; i < node.Outputs.Length; i++)
                if (node.Outputs[i] is { } statistic)
                    rewriter.Map[statistic] = rewriter[node.Input(i + 2)];
            return true;
        });
        context.Note($"{graph.Nodes.Count(IsTraining)} BatchNormalization nodes in training mode use their running statistics");
        return rewriter.Build();
    }

    private static bool IsTraining(Node node) => node.Op == "BatchNormalization" && node.Attributes.Flag("training_mode");
}
