using OnnxPriors.Graphs;

namespace OnnxPriors.Gradients.Rules.Recurrent;

/// <summary>
/// One direction of a recurrent node in the order in which it reads: a reverse one has its sequences turned around, each within its own length. All hidden
/// states are known from the node's output, so what the gates see of all steps is one product; only what runs from step to step is done in steps.
/// </summary>
internal sealed class RecurrentPass
{
    private readonly bool backward;
    private readonly Value? lengths;

    /// <summary>Reads a direction.</summary>
    /// <param name="node">The node.</param>
    /// <param name="direction">The direction's place.</param>
    /// <param name="backward">Whether it reads from the end.</param>
    public RecurrentPass(RecurrentNode node, int direction, bool backward)
    {
        (B, Hidden, lengths, this.backward) = (node.C.B, node.Hidden, node.Lengths, backward);
        X = Turn(node.X);
        W = node.Of(node.C.X(1), direction, 0);
        R = node.Of(node.C.X(2), direction, 0);
        if (node.C.Node.TryInput(3) is { } bias)
            (InputBias, RecurrentBias) = (Half(node.Of(bias, direction, 0), 0, node.Gates), Half(node.Of(bias, direction, 0), 1, node.Gates));
        Peepholes = node.C.Node.TryInput(7) is { } peepholes && node.Gates == 4 ? node.Of(peepholes, direction, 0) : null;
        FirstH = node.State(5, direction);
        FirstC = node.Gates == 4 ? node.State(6, direction) : FirstH;
        var y = Turn(node.Of(node.Y, direction, 1));
        H = Before(FirstH, y);
        Steps = B.Extent(X, 0);
        if (lengths is not null)
        {
            var steps = B.Range(B.Scalar(0, ElementType.Int64), B.Squeeze(Steps, 0), B.Scalar(1, ElementType.Int64));
            Running = B.Mask(B.Less(B.Unsqueeze(steps, [1, 2]), B.Unsqueeze(lengths, [0, 2])), X);
        }
        Dy = node.Dy is null ? null : Alive(Turn(node.Of(node.Dy, direction, 1)));
        LastDh = node.LastDy(1, direction) ?? B.FilledLike(FirstH, 0);
        LastDc = node.Gates == 4 && node.LastDy(2, direction) is { } dc ? dc : B.FilledLike(FirstH, 0);
    }

    public GraphBuilder B { get; }

    public long Hidden { get; }

    /// <summary>The input in the direction's order [T, N, I].</summary>
    public Value X { get; }

    /// <summary>Input weights [G·H, I].</summary>
    public Value W { get; }

    /// <summary>Recurrence weights [G·H, H].</summary>
    public Value R { get; }

    public Value? InputBias { get; }

    public Value? RecurrentBias { get; }

    /// <summary>[3·H]: of input, output and forget gate.</summary>
    public Value? Peepholes { get; }

    public Value FirstH { get; }

    public Value FirstC { get; }

    /// <summary>The hidden state each step begins with [T, N, H].</summary>
    public Value H { get; }

    /// <summary>The number of steps, an int64 vector of one element.</summary>
    public Value Steps { get; }

    /// <summary>1 while a sequence lasts, then 0 [T, N, 1]; null where all last to the end.</summary>
    public Value? Running { get; }

    /// <summary>The gradient of all hidden states [T, N, H]; null where only the last is used.</summary>
    public Value? Dy { get; }

    public Value LastDh { get; }

    public Value LastDc { get; }

    /// <summary>Zero behind a sequence's end.</summary>
    public Value Alive(Value x) => Running is null ? x : x * Running;

    /// <summary>One behind a sequence's end: what is multiplied with it stays as it is.</summary>
    public Value OneBehind(Value x) => Running is null ? x : x * Running + (1 - Running);

    /// <summary>What was before each step [T, N, H], from the first and what each step left.</summary>
    public Value Before(Value first, Value left) => B.Concat([B.Unsqueeze(first, 0), B.Slice(left, 0, 0, -1)], 0);

    /// <summary>What some gates see of input and bias [T, N, count·H].</summary>
    public Value FromInput(int gate, int count)
    {
        var product = B.MatMul(X, B.Transpose(Gates(W, gate, count), 1, 0));
        return InputBias is null ? product : product + Gates(InputBias, gate, count);
    }

    /// <summary>What some gates see of a hidden state [T, N, H] and bias.</summary>
    public Value FromState(Value h, int gate, int count)
    {
        var product = B.MatMul(h, B.Transpose(Gates(R, gate, count), 1, 0));
        return RecurrentBias is null ? product : product + Gates(RecurrentBias, gate, count);
    }

    /// <summary>The rows of some gates.</summary>
    public Value Gates(Value x, int gate, int count) =>
        x.Shape?[0].Value == count * Hidden ? x : B.Slice(x, 0, gate * Hidden, (gate + count) * Hidden);

    /// <summary>Parts of H numbers along the last axis.</summary>
    public Value[] Parts(Value x, int count) => count == 1 ? [x] : [.. B.Split(x, Enumerable.Repeat(Hidden, count).ToArray(), -1)];

    /// <summary>Puts a sequence in the direction's order, and back.</summary>
    public Value Turn(Value x)
    {
        if (!backward)
            return x;
        return lengths is null ? SlicingGradients.Reverse(B, x, 0)
            : B.Apply("ReverseSequence", [x, lengths], Attributes.None.With("time_axis", 0).With("batch_axis", 1));
    }

    private Value Half(Value bias, int half, int gates) => B.Slice(bias, 0, half * gates * Hidden, (half + 1) * gates * Hidden);
}
