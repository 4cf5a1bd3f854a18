using System.Collections.Immutable;
using OnnxPriors.Graphs;

namespace OnnxPriors.Gradients;

/// <summary>One node on the way back: its inputs and outputs, the gradients of its outputs, and where its inputs' gradients go.</summary>
public sealed class GradientCall
{
    private readonly ImmutableArray<Value?> outputGradients;
    private readonly Func<Value, bool> isWanted;
    private readonly Action<Value, Value> accept;

    internal GradientCall(GraphBuilder builder, Node node, ImmutableArray<Value?> outputGradients, Func<Value, bool> isWanted, Action<Value, Value> accept)
    {
        B = builder;
        Node = node;
        this.outputGradients = outputGradients;
        this.isWanted = isWanted;
        this.accept = accept;
    }

    /// <summary>Where the backward nodes are added.</summary>
    public GraphBuilder B { get; }

    /// <summary>The forward node.</summary>
    public Node Node { get; }

    /// <summary>The forward node's attributes.</summary>
    public Attributes Attributes => Node.Attributes;

    /// <summary>An input of the forward node, which must be there.</summary>
    /// <param name="index">Its place.</param>
    public Value X(int index = 0) => Node.Input(index);

    /// <summary>An output of the forward node, which must be there.</summary>
    /// <param name="index">Its place.</param>
    public Value Y(int index = 0) => Node.Outputs[index] ?? throw new InvalidOperationException($"{Node.Title} leaves its output {index} out.");

    /// <summary>An output of the forward node, which the node gives from now on where it left it out.</summary>
    /// <param name="index">Its place.</param>
    public Value Kept(int index) => B.Keep(Node.Outputs.First(o => o is not null)!.Producer!, index);

    /// <summary>The gradient of an output, or null where it is zero.</summary>
    /// <param name="index">The output's place.</param>
    public Value? TryDy(int index) => index < outputGradients.Length ? outputGradients[index] : null;

    /// <summary>The gradient of an output, zeros where nothing depends on it.</summary>
    /// <param name="index">The output's place.</param>
    public Value Dy(int index = 0) => TryDy(index) ?? B.FilledLike(Y(index), 0);

    /// <summary>Whether an input is there and its gradient is asked for.</summary>
    /// <param name="index">Its place.</param>
    public bool Wants(int index) => Node.TryInput(index) is { } input && isWanted(input);

    /// <summary>
    /// States an input's gradient, computed only where it is asked for. One that has the larger shape the input was broadcast to is summed
    /// to the input's own.
    /// </summary>
    /// <param name="index">The input's place.</param>
    /// <param name="gradient">Makes it.</param>
    public void Give(int index, Func<Value> gradient)
    {
        ArgumentNullException.ThrowIfNull(gradient);
        if (Wants(index))
            accept(X(index), Broadcast.Undo(B, gradient(), X(index)));
    }

    /// <summary>An error: this form of the operator has no gradient here.</summary>
    /// <param name="reason">What is missing, as the end of a sentence.</param>
    public GradientException Refuse(string reason) => new([ReverseSweep.Refused(Node, reason)]);
}
