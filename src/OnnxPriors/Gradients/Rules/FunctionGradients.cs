using static OnnxPriors.Gradients.Rules.Derivatives;

namespace OnnxPriors.Gradients.Rules;

/// <summary>Functions of one real number.</summary>
internal static class FunctionGradients
{
    public static IReadOnlyDictionary<string, GradientRule> Rules { get; } = new Dictionary<string, GradientRule>(StringComparer.Ordinal)
    {
        ["Identity"] = Unary((b, x, y, dy) => dy),
        ["Cast"] = Unary((b, x, y, dy) => b.Cast(dy, x.Type)),
        ["CastLike"] = Unary((b, x, y, dy) => b.Cast(dy, x.Type)),
        ["Neg"] = Unary((b, x, y, dy) => -dy),
        ["Abs"] = Unary((b, x, y, dy) => dy * b.Sign(x)),
        ["Reciprocal"] = Unary((b, x, y, dy) => -(dy * y * y)),
        ["Sqrt"] = Unary((b, x, y, dy) => dy / y * 0.5),
        ["Exp"] = Unary((b, x, y, dy) => dy * y),
        ["Log"] = Unary((b, x, y, dy) => dy / x),
        ["Erf"] = Unary((b, x, y, dy) => dy * b.Exp(-(x * x)) * (2 / Math.Sqrt(Math.PI))),
        ["Sin"] = Unary((b, x, y, dy) => dy * b.Cos(x)),
        ["Cos"] = Unary((b, x, y, dy) => -(dy * b.Sin(x))),
        ["Tan"] = Unary((b, x, y, dy) => dy * (y * y + 1)),
        ["Asin"] = Unary((b, x, y, dy) => dy / b.Sqrt(1 - x * x)),
        ["Acos"] = Unary((b, x, y, dy) => -(dy / b.Sqrt(1 - x * x))),
        ["Atan"] = Unary((b, x, y, dy) => dy / (x * x + 1)),
        ["Sinh"] = Unary((b, x, y, dy) => dy * b.Cosh(x)),
        ["Cosh"] = Unary((b, x, y, dy) => dy * b.Sinh(x)),
        ["Asinh"] = Unary((b, x, y, dy) => dy / b.Sqrt(x * x + 1)),
        ["Acosh"] = Unary((b, x, y, dy) => dy / b.Sqrt(x * x - 1)),
        ["Atanh"] = Unary((b, x, y, dy) => dy / (1 - x * x)),
    };
}
