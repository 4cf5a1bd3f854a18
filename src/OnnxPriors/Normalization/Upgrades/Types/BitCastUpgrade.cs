using OnnxPriors.Graphs;

namespace OnnxPriors.Normalization.Upgrades.Types;

/// <summary>
/// BitCast-26: the bits of a number read as another type of as many. Between integers that is a Cast of what the other type holds; between integers and floats the sign,
/// exponent and mantissa are taken apart in arithmetic, in float64 and int64, which hold them exactly.
/// </summary>
internal static class BitCastUpgrade
{
    public static IEnumerable<UpgradeRule> Rules => [UpgradeRule.Always("BitCast", BitCast)];

    /// <summary>How a float type lays out its bits.</summary>
    private sealed record Layout(int Mantissa, int Exponent)
    {
        public int Bias => (1 << (Exponent - 1)) - 1;

        public static Layout? Of(ElementType type) => type switch
        {
            ElementType.Float16 => new(10, 5),
            ElementType.BFloat16 => new(7, 8),
            ElementType.Float => new(23, 8),
            ElementType.Double => new(52, 11),
            _ => null,
        };
    }

    private static void BitCast(NodeUpgrade node)
    {
        var (b, x) = (node.B, node.Input(0));
        var to = (ElementType)node.Attributes.Int("to");
        if (to.Size() == 0 || to.Size() != x.Type.Size())
            throw NodeUpgrade.Refuse($"it reads {x.Type} as {to}, which has another number of bits", "Export the model with types of as many bits");
        var (from, into) = (Layout.Of(x.Type), Layout.Of(to));
        var bits = from is null ? b.Cast(x, ElementType.Int64) : Bits(b, b.Cast(x, ElementType.Double), from);
        if (into is not null)
            node.FinishWith(b.Cast(Number(b, Unsigned(b, bits, 1 + into.Mantissa + into.Exponent), into), to));
        else if (to == ElementType.Bool || to.Size() == 8)
            node.FinishWith(b.Cast(bits, to));
        else
            node.FinishWith(b.Cast(Signed(b, Unsigned(b, bits, to.Size() * 8), to), to));
    }

    // −2ⁿ⁻¹ … 2ⁿ⁻¹ − 1 → 0 … 2ⁿ − 1; at 64 bits the sign stays.
    private static Value Unsigned(GraphBuilder b, Value bits, int width) =>
        width == 64 ? bits : b.Mod(bits, b.Scalar(1L << width, ElementType.Int64));

    private static Value Signed(GraphBuilder b, Value bits, ElementType to)
    {
        if (to is ElementType.UInt8 or ElementType.UInt16 or ElementType.UInt32)
            return bits;
        var half = b.Scalar(1L << (to.Size() * 8 - 1), ElementType.Int64);
        return b.Where(b.GreaterOrEqual(bits, half), bits - half - half, bits);
    }

    /// <summary>The bits of float64 numbers that a narrower layout holds too, as non-negative int64 (negative at 64 bits).</summary>
    private static Value Bits(GraphBuilder b, Value x, Layout layout)
    {
        var (zero, one) = (b.Scalar(0, ElementType.Double), b.Scalar(1, ElementType.Double));
        var size = b.Abs(x);
        var isNaN = b.Apply("IsNaN", [x]);
        var isInfinite = b.Apply("IsInf", [x]);
        var finite = b.Where(b.Or(isNaN, isInfinite), one, size);
        // Below the least normal number the exponent stays and the mantissa alone shrinks. The logarithm may be one off at powers of two.
        var least = 1 - layout.Bias;
        var guess = b.Floor(b.Log(b.Max(finite, b.Scalar(Math.Pow(2, least), ElementType.Double))) / Math.Log(2));
        guess = b.Where(b.Less(finite, Power(b, guess)), guess - 1, guess);
        guess = b.Where(b.GreaterOrEqual(finite, Power(b, guess + 1)), guess + 1, guess);
        var exponent = b.Max(guess, b.Scalar(least, ElementType.Double));
        // In steps, so that neither factor leaves the range of float64.
        var whole = finite / Power(b, exponent) * Math.Pow(2, layout.Mantissa);
        var code = b.Cast(whole, ElementType.Int64) + (b.Cast(exponent, ElementType.Int64) + b.Scalar(layout.Bias - 1, ElementType.Int64)) * Step(b, layout);
        var all = b.Scalar((1L << layout.Exponent) - 1, ElementType.Int64) * Step(b, layout);
        code = b.Where(isInfinite, all, b.Where(isNaN, all + b.Scalar(1L << (layout.Mantissa - 1), ElementType.Int64), code));
        // The sign of zero shows in its reciprocal.
        var isNegative = b.Or(b.Less(x, zero), b.Less(one / x, zero));
        return b.Where(isNegative, code + b.Scalar(1L << (layout.Mantissa + layout.Exponent), ElementType.Int64), code);
    }

    /// <summary>The float64 numbers that bits stand for.</summary>
    private static Value Number(GraphBuilder b, Value bits, Layout layout)
    {
        var top = layout.Mantissa + layout.Exponent;
        var sign = b.Scalar(1L << top, ElementType.Int64);
        var none = b.Scalar(0L, ElementType.Int64);
        var isNegative = top == 63 ? b.Less(bits, none) : b.GreaterOrEqual(bits, sign);
        // At 64 bits the sign is the least int64, whose subtraction wraps to the bits below it.
        var rest = b.Where(isNegative, bits - sign, bits);
        var exponent = b.Div(rest, Step(b, layout));
        var mantissa = rest - exponent * Step(b, layout);
        var place = b.Cast(b.Max(exponent, b.Scalar(1, ElementType.Int64)), ElementType.Double) - layout.Bias;
        var lead = b.Where(b.Greater(exponent, none), b.Scalar(1, ElementType.Double), b.Scalar(0, ElementType.Double));
        var number = (lead + b.Cast(mantissa, ElementType.Double) / Math.Pow(2, layout.Mantissa)) * Power(b, place);
        var isSpecial = b.Equal(exponent, b.Scalar((1L << layout.Exponent) - 1, ElementType.Int64));
        var special = b.Where(b.Equal(mantissa, none), b.Scalar(double.PositiveInfinity, ElementType.Double), b.Scalar(double.NaN, ElementType.Double));
        number = b.Where(isSpecial, special, number);
        return b.Where(isNegative, b.Neg(number), number);
    }

    private static Value Step(GraphBuilder b, Layout layout) => b.Scalar(1L << layout.Mantissa, ElementType.Int64);

    private static Value Power(GraphBuilder b, Value exponent) => b.Pow(b.Scalar(2, ElementType.Double), exponent);
}
