using OnnxPriors.Graphs;
using static TorchSharp.torch;

namespace OnnxPriors.Torch.Operators;

/// <summary>Operators that compute each element on its own, with broadcasting.</summary>
internal static class Elementwise
{
    public static OperatorTable Table { get; } = new()
    {
        // One operand
        { "Identity", c => c[0] },
        { "Abs", c => c[0].abs() },
        { "Neg", c => -c[0] },
        { "Sign", c => c[0].sign() },
        { "Reciprocal", c => 1 / c[0] },
        { "Sqrt", c => c[0].sqrt() },
        { "Exp", c => c[0].exp() },
        { "Log", c => c[0].log() },
        { "Ceil", c => c[0].ceil() },
        { "Floor", c => c[0].floor() },
        { "Round", c => c[0].round() },
        { "Erf", c => c[0].erf() },
        { "Sin", c => c[0].sin() },
        { "Cos", c => c[0].cos() },
        { "Tan", c => c[0].tan() },
        { "Asin", c => c[0].asin() },
        { "Acos", c => c[0].acos() },
        { "Atan", c => c[0].atan() },
        { "Sinh", c => c[0].sinh() },
        { "Cosh", c => c[0].cosh() },
        { "Tanh", c => c[0].tanh() },
        { "Asinh", c => c[0].asinh() },
        { "Acosh", c => c[0].acosh() },
        { "Atanh", c => c[0].atanh() },
        { "IsNaN", c => c[0].isnan() },
        { "IsInf", c => IsInfinite(c[0], c.Attributes.Flag("detect_negative", true), c.Attributes.Flag("detect_positive", true)) },
        { "Not", c => c[0].logical_not() },
        { "BitwiseNot", c => c[0].bitwise_not() },
        { "Cast", c => c[0].to(c.Engine.TypeOf((ElementType)c.Attributes.Int("to"))) },
        { "CastLike", c => c[0].to(c[1].dtype) },

        // Two operands
        { "Add", c => c[0] + c[1] },
        { "Sub", c => c[0] - c[1] },
        { "Mul", c => c[0] * c[1] },
        { "Div", c => c[0].is_floating_point() ? c[0] / c[1] : c[0].div(c[1], RoundingMode.trunc) },
        { "Mod", c => c.Attributes.Flag("fmod") ? c[0].fmod(c[1]) : c[0].remainder(c[1]) },
        { "Pow", c => c[0].pow(c[1]).to(c[0].dtype) },
        { "PRelu", c => where(c[0] < 0, c[0] * c[1], c[0]) },
        { "BitShift", c => c.Attributes.String("direction") == "LEFT" ? c[0].bitwise_left_shift(c[1]) : c[0].bitwise_right_shift(c[1]) },
        { "BitwiseAnd", c => c[0].bitwise_and(c[1]) },
        { "BitwiseOr", c => c[0].bitwise_or(c[1]) },
        { "BitwiseXor", c => c[0].bitwise_xor(c[1]) },
        { "And", c => c[0].logical_and(c[1]) },
        { "Or", c => c[0].logical_or(c[1]) },
        { "Xor", c => c[0].logical_xor(c[1]) },
        { "Equal", c => c[0].eq(c[1]) },
        { "Greater", c => c[0].gt(c[1]) },
        { "GreaterOrEqual", c => c[0].ge(c[1]) },
        { "Less", c => c[0].lt(c[1]) },
        { "LessOrEqual", c => c[0].le(c[1]) },

        // Any number
        { "Sum", c => c.All.Aggregate((a, b) => a + b) },
        { "Mean", c => c.All.Aggregate((a, b) => a + b) / c.Count },
        { "Max", c => c.All.Aggregate((a, b) => a.maximum(b)) },
        { "Min", c => c.All.Aggregate((a, b) => a.minimum(b)) },
        { "Where", c => where(c[0], c[1], c[2]) },
        { "Clip", c => Clip(c[0], c.Optional(1), c.Optional(2)) },
    };

    // With both bounds the upper one wins where they cross, as the specification (min, then max) has it.
    private static Tensor Clip(Tensor x, Tensor? low, Tensor? high) => (low, high) switch
    {
        (null, null) => x,
        ({ } min, null) => x.clamp(min: min, max: null),
        (null, { } max) => x.clamp(min: null, max: max),
        ({ } min, { } max) => x.clamp(min: min, max: max),
    };

    private static Tensor IsInfinite(Tensor x, bool negative, bool positive) => (negative, positive) switch
    {
        (true, true) => x.isinf(),
        (true, false) => x.isneginf(),
        (false, true) => x.isposinf(),
        _ => zeros_like(x, ScalarType.Bool),
    };
}
