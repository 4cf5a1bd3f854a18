using OnnxPriors.Gradients.Rules;
using OnnxPriors.Graphs;

namespace OnnxPriors.Artifacts;

/// <summary>
/// Writes BatchNormalization in training mode as primitive operators: means over the batch and the places, the normalisation by them, and the
/// update running · momentum + batch · (1 − momentum), with the biased variance, as the specification has it. The operator itself has not the same
/// form in all execution providers, and the CUDA provider refuses it from opset 14 on.
/// </summary>
internal static class BatchStatistics
{
    public static Graph Expand(Graph graph)
    {
        if (!graph.Nodes.Any(IsTraining))
            return graph;
        var b = new GraphBuilder();
        var map = new Dictionary<Value, Value>();
        foreach (var input in graph.Inputs)
            map[input] = b.Input(input.Name, input.Type, input.Shape);
        foreach (var node in graph.Nodes)
            if (IsTraining(node))
                Expand(b, node, map);
            else
                b.Copy(node, map);
        return b.Build(graph.Outputs.Select(o => (o.Name, b.Import(o, map))).ToArray(), graph.Name);
    }

    private static bool IsTraining(Node node) => node is { Op: "BatchNormalization", Domain.Length: 0 } && node.Attributes.Flag("training_mode");

    private static void Expand(GraphBuilder b, Node node, Dictionary<Value, Value> map)
    {
        Value In(int index) => b.Import(node.Input(index), map);
        var x = In(0);
        var (mean, variance) = BatchNormalizationGradient.Statistics(b, x);
        map[node.Outputs[0]!] = b.Emit("BatchNormalization", [x, In(1), In(2), mean, variance],
            Attributes.None.With("epsilon", node.Attributes.Float("epsilon", 1e-5f)), outputNames: [node.Outputs[0]!.Name], nodeName: node.Name)[0];
        double momentum = node.Attributes.Float("momentum", 0.9f);
        if (node.Outputs.Length > 1 && node.Outputs[1] is { } nextMean)
            map[nextMean] = In(3) * momentum + mean * (1 - momentum);
        if (node.Outputs.Length > 2 && node.Outputs[2] is { } nextVariance)
            map[nextVariance] = In(4) * momentum + variance * (1 - momentum);
    }
}
