using System.Collections.Immutable;
using System.Runtime.InteropServices;
using OnnxPriors.Graphs;

namespace OnnxPriors.Onnx;

/// <summary>
/// Numbers of less than 16 bits that arrays in memory do not have: integers of 2 and 4 bits take a byte each once read, floats of 4 and
/// 8 bits become float32 (ONNX specification, 'Float stored in 8 bits' and '4 bit integer types').
/// </summary>
internal static class NarrowNumbers
{
    /// <summary>The bits an element takes in a file; 0 where the type is none of these.</summary>
    public static int Bits(ElementType type) => type switch
    {
        ElementType.Int2 or ElementType.UInt2 => 2,
        ElementType.Int4 or ElementType.UInt4 or ElementType.Float4E2M1 => 4,
        ElementType.Float8E4M3FN or ElementType.Float8E4M3FNUZ or ElementType.Float8E5M2 or ElementType.Float8E5M2FNUZ or ElementType.Float8E8M0 => 8,
        _ => 0,
    };

    /// <summary>Bytes that so many elements take in a file.</summary>
    public static long Length(ElementType type, long count) => checked((count * Bits(type) + 7) / 8);

    /// <summary>The elements in the form they have in memory.</summary>
    public static TensorData Read(ElementType type, ImmutableArray<long> dimensions, long count, ReadOnlySpan<byte> packed)
    {
        var bits = Bits(type);
        var codes = new byte[count];
        for (var i = 0; i < codes.Length; i++)
            codes[i] = (byte)(packed[(int)((long)i * bits / 8)] >> (i * bits % 8) & ((1 << bits) - 1));
        switch (type)
        {
            case ElementType.UInt2 or ElementType.UInt4:
                return new(type, dimensions, codes);
            case ElementType.Int2 or ElementType.Int4:
                // The sign stands in the highest bit.
                for (var i = 0; i < codes.Length; i++)
                    codes[i] = (byte)((sbyte)(codes[i] << (8 - bits)) >> (8 - bits));
                return new(type, dimensions, codes);
            default:
                return new(ElementType.Float, dimensions, MemoryMarshal.AsBytes(Array.ConvertAll(codes, c => Decode(type, c)).AsSpan()).ToArray());
        }
    }

    private static float Decode(ElementType type, byte code)
    {
        if (type == ElementType.Float8E8M0)
            return code == 255 ? float.NaN : MathF.ScaleB(1, code - 127);
        var (mantissaBits, bias) = type switch
        {
            ElementType.Float4E2M1 => (1, 1),
            ElementType.Float8E4M3FN => (3, 7),
            ElementType.Float8E4M3FNUZ => (3, 8),
            ElementType.Float8E5M2 => (2, 15),
            _ => (2, 16),
        };
        var (width, isUnsignedZero) = (Bits(type), type is ElementType.Float8E4M3FNUZ or ElementType.Float8E5M2FNUZ);
        var isNegative = code >> (width - 1) != 0;
        var exponent = (code & ((1 << (width - 1)) - 1)) >> mantissaBits;
        var mantissa = code & ((1 << mantissaBits) - 1);
        // What negative zero would be is NaN; the others have it where all bits are set, and E5M2 infinities as wider floats have.
        if (isUnsignedZero && code == 0x80)
            return float.NaN;
        if (type == ElementType.Float8E4M3FN && (code & 0x7F) == 0x7F)
            return float.NaN;
        if (type == ElementType.Float8E5M2 && exponent == 31)
            return mantissa != 0 ? float.NaN : isNegative ? float.NegativeInfinity : float.PositiveInfinity;
        var value = exponent == 0
            ? MathF.ScaleB(mantissa, 1 - bias - mantissaBits)
            : MathF.ScaleB((1 << mantissaBits) + mantissa, exponent - bias - mantissaBits);
        return isNegative ? -value : value;
    }
}
