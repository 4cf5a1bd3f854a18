using System.Collections.Immutable;
using System.Runtime.InteropServices;

namespace OnnxPriors.Graphs;

/// <summary>A tensor's contents: element type, extents and little-endian bytes, row by row. Never changed once made.</summary>
public sealed class TensorData
{
    // Below this a conversion is done at once.
    private const long LazyElements = 1 << 18;

    // Set where the elements are float32 that are converted from these when they are read.
    private readonly TensorData? halves;
    private readonly ReadOnlyMemory<byte> bytes;
    private WeakReference<CastMemory<float>>? widened;

    /// <summary>A tensor over bytes that nobody changes any more.</summary>
    /// <param name="type">The element type, of a whole number of bytes.</param>
    /// <param name="dimensions">The extents, none negative.</param>
    /// <param name="bytes">The elements, little-endian, row by row.</param>
    /// <exception cref="ArgumentException">The bytes are not as many as the extents ask for.</exception>
    public TensorData(ElementType type, ImmutableArray<long> dimensions, ReadOnlyMemory<byte> bytes)
    {
        Type = type;
        Dimensions = dimensions;
        this.bytes = bytes;
        Count = 1;
        foreach (var dimension in dimensions)
            Count = checked(Count * (dimension >= 0 ? dimension : throw new ArgumentException($"The extent {dimension} is negative.", nameof(dimensions))));
        if (checked(Count * type.Size()) != bytes.Length)
            throw new ArgumentException($"A {type} tensor of shape [{string.Join(", ", dimensions)}] needs {Count * type.Size()} bytes, not {bytes.Length}.", nameof(bytes));
    }

    private TensorData(TensorData halves)
    {
        this.halves = halves;
        (Type, Dimensions, Count) = (ElementType.Float, halves.Dimensions, halves.Count);
        if (Length > int.MaxValue)
            throw new GraphException($"A {halves.Type} tensor of shape [{string.Join(", ", Dimensions)}] has more than 2 GiB as float32, the most that one tensor may have; split it before the export.");
    }

    /// <summary>The element type.</summary>
    public ElementType Type { get; }

    /// <summary>The extents, outermost first; none for a scalar.</summary>
    public ImmutableArray<long> Dimensions { get; }

    /// <summary>
    /// The elements, little-endian, row by row. Those of a large tensor that was widened from 16 bits are made when asked for and kept
    /// while somebody holds them; <see cref="WriteTo"/> and <see cref="ReadSingles"/> go through them in pieces instead.
    /// </summary>
    public ReadOnlyMemory<byte> Bytes
    {
        get
        {
            if (halves is null)
                return bytes;
            if (widened is not null && widened.TryGetTarget(out var kept))
                return kept.Memory;
            var all = new CastMemory<float>(halves.ToSingle());
            widened = new(all);
            return all.Memory;
        }
    }

    /// <summary>The number of bytes.</summary>
    public long Length => Count * Type.Size();

    /// <summary>The number of elements.</summary>
    public long Count { get; }

    /// <summary>The extents as a shape.</summary>
    public Shape Shape => Shape.Of(Dimensions.AsSpan());

    /// <summary>Reads elements as float32 numbers, without making the others.</summary>
    /// <param name="start">The first element, row by row.</param>
    /// <param name="values">Filled from there on.</param>
    /// <exception cref="InvalidOperationException">The elements are no real numbers.</exception>
    public void ReadSingles(long start, Span<float> values)
    {
        var (source, first) = (halves ?? this, checked((int)start));
        if (source.Type == ElementType.Float)
            source.Span<float>().Slice(first, values.Length).CopyTo(values);
        else if (source.Type == ElementType.Float16)
            System.Numerics.Tensors.TensorPrimitives.ConvertToSingle(source.Span<Half>().Slice(first, values.Length), values);
        else if (source.Type == ElementType.BFloat16)
            for (var i = 0; i < values.Length; i++)
                values[i] = BitConverter.UInt32BitsToSingle((uint)source.Span<ushort>()[first + i] << 16);
        else
            ToSingle().AsSpan(first, values.Length).CopyTo(values);
    }

    /// <summary>Writes the bytes in pieces.</summary>
    /// <param name="stream">Where to.</param>
    /// <exception cref="IOException">It cannot be written.</exception>
    public void WriteTo(Stream stream)
    {
        ArgumentNullException.ThrowIfNull(stream);
        if (halves is null)
        {
            stream.Write(bytes.Span);
            return;
        }
        var piece = new float[1 << 16];
        for (var start = 0L; start < Count; start += piece.Length)
        {
            var values = piece.AsSpan(0, (int)Math.Min(piece.Length, Count - start));
            ReadSingles(start, values);
            stream.Write(MemoryMarshal.AsBytes(values));
        }
    }

    /// <summary>The elements seen as a given type of the same size.</summary>
    /// <typeparam name="T">A type as large as an element.</typeparam>
    public ReadOnlySpan<T> Span<T>() where T : unmanaged => MemoryMarshal.Cast<byte, T>(Bytes.Span);

    /// <summary>A float32 tensor.</summary>
    /// <param name="values">The elements, row by row; the tensor takes the array over.</param>
    /// <param name="dimensions">The extents.</param>
    public static TensorData Of(float[] values, params ImmutableArray<long> dimensions) =>
        new(ElementType.Float, dimensions, new CastMemory<float>(values).Memory);

    /// <summary>A float64 tensor.</summary>
    /// <param name="values">The elements, row by row; the tensor takes the array over.</param>
    /// <param name="dimensions">The extents.</param>
    public static TensorData Of(double[] values, params ImmutableArray<long> dimensions) =>
        new(ElementType.Double, dimensions, new CastMemory<double>(values).Memory);

    /// <summary>An int64 tensor.</summary>
    /// <param name="values">The elements, row by row; the tensor takes the array over.</param>
    /// <param name="dimensions">The extents.</param>
    public static TensorData Of(long[] values, params ImmutableArray<long> dimensions) =>
        new(ElementType.Int64, dimensions, new CastMemory<long>(values).Memory);

    /// <summary>A boolean tensor.</summary>
    /// <param name="values">The elements, row by row; the tensor takes the array over.</param>
    /// <param name="dimensions">The extents.</param>
    public static TensorData Of(bool[] values, params ImmutableArray<long> dimensions) =>
        new(ElementType.Bool, dimensions, new CastMemory<bool>(values).Memory);

    /// <summary>An int64 vector.</summary>
    /// <param name="values">The elements.</param>
    public static TensorData Vector(params long[] values) => Of(values, values.Length);

    /// <summary>The elements as 64-bit integers.</summary>
    /// <exception cref="InvalidOperationException">The elements are not integers or booleans.</exception>
    public long[] ToInt64() => Type switch
    {
        ElementType.Int64 => Span<long>().ToArray(),
        ElementType.Int32 => Widen<int>(v => v),
        ElementType.Int16 => Widen<short>(v => v),
        ElementType.Int8 or ElementType.Int4 or ElementType.Int2 => Widen<sbyte>(v => v),
        ElementType.UInt8 or ElementType.Bool or ElementType.UInt4 or ElementType.UInt2 => Widen<byte>(v => v),
        ElementType.UInt16 => Widen<ushort>(v => v),
        ElementType.UInt32 => Widen<uint>(v => v),
        ElementType.UInt64 => Widen<ulong>(v => unchecked((long)v)),
        _ => throw new InvalidOperationException($"A tensor of {Type} holds no integers."),
    };

    /// <summary>The elements as float64 numbers.</summary>
    /// <exception cref="InvalidOperationException">The elements are no real numbers.</exception>
    public double[] ToDouble()
    {
        return Type switch
        {
            ElementType.Float => Convert<float>(v => v),
            ElementType.Double => Span<double>().ToArray(),
            ElementType.Float16 => Convert<Half>(v => (double)v),
            ElementType.BFloat16 => Convert<ushort>(v => BitConverter.UInt32BitsToSingle((uint)v << 16)),
            ElementType.UInt64 => Convert<ulong>(v => v),
            _ => Array.ConvertAll(ToInt64(), v => (double)v),
        };

        double[] Convert<T>(Func<T, double> widen) where T : unmanaged
        {
            var source = Span<T>();
            var result = new double[source.Length];
            for (var i = 0; i < result.Length; i++)
                result[i] = widen(source[i]);
            return result;
        }
    }

    /// <summary>The elements as float32 numbers.</summary>
    /// <exception cref="InvalidOperationException">The elements are no real numbers.</exception>
    public float[] ToSingle()
    {
        if (Type == ElementType.Float)
            return Span<float>().ToArray();
        if (Type == ElementType.Float16)
        {
            var halves = Span<Half>();
            var singles = new float[halves.Length];
            System.Numerics.Tensors.TensorPrimitives.ConvertToSingle(halves, singles);
            return singles;
        }
        return Array.ConvertAll(ToDouble(), v => (float)v);
    }

    /// <summary>The same elements in another type, as Cast of the ONNX specification converts them.</summary>
    /// <param name="type">The type wanted.</param>
    /// <exception cref="InvalidOperationException">The conversion is not between numbers or booleans.</exception>
    public TensorData ConvertTo(ElementType type)
    {
        if (type == Type)
            return this;
        if (type == ElementType.Float)
            return Count >= LazyElements && Type is (ElementType.Float16 or ElementType.BFloat16) ? new(this) : Of(ToSingle(), Dimensions);
        if (type == ElementType.Double)
            return Of(ToDouble(), Dimensions);
        if (type == ElementType.Float16)
            return new(type, Dimensions, new CastMemory<Half>(Array.ConvertAll(ToDouble(), v => (Half)v)).Memory);
        if (type == ElementType.BFloat16)
            return new(type, Dimensions, new CastMemory<ushort>(Array.ConvertAll(ToSingle(), ToBFloat16)).Memory);
        if (type == ElementType.Bool)
            return Of(Array.ConvertAll(ToDouble(), v => v != 0), Dimensions);
        var integers = Type.IsFloating() ? Array.ConvertAll(ToDouble(), v => unchecked((long)v)) : ToInt64();
        return type switch
        {
            ElementType.Int64 => Of(integers, Dimensions),
            ElementType.Int32 => Narrow(v => unchecked((int)v)),
            ElementType.Int16 => Narrow(v => unchecked((short)v)),
            ElementType.Int8 or ElementType.Int4 or ElementType.Int2 => Narrow(v => unchecked((sbyte)v)),
            ElementType.UInt8 or ElementType.UInt4 or ElementType.UInt2 => Narrow(v => unchecked((byte)v)),
            ElementType.UInt16 => Narrow(v => unchecked((ushort)v)),
            ElementType.UInt32 => Narrow(v => unchecked((uint)v)),
            ElementType.UInt64 => Narrow(v => unchecked((ulong)v)),
            ElementType.Undefined => throw new InvalidOperationException("an element type is not known; state the types of the graph's inputs"),
            _ => throw new InvalidOperationException($"Elements of {Type} cannot be converted to {type}."),
        };

        TensorData Narrow<T>(Converter<long, T> narrow) where T : unmanaged =>
            new(type, Dimensions, new CastMemory<T>(Array.ConvertAll(integers, narrow)).Memory);
    }

    /// <summary>The same elements with other extents.</summary>
    /// <param name="dimensions">Extents of the same number of elements.</param>
    public TensorData Reshape(params ImmutableArray<long> dimensions) => halves is null ? new(Type, dimensions, bytes) : new(halves.Reshape(dimensions));

    // Rounded to the nearest, ties to even; a NaN stays one.
    private static ushort ToBFloat16(float value)
    {
        var bits = BitConverter.SingleToUInt32Bits(value);
        return float.IsNaN(value) ? (ushort)0x7FC0 : (ushort)((bits + 0x7FFF + ((bits >> 16) & 1)) >> 16);
    }

    private long[] Widen<T>(Func<T, long> widen) where T : unmanaged
    {
        var source = Span<T>();
        var result = new long[source.Length];
        for (var i = 0; i < result.Length; i++)
            result[i] = widen(source[i]);
        return result;
    }

    /// <summary>Sees an array of numbers as bytes without copying it.</summary>
    private sealed class CastMemory<T>(T[] array) : System.Buffers.MemoryManager<byte> where T : unmanaged
    {
        public override Span<byte> GetSpan() => MemoryMarshal.AsBytes(array.AsSpan());

        public override System.Buffers.MemoryHandle Pin(int elementIndex = 0)
        {
            var handle = GCHandle.Alloc(array, GCHandleType.Pinned);
            unsafe
            {
                return new System.Buffers.MemoryHandle((byte*)handle.AddrOfPinnedObject() + elementIndex, handle);
            }
        }

        public override void Unpin()
        {
            // The memory handle owns the pin.
        }

        protected override void Dispose(bool disposing)
        {
            // The array is the garbage collector's.
        }
    }
}
