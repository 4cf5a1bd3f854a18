using OnnxPriors.Graphs;

namespace OnnxPriors.Gradients.Rules.Recurrent;

/// <summary>
/// The cell of an LSTM (Hochreiter and Schmidhuber, 1997; peepholes: Gers and Schmidhuber, 2000): i, o, f = σ(…), g = τ(…), cₜ = f cₜ₋₁ + i g, hₜ = o υ(cₜ).
/// The cell states are not among the node's outputs and are computed again, element by element.
/// </summary>
internal static class LstmGradient
{
    private const int Input = 0;
    private const int Output = 1;
    private const int Forget = 2;
    private const int Candidate = 3;

    public static RecurrentNode.Found Cell(GradientCall c, RecurrentPass p, CellActivation[] functions)
    {
        var b = p.B;
        var (f, g, squash) = (functions[0], functions[1], functions[2]);
        var coupled = c.Attributes.Flag("input_forget");
        var seen = p.Parts(p.FromInput(0, 4) + p.FromState(p.H, 0, 4), 4);
        var (candidate, candidateSlope) = g.Both(b, seen[Candidate]);
        Value[]? peepholes = p.Peepholes is { } all ? [.. b.Split(all, [p.Hidden, p.Hidden, p.Hidden], 0)] : null;
        var states = States(p, f, seen, candidate, peepholes, coupled);
        var before = p.Before(p.FirstC, states);

        (Value Value, Value Slope) Gate(int gate, Value state) => f.Both(b, peepholes is null ? seen[gate] : seen[gate] + peepholes[gate] * state);
        var (input, inputSlope) = Gate(Input, before);
        var (output, outputSlope) = Gate(Output, states);
        var (forget, forgetSlope) = coupled ? (1 - input, b.FilledLike(input, 0)) : Gate(Forget, before);
        var (squashed, squashedSlope) = squash.Both(b, states);
        var rest = p.Running is null ? null : 1 - p.Running;
        // By which the gradient of h, and of c, is multiplied to reach each gate.
        Value[] factors =
        [
            p.Alive(squashed * outputSlope), p.Alive(output * squashedSlope), p.Alive((coupled ? candidate - before : candidate) * inputSlope),
            p.Alive(before * forgetSlope), p.Alive(input * candidateSlope), p.OneBehind(forget),
        ];
        var (last, given) = TimeSteps.Run(
            b, [.. factors, .. RecurrentGradients.Present(p.Dy), .. RecurrentGradients.Present(rest)], [p.LastDh, p.LastDc], [p.R, .. peepholes ?? []], backwards: true,
            (b, of, states, constants) =>
            {
                var dh = p.Dy is null ? states[0] : states[0] + of[6];
                var dOutput = dh * of[0];
                var dc = states[1] + dh * of[1];
                if (peepholes is not null)
                    dc += dOutput * constants[1 + Output];
                var (dInput, dForget, dCandidate) = (dc * of[2], dc * of[3], dc * of[4]);
                var gates = b.Concat([dInput, dOutput, dForget, dCandidate], -1);
                var (nextH, nextC) = (b.MatMul(gates, constants[0]), dc * of[5]);
                if (rest is not null)
                    nextH += dh * of[^1];
                if (peepholes is not null)
                    nextC = nextC + dInput * constants[1 + Input] + dForget * constants[1 + Forget];
                return ([nextH, nextC], [gates]);
            });
        return new(given[0], null, last[0])
        {
            FirstC = last[1],
            Peepholes = () =>
            {
                var d = p.Parts(given[0], 4);
                return b.Concat(((Value[])[d[Input] * before, d[Output] * states, d[Forget] * before]).Select(v => b.ReduceSum(v, [0, 1], keep: false)), 0);
            },
        };
    }

    // The cell state each step leaves [T, N, H].
    private static Value States(RecurrentPass p, CellActivation f, Value[] seen, Value candidate, Value[]? peepholes, bool coupled)
    {
        if (peepholes is null)
        {
            var input = f.Of(p.B, seen[Input]);
            var forget = coupled ? 1 - input : f.Of(p.B, seen[Forget]);
            return TimeSteps.Run(p.B, [p.OneBehind(forget), p.Alive(input * candidate)], [p.FirstC], [], backwards: false, (b, of, states, _) =>
            {
                var next = of[0] * states[0] + of[1];
                return ([next], [next]);
            }).Outputs[0];
        }
        return TimeSteps.Run(
            p.B, [seen[Input], seen[Forget], candidate, .. RecurrentGradients.Present(p.Running)], [p.FirstC], [peepholes[Input], peepholes[Forget]], backwards: false,
            (b, of, states, constants) =>
            {
                var input = f.Of(b, of[0] + constants[0] * states[0]);
                var forget = coupled ? 1 - input : f.Of(b, of[1] + constants[1] * states[0]);
                var next = forget * states[0] + input * of[2];
                if (p.Running is not null)
                    next = states[0] + (next - states[0]) * of[3];
                return ([next], [next]);
            }).Outputs[0];
    }
}
