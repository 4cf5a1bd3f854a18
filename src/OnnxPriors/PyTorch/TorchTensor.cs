using System.Collections.Immutable;

namespace OnnxPriors.PyTorch;

/// <summary>The element types of PyTorch's storages that this library reads.</summary>
public enum TorchType
{
    /// <summary>float32.</summary>
    Float32,

    /// <summary>float64.</summary>
    Float64,

    /// <summary>float16.</summary>
    Float16,

    /// <summary>bfloat16.</summary>
    BFloat16,

    /// <summary>int64.</summary>
    Int64,

    /// <summary>int32.</summary>
    Int32,

    /// <summary>int16.</summary>
    Int16,

    /// <summary>int8.</summary>
    Int8,

    /// <summary>uint8.</summary>
    UInt8,

    /// <summary>bool.</summary>
    Bool,
}

/// <summary>A storage that a tensor is a view of.</summary>
/// <param name="Type">Its element type.</param>
/// <param name="Key">Its entry's name under <c>data/</c>.</param>
/// <param name="Count">Its elements.</param>
internal sealed record TorchStorage(TorchType Type, string Key, long Count)
{
    /// <summary>The size of an element in bytes.</summary>
    public int ElementSize => Type switch
    {
        TorchType.Float64 or TorchType.Int64 => 8,
        TorchType.Float32 or TorchType.Int32 => 4,
        TorchType.Float16 or TorchType.BFloat16 or TorchType.Int16 => 2,
        _ => 1,
    };
}

/// <summary>A tensor as its file describes it: a view of a storage.</summary>
public sealed class TorchTensor
{
    private const int MostDimensions = 64;

    private TorchTensor(TorchStorage storage, long offset, ImmutableArray<long> shape, ImmutableArray<long> strides, long count)
    {
        (Storage, Offset, Shape, Strides, Count) = (storage, offset, shape, strides, count);
    }

    /// <summary>The element type.</summary>
    public TorchType Type => Storage.Type;

    /// <summary>The dimensions; empty for a scalar.</summary>
    public ImmutableArray<long> Shape { get; }

    /// <summary>The number of elements.</summary>
    public long Count { get; }

    /// <summary>Whether the elements are floating-point numbers.</summary>
    public bool IsFloating => Type is TorchType.Float32 or TorchType.Float64 or TorchType.Float16 or TorchType.BFloat16;

    internal TorchStorage Storage { get; }

    /// <summary>The storage's element that is the tensor's first.</summary>
    internal long Offset { get; }

    internal ImmutableArray<long> Strides { get; }

    /// <summary>Whether the elements lie in row-major order without a gap.</summary>
    internal bool IsContiguous
    {
        get
        {
            var expected = 1L;
            for (var i = Shape.Length - 1; i >= 0; i--)
            {
                if (Shape[i] != 1 && Strides[i] != expected)
                    return false;
                expected *= Shape[i];
            }
            return true;
        }
    }

    /// <summary>Makes a view, every element of which lies in its storage.</summary>
    /// <exception cref="FormatException">It would not; the message says why.</exception>
    internal static TorchTensor Of(TorchStorage storage, long offset, ImmutableArray<long> shape, ImmutableArray<long> strides)
    {
        if (shape.Length != strides.Length || shape.Length > MostDimensions || offset < 0 || shape.Any(extent => extent < 0) || strides.Any(stride => stride < 0))
            throw new FormatException($"a tensor has the offset {offset}, the shape [{string.Join(", ", shape)}] and the strides [{string.Join(", ", strides)}]");
        Int128 count = 1, last = offset;
        for (var i = 0; i < shape.Length; i++)
        {
            count *= shape[i];
            last += (Int128)Math.Max(0, shape[i] - 1) * strides[i];
            if (count > long.MaxValue || last > long.MaxValue)
                throw new FormatException($"a tensor of the shape [{string.Join(", ", shape)}] is larger than any storage");
        }
        // Strides of 0 would let a small storage declare a tensor of any size.
        if (count > storage.Count || (count > 0 && last >= storage.Count))
            throw new FormatException($"a tensor of the shape [{string.Join(", ", shape)}] reaches beyond its storage '{storage.Key}' of {storage.Count} elements");
        return new TorchTensor(storage, offset, shape, strides, (long)count);
    }
}
