using OnnxPriors.Graphs;

namespace OnnxPriors.Normalization.Passes;

/// <summary>
/// Makes the float computation of a quantised model that is to train. An integer tensor becomes the real numbers it stands for, without
/// rounding and with the same ends: the derivative of that is the straight-through one, 1 where a number can be represented and 0 beyond.
/// Quantised weights become float weights.
/// </summary>
internal sealed class FloatQuantised : INormalizationPass
{
    /// <summary>The operators that become their float computation.</summary>
    public static IReadOnlySet<string> Operators { get; } = new HashSet<string>(StringComparer.Ordinal)
    {
        "QuantizeLinear", "DequantizeLinear", "DynamicQuantizeLinear", "QLinearConv", "QLinearMatMul", "ConvInteger", "MatMulInteger",
    };

    public string Name => "float-quantised";

    public GraphCondition Requires => GraphCondition.Canonical;

    public GraphCondition Ensures => GraphCondition.Canonical;

    public Graph Run(Graph graph, NormalizationContext context)
    {
        if (context.Options.Form != GraphForm.Training || !graph.Nodes.Any(n => Operators.Contains(n.Op)))
            return graph;
        var rewriter = new GraphRewriter(graph, context);
        rewriter.Inputs();
        // Integers come in as floats, under the names of the weights they were; the others keep their names.
        foreach (var value in graph.Initializers.Where(v => v.Kind == ValueKind.Parameter))
            _ = rewriter[value];
        var floats = new QuantisedFloats(graph, rewriter);
        rewriter.Nodes(floats.Replace);
        context.Note($"{graph.Nodes.Count(n => Operators.Contains(n.Op))} quantised nodes became their float computation: rounding is left out, so that the gradient is the straight-through one, and saturation stays; {floats.Weights} quantised weights became float32");
        return rewriter.Build(output => floats.TryReal(output) ?? rewriter[output]);
    }
}
