using OnnxPriors.Graphs;

namespace OnnxPriors.Normalization;

/// <summary>Builds a canonical graph anew, node by node, with what a pass wants changed; shapes are inferred and constants folded again.</summary>
/// <param name="source">The graph.</param>
/// <param name="context">What the passes share; its names follow.</param>
internal sealed class GraphRewriter(Graph source, NormalizationContext context)
{
    public GraphBuilder Builder { get; } = new();

    public Dictionary<Value, Value> Map { get; } = [];

    /// <summary>The new value for one of the source graph.</summary>
    public Value this[Value value] => Builder.Import(value, Map);

    /// <summary>Adds the source's inputs, each as it is or as a pass wants it.</summary>
    public void Inputs(Func<Value, Value>? make = null)
    {
        foreach (var input in source.Inputs)
            Map[input] = make?.Invoke(input) ?? Builder.Input(input.Name, input.Type, input.Shape);
    }

    /// <summary>Takes parameters' names before nodes can.</summary>
    public void Leaves(Func<Value, TensorData> convert)
    {
        foreach (var value in source.Initializers)
            Map[value] = value.Kind == ValueKind.Parameter
                ? Builder.Parameter(value.Name, convert(value), value.IsLiteral)
                : Builder.Constant(convert(value), value.Name);
    }

    /// <summary>Adds the source's nodes; <paramref name="replace"/> says true of those it dealt with.</summary>
    /// <exception cref="GraphException">A node's inputs are not what its operator takes, such as a value of a type that nothing states.</exception>
    public void Nodes(Func<Node, bool> replace)
    {
        foreach (var node in source.Nodes)
        {
            try
            {
                if (!replace(node))
                    Builder.Copy(node, Map);
            }
            catch (InvalidOperationException e)
            {
                throw new GraphException($"{node.Title} cannot be right: {e.Message}", e);
            }
        }
    }

    /// <summary>The finished graph, with the source's outputs under their names.</summary>
    public Graph Build(Func<Value, Value>? output = null)
    {
        var graph = Builder.Build([.. source.Outputs.Select(o => (o.Name, output is null ? this[o] : output(o)))], source.Name);
        context.Follow(Map);
        return graph;
    }
}
