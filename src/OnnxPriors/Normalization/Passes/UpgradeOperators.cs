using OnnxPriors.Graphs;
using OnnxPriors.Graphs.Inference;
using OnnxPriors.Normalization.ControlFlow;
using OnnxPriors.Normalization.Upgrades;
using OnnxPriors.Normalization.Upgrades.Types;

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
        {
            // Integers of 2 and 4 bits are those of 8 in the canonical form.
            if (QuantisedUpgrades.Wider(leaf.Type) is var wider && wider != leaf.Type)
                map[leaf] = builder.Constant(leaf.Data!.ConvertTo(wider), leaf.Name);
            else
                builder.Import(leaf, map);
        }
        // What no output needs may hold what no training graph can: exporters leave labels and checks behind.
        Walk(Liveness.Prune(graph), builder, map, context);
        Structures.CheckEdges(graph, new InlineScope(builder, map, context));
        if (context.Unsupported.Count > 0)
            return graph;
        var result = builder.Build([.. graph.Outputs.Select(o => (o.Name, builder.Import(o, map)))], graph.Name);
        context.Follow(map);
        context.Note($"opset {context.Opset} became {GraphBuilder.CanonicalOpset}, {graph.Nodes.Length} nodes became {result.Nodes.Length}");
        return result;
    }

    /// <summary>Writes the nodes of a graph on a builder, those of the graphs inside it where they run.</summary>
    internal static void Walk(Graph graph, GraphBuilder builder, Dictionary<Value, Value> map, NormalizationContext context)
    {
        var scope = new InlineScope(builder, map, context);
        foreach (var node in graph.Nodes)
        {
            try
            {
                if (!Structures.TryExpand(node, scope))
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
                scope.Placeholders(node);
            }
        }

        void Refuse(Node node, string reason, string advice)
        {
            // A supported operator that something unsupported feeds lacks what it needs to know for that reason alone.
            if (context.Unsupported.Count > 0 && IsSupported(node, context) && node.Inputs.OfType<Value>().Any(i => map.TryGetValue(i, out var value) && IsUnknown(value)))
            {
                scope.Placeholders(node);
                return;
            }
            var op = node.Domain.Length == 0 ? node.Op : $"{node.Domain}.{node.Op}";
            context.Refuse(new(op, node.Name.Length > 0 ? node.Name : node.Outputs.FirstOrDefault(o => o is not null)?.Name ?? "?", reason, advice));
            scope.Placeholders(node);
        }
    }

    private static bool IsSupported(Node node, NormalizationContext context) =>
        ShapeInference.IsKnown(node.Domain, node.Op) || UpgradeTables.For(node.Domain, node.Op, context.Opset).Any()
        || (node.Domain.Length == 0 && Structures.Operators.Contains(node.Op));

    // Whether a value depends on what stands for an unsupported node.
    private static bool IsUnknown(Value value)
    {
        var seen = new HashSet<Value> { value };
        var pending = new Stack<Value>(seen);
        while (pending.TryPop(out var next))
        {
            if (next.Producer?.Domain == InlineScope.UnsupportedDomain)
                return true;
            foreach (var input in next.Producer?.Inputs ?? [])
                if (input is not null && seen.Add(input))
                    pending.Push(input);
        }
        return false;
    }

    private static bool IsContradiction(Exception e) => e is GraphException or ArgumentException or ArithmeticException or IndexOutOfRangeException or InvalidOperationException;

    private static void Add(Node node, GraphBuilder builder, Dictionary<Value, Value> map, NormalizationContext context)
    {
        var upgrade = new NodeUpgrade(node, builder, [.. node.Inputs.Select(i => i is null ? null : builder.Import(i, map))], context.Batch) { Expand = Expand, IsTraining = context.Options.Form == GraphForm.Training };
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
}
