using OnnxPriors.Graphs;
using OnnxPriors.Graphs.Inference;
using OnnxPriors.Normalization.Upgrades;

namespace OnnxPriors.Normalization.Passes;

/// <summary>
/// Writes every node at the canonical opset on a builder, which infers shapes and folds constants. What changed between the file's
/// opset and the canonical one stands in the tables of <c>Upgrades/</c>, a rule an operator and version.
/// </summary>
internal sealed class UpgradeOperators : INormalizationPass
{
    public string Name => "upgrade-operators";

    public GraphCondition Requires => GraphCondition.None;

    public GraphCondition Ensures => GraphCondition.Canonical;

    public Graph Run(Graph graph, NormalizationContext context)
    {
        var builder = new GraphBuilder();
        var map = new Dictionary<Value, Value>();
        // The names of the file come first, so that no value made here takes one of them.
        foreach (var input in graph.Inputs)
            map[input] = builder.Input(input.Name, input.Type, input.Shape);
        foreach (var leaf in graph.Initializers)
            builder.Import(leaf, map);
        Walk(graph, builder, map, context);
        if (context.Unsupported.Count > 0)
            return graph;
        var result = builder.Build([.. graph.Outputs.Select(o => (o.Name, builder.Import(o, map)))], graph.Name);
        context.Follow(map);
        context.Note($"opset {context.Opset} became {GraphBuilder.CanonicalOpset}, {graph.Nodes.Length} nodes became {result.Nodes.Length}");
        return result;
    }

    private static void Walk(Graph graph, GraphBuilder builder, Dictionary<Value, Value> map, NormalizationContext context)
    {
        foreach (var node in graph.Nodes)
        {
            try
            {
                if (node is { Domain.Length: 0, Op: "If" })
                    TakeBranch(node, builder, map, context);
                else
                    Add(node, builder, map, context);
            }
            catch (UnsupportedNodeException e)
            {
                Refuse(node, e.Reason, e.Advice);
            }
            catch (Exception e) when (IsContradiction(e))
            {
                // After an unsupported node nothing is known of what follows from it; only the cause is worth telling.
                if (context.Unsupported.Count == 0)
                    throw e as GraphException ?? new GraphException($"{node.Title} cannot be right: {e.Message}", e);
                Placeholders(node);
            }
        }

        void Refuse(Node node, string reason, string advice)
        {
            var op = node.Domain.Length == 0 ? node.Op : $"{node.Domain}.{node.Op}";
            context.Refuse(new(op, node.Name.Length > 0 ? node.Name : node.Outputs.FirstOrDefault(o => o is not null)?.Name ?? "?", reason, advice));
            Placeholders(node);
        }

        // So that the walk can go on and find all that is not supported.
        void Placeholders(Node node)
        {
            var outputs = builder.Emit(node.Op, [], outputs: node.Outputs.Length, domain: "unsupported");
            for (var i = 0; i < outputs.Length; i++)
                if (node.Outputs[i] is { } output)
                    map[output] = outputs[i];
        }
    }

    private static bool IsContradiction(Exception e) => e is GraphException or ArgumentException or ArithmeticException or IndexOutOfRangeException;

    private static void Add(Node node, GraphBuilder builder, Dictionary<Value, Value> map, NormalizationContext context)
    {
        var upgrade = new NodeUpgrade(node, builder, [.. node.Inputs.Select(i => i is null ? null : builder.Import(i, map))], context.Batch) { Expand = Expand };
        foreach (var rule in UpgradeTables.For(node.Domain, node.Op, context.Opset))
        {
            rule.Apply(upgrade);
            if (upgrade.IsFinished)
                break;
        }
        if (!upgrade.IsFinished)
        {
            if (!ShapeInference.IsKnown(node.Domain, upgrade.Op) || upgrade.Op == "Scan")
                throw UnsupportedReasons.For(node, context);
            upgrade.Finish(upgrade.Op, upgrade.Inputs, upgrade.Attributes);
        }
        context.Batch?.Follow(upgrade.Inputs, upgrade.Results);
        for (var i = 0; i < node.Outputs.Length; i++)
            if (node.Outputs[i] is { } output && i < upgrade.Results.Length && upgrade.Results[i] is { } result)
                map[output] = result;

        Value Expand(Graph body, Value input)
        {
            map[body.Inputs[0]] = input;
            Walk(body, builder, map, context);
            return builder.Import(body.Outputs[0], map);
        }
    }

    // An If whose condition folds is its branch; the branch reads the values around it by reference.
    private static void TakeBranch(Node node, GraphBuilder builder, Dictionary<Value, Value> map, NormalizationContext context)
    {
        if (GraphBuilder.TryEvaluate(builder.Import(node.Input(0), map)) is not { } condition)
            throw new UnsupportedNodeException("its condition depends on the inputs", "Bind the inputs it depends on with --bind NAME=VALUE, or export the model without the branch");
        var branch = node.Attributes.Subgraph(condition.ToInt64()[0] != 0 ? "then_branch" : "else_branch")
            ?? throw new GraphException($"{node.Title} lacks one of its branches.");
        Walk(branch, builder, map, context);
        for (var i = 0; i < node.Outputs.Length; i++)
            if (node.Outputs[i] is { } output)
                map[output] = builder.Import(branch.Outputs[i], map);
    }
}
