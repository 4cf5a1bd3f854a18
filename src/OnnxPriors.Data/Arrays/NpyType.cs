namespace OnnxPriors.Data.Arrays;

/// <summary>The element types of NumPy arrays that an <see cref="NpzFile"/> holds.</summary>
public enum NpyType
{
    /// <summary>One byte, 0 or 1 (<c>|b1</c>).</summary>
    Bool,
    /// <summary>Signed, 8 bits (<c>|i1</c>).</summary>
    Int8,
    /// <summary>Signed, 16 bits (<c>i2</c>).</summary>
    Int16,
    /// <summary>Signed, 32 bits (<c>i4</c>).</summary>
    Int32,
    /// <summary>Signed, 64 bits (<c>i8</c>).</summary>
    Int64,
    /// <summary>Unsigned, 8 bits (<c>|u1</c>).</summary>
    UInt8,
    /// <summary>Unsigned, 16 bits (<c>u2</c>).</summary>
    UInt16,
    /// <summary>Unsigned, 32 bits (<c>u4</c>).</summary>
    UInt32,
    /// <summary>Unsigned, 64 bits (<c>u8</c>).</summary>
    UInt64,
    /// <summary>IEEE half precision (<c>f2</c>).</summary>
    Float16,
    /// <summary>IEEE single precision (<c>f4</c>).</summary>
    Float32,
    /// <summary>IEEE double precision (<c>f8</c>).</summary>
    Float64,
}

/// <summary>The element types' sizes and names in the format.</summary>
internal static class NpyTypes
{
    private static readonly (string Code, NpyType Type, int Size, Type Clr)[] Table =
    [
        ("b1", NpyType.Bool, 1, typeof(bool)),
        ("i1", NpyType.Int8, 1, typeof(sbyte)),
        ("i2", NpyType.Int16, 2, typeof(short)),
        ("i4", NpyType.Int32, 4, typeof(int)),
        ("i8", NpyType.Int64, 8, typeof(long)),
        ("u1", NpyType.UInt8, 1, typeof(byte)),
        ("u2", NpyType.UInt16, 2, typeof(ushort)),
        ("u4", NpyType.UInt32, 4, typeof(uint)),
        ("u8", NpyType.UInt64, 8, typeof(ulong)),
        ("f2", NpyType.Float16, 2, typeof(Half)),
        ("f4", NpyType.Float32, 4, typeof(float)),
        ("f8", NpyType.Float64, 8, typeof(double)),
    ];

    /// <summary>The type of a code without its byte order (<c>f4</c>), or null where it is not one of the twelve.</summary>
    public static NpyType? Parse(string code)
    {
        foreach (var row in Table)
            if (row.Code == code)
                return row.Type;
        return null;
    }

    /// <summary>The size of one element in bytes.</summary>
    public static int Size(this NpyType type) => Table[(int)type].Size;

    /// <summary>The type as NumPy writes it on a little-endian machine (<c>&lt;f4</c>, <c>|u1</c>).</summary>
    public static string Descriptor(this NpyType type) => (type.Size() == 1 ? "|" : "<") + Table[(int)type].Code;

    /// <summary>The NumPy type of a .NET element type.</summary>
    /// <exception cref="ArgumentException">The type has no counterpart.</exception>
    public static NpyType Of(Type clr)
    {
        foreach (var row in Table)
            if (row.Clr == clr)
                return row.Type;
        throw new ArgumentException($"Arrays of {clr.Name} have no NumPy type.", nameof(clr));
    }
}
