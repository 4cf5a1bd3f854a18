using OnnxPriors.Graphs;
using static OnnxPriors.Gradients.Rules.Derivatives;

namespace OnnxPriors.Gradients.Rules;

/// <summary>Element-wise operators of two or more inputs, with broadcasting.</summary>
internal static class ArithmeticGradients
{
    public static IReadOnlyDictionary<string, GradientRule> Rules { get; } = new Dictionary<string, GradientRule>(StringComparer.Ordinal)
    {
        ["Add"] = Binary((g, a, b, y, dy) => dy, (g, a, b, y, dy) => dy),
        ["Sub"] = Binary((g, a, b, y, dy) => dy, (g, a, b, y, dy) => -dy),
        ["Mul"] = Binary((g, a, b, y, dy) => dy * b, (g, a, b, y, dy) => dy * a),
        ["Div"] = Binary((g, a, b, y, dy) => dy / b, (g, a, b, y, dy) => -(dy * y / b)),
        ["Mod"] = Binary((g, a, b, y, dy) => dy, (g, a, b, y, dy) => dy * ((y - a) / b)),
        ["Pow"] = Pow,
        // start + i · delta; the limit only counts the elements.
        ["Range"] = c =>
        {
            c.Give(0, () => c.B.SumAll(c.Dy()));
            c.Give(2, () => c.B.SumAll(c.Dy() * c.B.Cast(c.B.Range(c.B.Scalar(0, ElementType.Int64), c.B.SizeOf(c.Y()), c.B.Scalar(1, ElementType.Int64)), c.Dy().Type)));
        },
        ["Sum"] = Each((c, x) => c.Dy()),
        ["Mean"] = Each((c, x) => c.Dy() / c.Node.Inputs.Length),
        ["Max"] = Each(Extreme),
        ["Min"] = Each(Extreme),
        ["Where"] = c =>
        {
            c.Give(1, () => c.Dy() * c.B.Mask(c.X(0), c.Dy()));
            c.Give(2, () => c.Dy() * c.B.Mask(c.B.Not(c.X(0)), c.Dy()));
        },
        // A value passes where it lies within the bounds or on one; a bound where it took the value's place.
        ["Clip"] = c =>
        {
            c.Give(0, () => c.Dy() * c.B.Mask(c.B.Equal(c.X(), c.Y()), c.Dy()));
            c.Give(1, () => c.Dy() * c.B.Mask(c.B.Less(c.X(), c.X(1)), c.Dy()));
            c.Give(2, () => c.Dy() * c.B.Mask(c.B.Greater(c.X(), c.X(2)), c.Dy()));
        },
    };

    // The exponent may be of another type, integers among them.
    private static void Pow(GradientCall c)
    {
        var (b, x, dy) = (c.B, c.X(0), c.Dy());
        var p = b.Cast(c.X(1), x.Type);
        // An exponent of 0 gives 0, at x = 0 too, where the power itself would be infinite.
        c.Give(0, () => c.X(1).Data is { Count: 1 } data ? ByNumber(b, x, c.Y(), dy, data.ToDouble()[0])
            : dy * b.Where(b.Equal(p, b.Like(0, p)), b.Like(0, p), p * b.Pow(x, p - 1)));
        // y ln x, which is 0 at x = 0 where y is; for x < 0 there is no derivative, and 0 does no harm where NaN would.
        c.Give(1, () => b.Cast(dy * c.Y() * b.Log(b.Where(b.Greater(x, b.Like(0, x)), x, b.Like(1, x))), c.X(1).Type));
    }

    private static Value ByNumber(GraphBuilder b, Value x, Value y, Value dy, double p) => p switch
    {
        0 => dy * 0,
        2 => dy * x * 2,
        3 => dy * x * x * 3,
        0.5 => dy / y * 0.5,
        -1 => -(dy * y * y),
        _ => dy * (b.Pow(x, p - 1) * p),
    };

    // Inputs that tie share the gradient, as maximum and minimum of libtorch have it.
    private static Value Extreme(GradientCall c, Value x)
    {
        var (b, dy) = (c.B, c.Dy());
        Value Hits(Value input) => b.Mask(b.Equal(input, c.Y()), dy);
        if (c.Node.Inputs.Length == 1)
            return dy;
        var all = b.Sum([.. c.Node.Inputs.Select(i => Hits(i!))]);
        return dy * Hits(x) / all;
    }
}
