using OnnxPriors.Graphs;

namespace OnnxPriors.Normalization.Passes;

/// <summary>
/// Gives every BatchNormalization running statistics of its own. Exporters merge equal tensors, so that fresh means, all zero, are one
/// tensor with each other and even with a bias: training one would change the others, and a statistic has no gradient where a bias has.
/// </summary>
internal sealed class SeparateStatistics : INormalizationPass
{
    public string Name => "separate-statistics";

    public GraphCondition Requires => GraphCondition.Canonical;

    public GraphCondition Ensures => GraphCondition.None;

    public Graph Run(Graph graph, NormalizationContext context)
    {
        var shared = Shared(graph);
        if (shared.Count == 0)
            return graph;
        var rewriter = new GraphRewriter(graph, context);
        var b = rewriter.Builder;
        rewriter.Inputs();
        rewriter.Leaves(v => v.Data!);
        rewriter.Nodes(node =>
        {
            if (!shared.TryGetValue(node, out var places))
                return false;
            var inputs = node.Inputs.Select((input, i) => input is null ? null
                : places.Contains(i) ? b.Parameter($"{input.Name}.{(i == 3 ? "mean" : "variance")}", input.Data!, input.IsLiteral)
                : rewriter[input]).ToArray();
            rewriter.Map[node.Outputs[0]!] = b.Emit(node.Op, inputs, node.Attributes, outputNames: [node.Outputs[0]!.Name], nodeName: node.Name)[0];
            return true;
        });
        context.Note($"{shared.Sum(s => s.Value.Count)} running statistics that shared a tensor have one of their own");
        return rewriter.Build();
    }

    // For each node, the places whose tensor something before it, or something other than a statistic, uses too.
    private static Dictionary<Node, List<int>> Shared(Graph graph)
    {
        var all = new Dictionary<Node, List<int>>();
        var taken = new HashSet<Value>(graph.Outputs);
        foreach (var node in graph.Nodes)
            for (var i = 0; i < node.Inputs.Length; i++)
                if (node.Inputs[i] is { Kind: ValueKind.Parameter } tensor && !IsStatistic(node, i))
                    taken.Add(tensor);
        foreach (var node in graph.Nodes)
            for (var i = 3; i < node.Inputs.Length && i < 5; i++)
                if (IsStatistic(node, i) && node.Inputs[i] is { Kind: ValueKind.Parameter } tensor && !taken.Add(tensor))
                    (all.TryGetValue(node, out var places) ? places : all[node] = []).Add(i);
        return all;
    }

    private static bool IsStatistic(Node node, int input) => node.Op == "BatchNormalization" && input is (3 or 4);
}
