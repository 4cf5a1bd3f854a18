using OnnxPriors.Graphs;

namespace OnnxPriors.Gradients.Rules.Recurrent;

/// <summary>
/// An activation of a recurrent cell, as the specification's page of LSTM lists them, behind the cell's clipping: its value, and its slope by input and value.
/// </summary>
/// <param name="Apply">The value for an input within the clipping's bounds.</param>
/// <param name="SlopeAt">The slope for an input within the bounds and the value there.</param>
/// <param name="Clip">The bound on the input's magnitude; 0 where there is none.</param>
internal sealed record CellActivation(Func<GraphBuilder, Value, Value> Apply, Func<GraphBuilder, Value, Value, Value> SlopeAt, double Clip)
{
    /// <summary>The value.</summary>
    public Value Of(GraphBuilder b, Value x) => Apply(b, Bounded(b, x));

    /// <summary>Value and slope; the slope beyond the clipping's bounds is 0.</summary>
    public (Value Value, Value Slope) Both(GraphBuilder b, Value x)
    {
        var bounded = Bounded(b, x);
        var value = Apply(b, bounded);
        var slope = SlopeAt(b, bounded, value);
        return (value, Clip > 0 ? slope * b.Mask(b.LessOrEqual(b.Abs(x), b.Like(Clip, x)), x) : slope);
    }

    private Value Bounded(GraphBuilder b, Value x) => Clip > 0 ? b.Clip(x, b.Like(-Clip, x), b.Like(Clip, x)) : x;

    /// <summary>The activations of all directions, one after the other.</summary>
    /// <param name="c">The node.</param>
    /// <param name="defaults">A direction's activations where none are named.</param>
    /// <param name="directions">The number of directions.</param>
    public static CellActivation[] Read(GradientCall c, string[] defaults, int directions)
    {
        var names = c.Attributes.Strings("activations") ?? [.. Enumerable.Repeat(defaults, directions).SelectMany(n => n)];
        if (names.Length != defaults.Length * directions)
            throw c.Refuse($"it names {names.Length} activations where {defaults.Length * directions} are needed");
        // Parameters are handed out in the order of the activations that take them.
        var alphas = new Queue<float>(c.Attributes.Floats("activation_alpha") ?? []);
        var betas = new Queue<float>(c.Attributes.Floats("activation_beta") ?? []);
        return [.. names.Select(name => Named(c, name, a => alphas.TryDequeue(out var given) ? given : a, b => betas.TryDequeue(out var given) ? given : b))];
    }

    private static CellActivation Named(GradientCall c, string name, Func<float, double> alpha, Func<float, double> beta)
    {
        var clip = c.Attributes.Float("clip");
        CellActivation Make(Func<GraphBuilder, Value, Value> apply, Func<GraphBuilder, Value, Value, Value> slope) => new(apply, slope, clip);
        double a, k;
        switch (name.ToUpperInvariant())
        {
            case "SIGMOID": return Make((b, x) => b.Sigmoid(x), (b, x, y) => y * (1 - y));
            case "TANH": return Make((b, x) => b.Tanh(x), (b, x, y) => 1 - y * y);
            case "RELU": return Make((b, x) => b.Relu(x), (b, x, y) => b.Mask(b.Greater(x, b.Like(0, x)), x));
            case "SOFTSIGN": return Make((b, x) => b.Apply("Softsign", [x]), (b, x, y) => b.Pow(b.Abs(x) + 1, -2));
            case "SOFTPLUS": return Make((b, x) => b.Softplus(x), (b, x, y) => b.Sigmoid(x));
            case "LEAKYRELU":
                a = alpha(0.01f);
                return Make((b, x) => Where(b, x, 0, x, x * a), (b, x, y) => Where(b, x, 0, b.Like(1, x), b.Like(a, x)));
            case "THRESHOLDEDRELU":
                a = alpha(1);
                return Make((b, x) => Where(b, x, a, x, b.Like(0, x)), (b, x, y) => b.Mask(b.Greater(x, b.Like(a, x)), x));
            case "ELU":
                a = alpha(1);
                return Make((b, x) => b.Apply("Elu", [x], Attributes.None.With("alpha", a)), (b, x, y) => Where(b, x, 0, b.Like(1, x), y + a));
            case "AFFINE":
                (a, k) = (alpha(1), beta(0));
                return Make((b, x) => x * a + k, (b, x, y) => b.FilledLike(x, a));
            case "SCALEDTANH":
                (a, k) = (alpha(1), beta(1));
                return Make((b, x) => b.Tanh(x * k) * a, (b, x, y) => (a - y * y / a) * k);
            case "HARDSIGMOID":
                (a, k) = (alpha(0.2f), beta(0.5f));
                return Make(
                    (b, x) => b.Clip(x * a + k, b.Like(0, x), b.Like(1, x)),
                    (b, x, y) => b.Mask(b.And(b.Greater(y, b.Like(0, y)), b.Less(y, b.Like(1, y))), x) * a);
            default: throw c.Refuse($"its activation '{name}' is not known");
        }
    }

    private static Value Where(GraphBuilder b, Value x, double above, Value yes, Value no) => b.Where(b.Greater(x, b.Like(above, x)), yes, no);
}
