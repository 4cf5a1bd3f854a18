using OnnxPriors.Graphs;

namespace OnnxPriors.Normalization.Passes;

/// <summary>
/// Makes float32 of float16 and bfloat16. Initializers keep their names; casts between the widths vanish. Where the graph is to stay
/// as the file has it, float16 inputs and outputs stay so, with a cast at the edge; bfloat16, which arrays on disk do not have, does not.
/// </summary>
internal sealed class WidenHalf : INormalizationPass
{
    public string Name => "widen-half";

    public GraphCondition Requires => GraphCondition.Canonical;

    public GraphCondition Ensures { get; } = new(
        "no half-precision number but at casts on the edge",
        graph => graph.Nodes.All(n => (n.Op == "Cast" || n.Inputs.All(i => i is null || !IsHalf(i.Type)))
            && (n.Outputs.All(o => o is null || !IsHalf(o.Type) || graph.Outputs.Contains(o)))));

    public Graph Run(Graph graph, NormalizationContext context)
    {
        var asFile = context.Options is { Form: GraphForm.AsFile, HalfEdges: true };
        if (!AllValues(graph).Any(v => IsHalf(v.Type)))
            return graph;
        var rewriter = new GraphRewriter(graph, context);
        var b = rewriter.Builder;
        rewriter.Inputs(input => !IsHalf(input.Type) ? b.Input(input.Name, input.Type, input.Shape)
            : asFile && input.Type == ElementType.Float16 ? b.Cast(b.Input(input.Name, input.Type, input.Shape), ElementType.Float)
            : b.Input(input.Name, ElementType.Float, input.Shape));
        rewriter.Leaves(value => IsHalf(value.Type) ? value.Data!.ConvertTo(ElementType.Float) : value.Data!);
        rewriter.Nodes(node =>
        {
            var attributes = Widened(node.Attributes);
            if (ReferenceEquals(attributes, node.Attributes))
                return false;
            b.Copy(node, rewriter.Map, attributes);
            return true;
        });
        var halves = graph.Parameters.Count(p => IsHalf(p.Type));
        context.Note($"{halves} half-precision tensors became float32");
        return rewriter.Build(output => asFile && output.Type == ElementType.Float16 ? b.Cast(rewriter[output], ElementType.Float16) : rewriter[output]);
    }

    public static bool IsHalf(ElementType type) => type is ElementType.Float16 or ElementType.BFloat16;

    private static IEnumerable<Value> AllValues(Graph graph) =>
        graph.Inputs.Concat(graph.Initializers).Concat(graph.Nodes.SelectMany(n => n.Outputs).OfType<Value>());

    // Casts and generators state a type, filled tensors hold one.
    private static Attributes Widened(Attributes attributes)
    {
        var all = attributes;
        foreach (var name in (string[])["to", "dtype"])
            if (attributes.Has(name) && IsHalf((ElementType)attributes.Int(name)))
                all = all.With(name, ElementType.Float);
        if (attributes.Has("value") && attributes.Tensor("value") is { } tensor && IsHalf(tensor.Type))
            all = all.With("value", tensor.ConvertTo(ElementType.Float));
        return all;
    }
}
