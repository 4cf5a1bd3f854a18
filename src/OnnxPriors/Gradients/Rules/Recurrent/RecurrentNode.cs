using OnnxPriors.Graphs;

namespace OnnxPriors.Gradients.Rules.Recurrent;

/// <summary>
/// What LSTM, GRU and RNN share: x [T, N, I], W [D, G·H, I], R [D, G·H, H], B [D, 2·G·H], lengths [N], first states [D, N, H] → Y [T, D, N, H] and last
/// states [D, N, H]; with layout 1 the batch comes first. Weights' gradients are one product over all steps.
/// </summary>
internal sealed class RecurrentNode
{
    /// <summary>What a cell's rule finds in one direction, in the direction's order.</summary>
    /// <param name="Gates">The gradient of what the gates see [T, N, G·H].</param>
    /// <param name="Recurrent">The gradient of what the gates see of the hidden state, where it is another; else null.</param>
    /// <param name="FirstH">The gradient of the first hidden state.</param>
    public sealed record Found(Value Gates, Value? Recurrent, Value FirstH)
    {
        /// <summary>The gradient of the first cell state.</summary>
        public Value? FirstC { get; init; }

        /// <summary>The gradient of the peepholes [3·H].</summary>
        public Func<Value>? Peepholes { get; init; }

        /// <summary>What the last gate's recurrence weights are multiplied with, where that is not the hidden state [T, N, H].</summary>
        public Value? LastGateH { get; init; }
    }

    private RecurrentNode(GradientCall c, int gates)
    {
        C = c;
        Gates = gates;
        Hidden = c.Attributes.Has("hidden_size") ? c.Attributes.Int("hidden_size")
            : c.X(2).Shape?[2].Value ?? throw c.Refuse("the number of its hidden units is not known");
        BatchFirst = c.Attributes.Flag("layout");
        X = BatchFirst ? c.B.Transpose(c.X(), 1, 0, 2) : c.X();
        Lengths = c.Node.TryInput(4) is { } lengths ? c.B.Cast(lengths, ElementType.Int64) : null;
        Y = TimeFirst(c.Kept(0));
        Dy = c.TryDy(0) is { } dy ? TimeFirst(dy) : null;
    }

    public GradientCall C { get; }

    public int Gates { get; }

    public long Hidden { get; }

    public bool BatchFirst { get; }

    public Value X { get; }

    public Value? Lengths { get; }

    /// <summary>[T, D, N, H].</summary>
    public Value Y { get; }

    public Value? Dy { get; }

    /// <summary>The gradients of a recurrent node.</summary>
    /// <param name="c">The node.</param>
    /// <param name="gates">The number of gates.</param>
    /// <param name="defaults">The cell's activations where none are named.</param>
    /// <param name="cell">The cell's own part.</param>
    public static void Rule(GradientCall c, int gates, string[] defaults, Func<GradientCall, RecurrentPass, CellActivation[], Found> cell)
    {
        var node = new RecurrentNode(c, gates);
        var b = c.B;
        var direction = c.Attributes.String("direction", "forward");
        bool[] backward = direction switch
        {
            "forward" => [false],
            "reverse" => [true],
            "bidirectional" => [false, true],
            _ => throw c.Refuse($"its direction '{direction}' is not known"),
        };
        var activations = CellActivation.Read(c, defaults, backward.Length);
        var passes = backward.Select((turned, d) => new RecurrentPass(node, d, turned)).ToArray();
        var found = passes.Select((pass, d) => cell(c, pass, activations[(d * defaults.Length)..((d + 1) * defaults.Length)])).ToArray();
        Value Each(Func<RecurrentPass, Found, Value> one) => b.Concat(passes.Zip(found, (p, f) => b.Unsqueeze(one(p, f), 0)), 0);

        c.Give(0, () =>
        {
            var sum = passes.Zip(found, (p, f) => p.Turn(b.MatMul(f.Gates, p.W))).Aggregate((x, y) => x + y);
            return node.BatchFirst ? b.Transpose(sum, 1, 0, 2) : sum;
        });
        c.Give(1, () => Each((p, f) => Product(p, f.Gates, p.X)));
        c.Give(2, () => Each((p, f) => f.LastGateH is null ? Product(p, f.Recurrent ?? f.Gates, p.H) : b.Concat(
        [
            Product(p, b.Slice(f.Gates, -1, 0, (gates - 1) * node.Hidden), p.H),
            Product(p, b.Slice(f.Gates, -1, (gates - 1) * node.Hidden, long.MaxValue), f.LastGateH),
        ], 0)));
        c.Give(3, () => Each((p, f) =>
        {
            var ofInput = b.ReduceSum(f.Gates, [0, 1], keep: false);
            return b.Concat([ofInput, f.Recurrent is null ? ofInput : b.ReduceSum(f.Recurrent, [0, 1], keep: false)], 0);
        }));
        c.Give(5, () => First(Each((p, f) => f.FirstH)));
        if (gates < 4)
            return;
        c.Give(6, () => First(Each((p, f) => f.FirstC!)));
        c.Give(7, () => Each((p, f) => f.Peepholes!()));

        Value First(Value states) => node.BatchFirst ? b.Transpose(states, 1, 0, 2) : states;
        Value Product(RecurrentPass p, Value gradient, Value x) => b.Gemm(Rows(gradient), Rows(x), transposeA: true);
        Value Rows(Value x) => b.Reshape(x, b.Join(b.Ints(-1), b.Extent(x, 2)));
    }

    /// <summary>A direction's part of a value.</summary>
    /// <param name="x">The value.</param>
    /// <param name="direction">The direction's place.</param>
    /// <param name="axis">The axis of the directions.</param>
    public Value Of(Value x, int direction, int axis) =>
        x.Shape![axis].Value == 1 ? C.B.Squeeze(x, axis) : C.B.Gather(x, C.B.Scalar(direction, ElementType.Int64), axis);

    /// <summary>A direction's first state [N, H], zeros where none is given.</summary>
    public Value State(int input, int direction) => C.Node.TryInput(input) is { } given
        ? Of(given, direction, BatchFirst ? 1 : 0)
        : C.B.Filled(C.B.Join(C.B.Extent(X, 1), C.B.Ints(Hidden)), 0, X.Type);

    /// <summary>The gradient of a direction's last state [N, H], or null where it is zero.</summary>
    public Value? LastDy(int output, int direction) => C.TryDy(output) is { } dy ? Of(dy, direction, BatchFirst ? 1 : 0) : null;

    private Value TimeFirst(Value y) => BatchFirst ? C.B.Transpose(y, 1, 2, 0, 3) : y;
}
