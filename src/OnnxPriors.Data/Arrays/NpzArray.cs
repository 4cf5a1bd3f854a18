using System.Globalization;
using System.Numerics;
using System.Runtime.InteropServices;

namespace OnnxPriors.Data.Arrays;

/// <summary>One array of an NPZ file: row-major, little-endian.</summary>
public sealed class NpzArray
{
    private readonly byte[] bytes;

    /// <summary>Wraps the bytes of an array.</summary>
    /// <param name="type">The element type.</param>
    /// <param name="shape">The dimensions; empty for a scalar.</param>
    /// <param name="bytes">The elements, row-major and little-endian; the array takes them over.</param>
    /// <exception cref="ArgumentException">The byte count does not fit type and shape.</exception>
    public NpzArray(NpyType type, IReadOnlyList<long> shape, byte[] bytes)
    {
        ArgumentNullException.ThrowIfNull(shape);
        ArgumentNullException.ThrowIfNull(bytes);
        Type = type;
        Shape = [.. shape];
        this.bytes = bytes;
        Count = bytes.Length / type.Size();
        long expected = type.Size();
        foreach (var length in shape)
            expected = checked(expected * length);
        if (expected != bytes.Length)
            throw new ArgumentException($"An array {Describe(type, Shape)} takes {expected} bytes, not {bytes.Length}.", nameof(bytes));
    }

    /// <summary>The element type.</summary>
    public NpyType Type { get; }

    /// <summary>The dimensions, slowest first; empty for a scalar.</summary>
    public IReadOnlyList<long> Shape { get; }

    /// <summary>The number of elements.</summary>
    public int Count { get; }

    /// <summary>The elements' bytes, row-major and little-endian.</summary>
    public ReadOnlySpan<byte> Bytes => bytes;

    /// <summary>An array of a copy of the values given.</summary>
    /// <typeparam name="T">bool, one of the fixed-size integers, Half, float or double.</typeparam>
    /// <param name="values">The elements, row-major.</param>
    /// <param name="shape">The dimensions; their product is the number of values.</param>
    /// <exception cref="ArgumentException">The count does not fit the shape, or T has no NumPy type.</exception>
    public static NpzArray Of<T>(ReadOnlySpan<T> values, params IReadOnlyList<long> shape) where T : unmanaged =>
        new(NpyTypes.Of(typeof(T)), shape, MemoryMarshal.AsBytes(values).ToArray());

    /// <summary>The elements as they are, where their type is T.</summary>
    /// <exception cref="DataException">The array holds another type.</exception>
    public ReadOnlySpan<T> AsSpan<T>() where T : unmanaged =>
        NpyTypes.Of(typeof(T)) == Type
            ? MemoryMarshal.Cast<byte, T>(bytes)
            : throw new DataException($"The array holds {Type}; {NpyTypes.Of(typeof(T))} was expected.");

    /// <summary>The elements as float32, rounded where their type holds more.</summary>
    public float[] ToSingles() => Convert<float>();

    /// <summary>The elements as float64.</summary>
    public double[] ToDoubles() => Convert<double>();

    /// <summary>The elements as int64.</summary>
    /// <exception cref="DataException">An element is not a whole number, or exceeds int64.</exception>
    public long[] ToInt64s()
    {
        try
        {
            if (Type is NpyType.Float16 or NpyType.Float32 or NpyType.Float64)
            {
                var doubles = ToDoubles();
                foreach (var value in doubles)
                    if (value != Math.Floor(value))
                        throw new DataException($"The array holds {value.ToString(CultureInfo.InvariantCulture)} where whole numbers are expected.");
                return Array.ConvertAll(doubles, value => checked((long)value));
            }
            return Convert<long>();
        }
        catch (OverflowException error)
        {
            throw new DataException("The array holds a number beyond the range of int64.", error);
        }
    }

    /// <summary>Writes a run of elements as float32.</summary>
    /// <param name="start">The first element's index in row-major order.</param>
    /// <param name="target">Where they go; its length is how many are wanted.</param>
    public void CopySingles(int start, Span<float> target) => CopyTo(start, target);

    /// <summary>Type and shape in words, for messages: <c>Float32 [2, 3]</c>.</summary>
    public override string ToString() => Describe(Type, Shape);

    private static string Describe(NpyType type, IReadOnlyList<long> shape) => $"{type} [{string.Join(", ", shape)}]";

    private T[] Convert<T>() where T : unmanaged, INumber<T>
    {
        var result = new T[Count];
        CopyTo<T>(0, result);
        return result;
    }

    private void CopyTo<T>(int start, Span<T> target) where T : unmanaged, INumber<T>
    {
        switch (Type)
        {
            case NpyType.Bool or NpyType.UInt8: Cast(Elements<byte>(start, target.Length), target); break;
            case NpyType.Int8: Cast(Elements<sbyte>(start, target.Length), target); break;
            case NpyType.Int16: Cast(Elements<short>(start, target.Length), target); break;
            case NpyType.Int32: Cast(Elements<int>(start, target.Length), target); break;
            case NpyType.Int64: Cast(Elements<long>(start, target.Length), target); break;
            case NpyType.UInt16: Cast(Elements<ushort>(start, target.Length), target); break;
            case NpyType.UInt32: Cast(Elements<uint>(start, target.Length), target); break;
            case NpyType.UInt64: Cast(Elements<ulong>(start, target.Length), target); break;
            case NpyType.Float16: Cast(Elements<Half>(start, target.Length), target); break;
            case NpyType.Float32: Cast(Elements<float>(start, target.Length), target); break;
            default: Cast(Elements<double>(start, target.Length), target); break;
        }

        ReadOnlySpan<TFrom> Elements<TFrom>(int first, int count) where TFrom : unmanaged => MemoryMarshal.Cast<byte, TFrom>(bytes).Slice(first, count);
    }

    private static void Cast<TFrom, TTo>(ReadOnlySpan<TFrom> from, Span<TTo> to)
        where TFrom : unmanaged, INumber<TFrom> where TTo : unmanaged, INumber<TTo>
    {
        if (typeof(TFrom) == typeof(TTo))
        {
            MemoryMarshal.Cast<TFrom, TTo>(from).CopyTo(to);
            return;
        }
        for (var i = 0; i < from.Length; i++)
            to[i] = TTo.CreateChecked(from[i]);
    }
}
