using System.Collections.Immutable;
using OnnxPriors.Graphs;

namespace OnnxPriors.Normalization.Upgrades;

/// <summary>A node on its way from the file's opset to the canonical one: rules change its parts, or finish it with nodes of their own.</summary>
/// <param name="node">The node as the file has it.</param>
/// <param name="builder">The graph under construction.</param>
/// <param name="inputs">The node's inputs in that graph.</param>
/// <param name="batch">Where the batch lies, where the file fixed it and it is to be dynamic.</param>
internal sealed class NodeUpgrade(Node node, GraphBuilder builder, Value?[] inputs, BatchFolds? batch)
{
    /// <summary>Where the batch lies, where the file fixed it and it is to be dynamic.</summary>
    public BatchFolds? Batch => batch;

    /// <summary>The node as the file has it.</summary>
    public Node Node => node;

    /// <summary>The graph under construction.</summary>
    public GraphBuilder B => builder;

    /// <summary>The operator, which a rule may exchange for another.</summary>
    public string Op { get; set; } = node.Op;

    /// <summary>The inputs as they are so far.</summary>
    public Value?[] Inputs { get; set; } = inputs;

    /// <summary>The attributes as they are so far.</summary>
    public Attributes Attributes { get; set; } = node.Attributes;

    /// <summary>The node's outputs in the new graph, once finished.</summary>
    public ImmutableArray<Value?> Results { get; private set; } = [];

    /// <summary>Whether a rule has made the node's outputs.</summary>
    public bool IsFinished { get; private set; }

    /// <summary>An input that may be absent.</summary>
    public Value? TryInput(int index) => index < Inputs.Length ? Inputs[index] : null;

    /// <summary>An input that must be there.</summary>
    /// <exception cref="GraphException">It is absent.</exception>
    public Value Input(int index) => TryInput(index) ?? throw new GraphException($"{node.Title} lacks its input {index}; the operator needs it.");

    /// <summary>The shape of an input, whose number of axes must be known.</summary>
    /// <exception cref="UnsupportedNodeException">It is not.</exception>
    public Shape ShapeOf(int index) => Input(index).Shape ?? throw Refuse($"the number of axes of its input {index} is not known", "Give the model's inputs fixed shapes");

    /// <summary>An extent that must be a number.</summary>
    /// <param name="extent">The extent.</param>
    /// <param name="what">What it is, for the message.</param>
    /// <exception cref="UnsupportedNodeException">It is not.</exception>
    public static long Known(Dimension extent, string what) => extent.Value ?? throw Refuse($"{what} is not known", "Give the model's inputs fixed shapes");

    /// <summary>The elements of an input that must follow from constants.</summary>
    /// <exception cref="UnsupportedNodeException">They depend on the model's inputs.</exception>
    public TensorData Constant(int index, string what) => GraphBuilder.TryEvaluate(Input(index)) ?? throw Refuse($"{what} depends on the inputs", "Bind the inputs it depends on with --bind NAME=VALUE");

    /// <summary>Sets an input, making room for it.</summary>
    public void SetInput(int index, Value? value)
    {
        if (index >= Inputs.Length)
        {
            var longer = new Value?[index + 1];
            Inputs.CopyTo(longer, 0);
            Inputs = longer;
        }
        Inputs[index] = value;
    }

    /// <summary>Adds the nodes of a graph of one input and one output that an attribute holds; where the attribute is absent, nothing.</summary>
    public Value Inline(string attribute, Value input) =>
        Attributes.Subgraph(attribute) is { } graph ? Expand!(graph, input) : input;

    /// <summary>Brings a graph of the file to the canonical form in place, given what stands for its one input.</summary>
    public Func<Graph, Value, Value>? Expand { get; init; }

    /// <summary>Whether the graph is to train.</summary>
    public bool IsTraining { get; init; }

    /// <summary>Whether something may read the output.</summary>
    public bool HasOutput(int index) => index < node.Outputs.Length && node.Outputs[index] is not null;

    /// <summary>Ends with an operator whose outputs are the node's.</summary>
    public void Finish(string op, ReadOnlySpan<Value?> inputs, Attributes? attributes = null)
    {
        Results = builder.Emit(op, inputs, attributes, node.Outputs.Length, [.. node.Outputs.Select(o => o?.Name)], node.Name)!;
        IsFinished = true;
    }

    /// <summary>Ends with values that stand for the node's outputs.</summary>
    public void FinishWith(params ImmutableArray<Value?> results)
    {
        Results = results;
        IsFinished = true;
    }

    /// <summary>The node cannot be brought to the canonical form.</summary>
    public static UnsupportedNodeException Refuse(string reason, string advice) => new(reason, advice);
}

/// <summary>One node cannot be brought to the canonical form; the pass gathers these.</summary>
internal sealed class UnsupportedNodeException(string reason, string advice) : Exception(reason)
{
    public string Reason => Message;

    public string Advice => advice;
}
