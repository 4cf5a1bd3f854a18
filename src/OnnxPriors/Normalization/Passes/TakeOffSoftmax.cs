using OnnxPriors.Graphs;

namespace OnnxPriors.Normalization.Passes;

/// <summary>
/// For training, takes a Softmax or LogSoftmax off the end of each output, since the loss holds its own; what only moves or renames
/// elements behind it stays.
/// </summary>
internal sealed class TakeOffSoftmax : INormalizationPass
{
    public string Name => "take-off-softmax";

    public GraphCondition Requires => GraphCondition.Canonical;

    public GraphCondition Ensures => GraphCondition.None;

    public Graph Run(Graph graph, NormalizationContext context)
    {
        if (context.Options.Form != GraphForm.Training || !graph.Outputs.Any(o => Trailing(o) is not null))
            return graph;
        var rewriter = new GraphRewriter(graph, context);
        rewriter.Inputs();
        rewriter.Leaves(v => v.Data!);
        rewriter.Nodes(_ => false);
        return rewriter.Build(output =>
        {
            if (Trailing(output) is not { } tail)
                return rewriter[output];
            context.Note($"{tail.Softmax.Title} is taken off the output '{output.Name}'");
            var value = rewriter[tail.Softmax.Input(0)];
            foreach (var node in tail.Behind)
                value = rewriter.Builder.Emit(node.Op, [value, .. node.Inputs.Skip(1).Select(i => i is null ? null : rewriter[i])], node.Attributes)[0];
            return value;
        });
    }

    private static (Node Softmax, IReadOnlyList<Node> Behind)? Trailing(Value output)
    {
        var behind = new List<Node>();
        for (var node = output.Producer; node is not null; node = node.TryInput(0)?.Producer)
        {
            if (node.Op is "Softmax" or "LogSoftmax")
            {
                behind.Reverse();
                return (node, behind);
            }
            // The logarithm of a Softmax is a LogSoftmax.
            if (node.Op == "Log")
                continue;
            if (node.Op is not ("Reshape" or "Flatten" or "Squeeze" or "Unsqueeze" or "Identity" or "Cast"))
                return null;
            behind.Add(node);
        }
        return null;
    }
}
