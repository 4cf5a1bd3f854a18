using OnnxPriors.Graphs;

namespace OnnxPriors.Normalization.Passes;

/// <summary>
/// Calls the inputs' first axis <c>batch</c>. A file may have fixed it, most often at 1, and reshapes with that number in their
/// targets; these are made general when the node is written at the canonical opset (<see cref="Upgrades.BatchUpgrades"/>).
/// </summary>
internal sealed class MakeBatchDynamic : INormalizationPass
{
    /// <summary>The name of the batch axis's size.</summary>
    public const string Symbol = "batch";

    public string Name => "make-batch-dynamic";

    public GraphCondition Requires => GraphCondition.None;

    public GraphCondition Ensures => GraphCondition.None;

    public Graph Run(Graph graph, NormalizationContext context)
    {
        if (!(context.Options.DynamicBatch ?? context.Options.Form == GraphForm.Training))
            return graph;
        var size = graph.Inputs.Select(i => i.Shape is { Rank: > 0 } s ? s[0].Value : null).FirstOrDefault(s => s is not null);
        var changed = new Dictionary<Value, Value>();
        foreach (var input in graph.Inputs)
        {
            if (input.Shape is not { Rank: > 0 } shape || (shape[0].IsStatic && shape[0].Value != size) || shape[0].Symbol == Symbol)
                continue;
            changed[input] = new Value(input.Name, ValueKind.Input, input.Type, shape.With(0, Dimension.Symbolic(Symbol)));
        }
        if (changed.Count == 0)
            return graph;
        if (size is { } fixedSize)
        {
            context.Batch = new(fixedSize);
            context.Note($"the batch, fixed at {fixedSize} in the file, is dynamic");
        }
        var replacement = new InputReplacement(changed);
        var result = replacement.Apply(graph);
        context.Follow(replacement.Map);
        return result;
    }
}
