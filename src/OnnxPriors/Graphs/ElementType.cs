namespace OnnxPriors.Graphs;

/// <summary>The element types of tensors, with the numbers that <c>TensorProto.DataType</c> of the ONNX specification gives them.</summary>
public enum ElementType
{
    /// <summary>Not known yet.</summary>
    Undefined = 0,
    /// <summary>IEEE 754 binary32.</summary>
    Float = 1,
    /// <summary>Unsigned 8-bit integer.</summary>
    UInt8 = 2,
    /// <summary>Signed 8-bit integer.</summary>
    Int8 = 3,
    /// <summary>Unsigned 16-bit integer.</summary>
    UInt16 = 4,
    /// <summary>Signed 16-bit integer.</summary>
    Int16 = 5,
    /// <summary>Signed 32-bit integer.</summary>
    Int32 = 6,
    /// <summary>Signed 64-bit integer.</summary>
    Int64 = 7,
    /// <summary>UTF-8 text; never supported in a graph, named so that it can be refused.</summary>
    String = 8,
    /// <summary>One byte, 0 or 1.</summary>
    Bool = 9,
    /// <summary>IEEE 754 binary16.</summary>
    Float16 = 10,
    /// <summary>IEEE 754 binary64.</summary>
    Double = 11,
    /// <summary>Unsigned 32-bit integer.</summary>
    UInt32 = 12,
    /// <summary>Unsigned 64-bit integer.</summary>
    UInt64 = 13,
    /// <summary>Two binary32 numbers.</summary>
    Complex64 = 14,
    /// <summary>Two binary64 numbers.</summary>
    Complex128 = 15,
    /// <summary>The upper half of a binary32 number.</summary>
    BFloat16 = 16,
    /// <summary>8-bit float, 4 exponent bits, finite, no negative zero restriction.</summary>
    Float8E4M3FN = 17,
    /// <summary>8-bit float, 4 exponent bits, unsigned zero.</summary>
    Float8E4M3FNUZ = 18,
    /// <summary>8-bit float, 5 exponent bits.</summary>
    Float8E5M2 = 19,
    /// <summary>8-bit float, 5 exponent bits, unsigned zero.</summary>
    Float8E5M2FNUZ = 20,
    /// <summary>Unsigned 4-bit integer, two to a byte.</summary>
    UInt4 = 21,
    /// <summary>Signed 4-bit integer, two to a byte.</summary>
    Int4 = 22,
    /// <summary>4-bit float, two to a byte.</summary>
    Float4E2M1 = 23,
    /// <summary>An exponent alone in 8 bits.</summary>
    Float8E8M0 = 24,
    /// <summary>Unsigned 2-bit integer, four to a byte.</summary>
    UInt2 = 25,
    /// <summary>Signed 2-bit integer, four to a byte.</summary>
    Int2 = 26,
}

/// <summary>What is known of an element type.</summary>
public static class ElementTypes
{
    /// <summary>Bytes an element takes in memory, where integers of 2 and 4 bits have one each; 0 where it has no fixed size.</summary>
    /// <param name="type">The type.</param>
    public static int Size(this ElementType type) => type switch
    {
        ElementType.UInt8 or ElementType.Int8 or ElementType.Bool => 1,
        ElementType.Int2 or ElementType.UInt2 or ElementType.Int4 or ElementType.UInt4 => 1,
        ElementType.Float8E4M3FN or ElementType.Float8E4M3FNUZ or ElementType.Float8E5M2 or ElementType.Float8E5M2FNUZ => 1,
        ElementType.UInt16 or ElementType.Int16 or ElementType.Float16 or ElementType.BFloat16 => 2,
        ElementType.Float or ElementType.Int32 or ElementType.UInt32 => 4,
        ElementType.Double or ElementType.Int64 or ElementType.UInt64 or ElementType.Complex64 => 8,
        ElementType.Complex128 => 16,
        _ => 0,
    };

    /// <summary>Whether the type is a real floating-point type that a gradient can have.</summary>
    /// <param name="type">The type.</param>
    public static bool IsFloating(this ElementType type) =>
        type is ElementType.Float or ElementType.Double or ElementType.Float16 or ElementType.BFloat16;

    /// <summary>Whether the type is an integer type of a whole number of bytes.</summary>
    /// <param name="type">The type.</param>
    public static bool IsInteger(this ElementType type) =>
        type is ElementType.Int8 or ElementType.Int16 or ElementType.Int32 or ElementType.Int64
            or ElementType.UInt8 or ElementType.UInt16 or ElementType.UInt32 or ElementType.UInt64;
}
