using OnnxPriors.Graphs;

namespace OnnxPriors.Gradients.Rules.Recurrent;

/// <summary>
/// Back-propagation through time (Werbos, 1990) of the specification's three recurrent cells. Slopes and what multiplies them are known for all steps at
/// once; a step backwards is a product with the recurrence weights and a few element-wise ones.
/// </summary>
internal static class RecurrentGradients
{
    public static IReadOnlyDictionary<string, GradientRule> Rules { get; } = new Dictionary<string, GradientRule>(StringComparer.Ordinal)
    {
        ["RNN"] = c => RecurrentNode.Rule(c, 1, ["Tanh"], Rnn),
        ["GRU"] = c => RecurrentNode.Rule(c, 3, ["Sigmoid", "Tanh"], Gru),
        ["LSTM"] = c => RecurrentNode.Rule(c, 4, ["Sigmoid", "Tanh", "Tanh"], LstmGradient.Cell),
    };

    // hₜ = f(xW + hₜ₋₁R + b).
    private static RecurrentNode.Found Rnn(GradientCall c, RecurrentPass p, CellActivation[] f)
    {
        var (_, slope) = f[0].Both(p.B, p.FromInput(0, 1) + p.FromState(p.H, 0, 1));
        var rest = p.Running is null ? null : 1 - p.Running;
        var (last, given) = TimeSteps.Run(
            p.B, [p.Alive(slope), .. Present(p.Dy), .. Present(rest)], [p.LastDh], [p.R], backwards: true, (b, of, states, constants) =>
            {
                var dh = p.Dy is null ? states[0] : states[0] + of[1];
                var gate = dh * of[0];
                var before = b.MatMul(gate, constants[0]);
                return ([rest is null ? before : before + dh * of[^1]], [gate]);
            });
        return new(given[0], null, last[0]);
    }

    // z, r = f(…), n = g(xW + (r hₜ₋₁)R + b) or, linear_before_reset, g(xW + b + r (hₜ₋₁R + b′)); hₜ = (1 − z) n + z hₜ₋₁.
    private static RecurrentNode.Found Gru(GradientCall c, RecurrentPass p, CellActivation[] f)
    {
        var linear = c.Attributes.Flag("linear_before_reset");
        var gates = p.Parts(p.FromInput(0, 2) + p.FromState(p.H, 0, 2), 2);
        var (update, updateSlope) = f[0].Both(p.B, gates[0]);
        var (reset, resetSlope) = f[0].Both(p.B, gates[1]);
        var kept = reset * p.H;
        var state = linear ? p.FromState(p.H, 2, 1) : null;
        var (candidate, candidateSlope) = f[1].Both(p.B, p.FromInput(2, 1) + (state is null ? p.FromState(kept, 2, 1) : reset * state));
        Value[] factors =
        [
            p.Alive((p.H - candidate) * updateSlope), p.Alive((state ?? p.H) * resetSlope), p.Alive((1 - update) * candidateSlope), p.OneBehind(update), reset,
        ];
        Value[] weights = linear ? [p.R] : [p.Gates(p.R, 0, 2), p.Gates(p.R, 2, 1)];
        var (last, given) = TimeSteps.Run(p.B, [.. factors, .. Present(p.Dy)], [p.LastDh], weights, backwards: true, (b, of, states, constants) =>
        {
            var dh = p.Dy is null ? states[0] : states[0] + of[^1];
            var (dz, dn, direct) = (dh * of[0], dh * of[2], dh * of[3]);
            if (linear)
            {
                var all = b.Concat([dz, dn * of[1], dn * of[4]], -1);
                return ([direct + b.MatMul(all, constants[0])], [all, dn]);
            }
            var dKept = b.MatMul(dn, constants[1]);
            var two = b.Concat([dz, dKept * of[1]], -1);
            return ([direct + dKept * of[4] + b.MatMul(two, constants[0])], [two, dn]);
        });
        return linear
            ? new(p.B.Concat([p.B.Slice(given[0], -1, 0, 2 * p.Hidden), given[1]], -1), given[0], last[0])
            : new(p.B.Concat(given, -1), null, last[0]) { LastGateH = kept };
    }

    /// <summary>A value where it is there.</summary>
    public static Value[] Present(Value? value) => value is null ? [] : [value];
}
