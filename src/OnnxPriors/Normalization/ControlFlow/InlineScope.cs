using System.Collections.Immutable;
using OnnxPriors.Graphs;
using OnnxPriors.Normalization.Passes;
using OnnxPriors.Normalization.Upgrades;

namespace OnnxPriors.Normalization.ControlFlow;

/// <summary>Where inner graphs are written out: the graph under construction and what each value of the file stands for in it.</summary>
/// <param name="builder">The graph under construction.</param>
/// <param name="map">The tensors that stand for the file's values.</param>
/// <param name="context">What the passes share.</param>
internal sealed class InlineScope(GraphBuilder builder, Dictionary<Value, Value> map, NormalizationContext context)
{
    public GraphBuilder B => builder;

    public NormalizationContext Context => context;

    /// <summary>What a value of the file stands for.</summary>
    /// <exception cref="UnsupportedNodeException">Nothing: it is an output that its operator's canonical form does not have.</exception>
    public Item Get(Value source) => context.Structures.TryGetValue(source, out var item) ? item
        : IsMade(source) ? new TensorItem(builder.Import(source, map))
        : throw NodeUpgrade.Refuse($"it takes '{source.Name}', an output of {source.Producer?.Title ?? "a node"} that has no canonical form", "Export the model so that nothing needs that output");

    /// <summary>Whether anything stands for a value of the file.</summary>
    public bool IsMade(Value source) => source.Data is not null || map.ContainsKey(source) || context.Structures.ContainsKey(source);

    /// <summary>The tensor that an input of a node stands for.</summary>
    /// <exception cref="UnsupportedNodeException">It is a sequence or an optional value.</exception>
    public Value Tensor(Node node, int input) => Tensor(Get(node.Input(input)));

    /// <summary>The tensor that an optional input of a node stands for; null where it is left out.</summary>
    public Value? TryTensor(Node node, int input) => node.TryInput(input) is null ? null : Tensor(node, input);

    /// <summary>An item as a tensor.</summary>
    /// <exception cref="UnsupportedNodeException">It is a sequence or an optional value.</exception>
    public static Value Tensor(Item item) => item is TensorItem tensor ? tensor.Value
        : throw NodeUpgrade.Refuse($"it takes {(item is SequenceItem ? "a sequence" : "an optional value")} for a tensor", "Export the model so that it passes tensors alone");

    /// <summary>Says what a value of the file stands for; a body's values stand for something else at each iteration.</summary>
    public void Set(Value? source, Item item)
    {
        if (source is null)
            return;
        if (source.Data is not null)
            throw new GraphException($"'{source.Name}' is a constant of the file and also what a node computes.");
        if (item is TensorItem tensor)
        {
            context.Structures.Remove(source);
            map[source] = tensor.Value;
        }
        else
        {
            context.Structures[source] = item;
        }
    }

    /// <summary>Writes out the nodes of an inner graph.</summary>
    /// <returns>False where one of them is not supported; it is noted.</returns>
    public bool Walk(Graph graph)
    {
        var before = context.Unsupported.Count;
        UpgradeOperators.Walk(graph, builder, map, context);
        return context.Unsupported.Count == before;
    }

    /// <summary>The domain of nodes that stand for unsupported ones.</summary>
    public const string UnsupportedDomain = "unsupported";

    /// <summary>Lets a node's outputs stand for something unknown, so that the walk can go on and find all that is not supported.</summary>
    public void Placeholders(Node node)
    {
        var outputs = builder.Emit(node.Op, [], outputs: node.Outputs.Length, domain: UnsupportedDomain);
        for (var i = 0; i < outputs.Length; i++)
            Set(node.Outputs[i], new TensorItem(outputs[i]));
    }

    /// <summary>Ends a node with one tensor under its output's name.</summary>
    public Value Emit(Node node, int output, string op, ReadOnlySpan<Value?> inputs, Attributes? attributes = null) =>
        builder.Emit(op, inputs, attributes, 1, [node.Outputs[output]!.Name], node.Name)[0];

    /// <summary>A whole number that follows from constants; null where it depends on an input.</summary>
    public static long? Number(Value? value) => GraphBuilder.TryEvaluate(value) is { Count: > 0 } data
        ? data.Type.IsFloating() ? (long)data.ToDouble()[0] : data.ToInt64()[0] : null;

    /// <summary>An inner graph of a node.</summary>
    /// <exception cref="GraphException">The node has none of that name.</exception>
    public static Graph Body(Node node, string name, int inputs, int? outputs = null)
    {
        var body = node.Attributes.Subgraph(name) ?? throw new GraphException($"{node.Title} has no graph '{name}'.");
        if (body.Inputs.Length != inputs || (outputs is { } wanted && body.Outputs.Length != wanted))
            throw new GraphException($"The graph '{name}' of {node.Title} has {body.Inputs.Length} inputs and {body.Outputs.Length} outputs where the node asks for {inputs}{(outputs is { } o ? $" and {o}" : "")}.");
        return body;
    }

    /// <summary>Tensors one after the other along a new axis.</summary>
    public Value Stack(IReadOnlyList<Value> parts, long axis, string name, string nodeName)
    {
        var raised = new Value?[parts.Count];
        for (var i = 0; i < raised.Length; i++)
            raised[i] = builder.Emit("Unsqueeze", [parts[i], builder.Ints(axis)])[0];
        return builder.Emit("Concat", raised, Attributes.None.With("axis", axis), 1, [name], nodeName)[0];
    }

    /// <summary>A tensor cut into slices along an axis, which they lose.</summary>
    public ImmutableArray<Value> Slices(Value tensor, int axis, long count)
    {
        var parts = count == 1 ? [tensor]
            : builder.Emit("Split", [tensor, builder.Ints([.. Enumerable.Repeat(1L, (int)count)])], Attributes.None.With("axis", axis), (int)count);
        return [.. parts.Select(part => builder.Emit("Squeeze", [part, builder.Ints(axis)])[0])];
    }
}
