using OnnxPriors.Data.Arrays;
using OnnxPriors.Graphs;

namespace OnnxPriors.Cli.Engines;

/// <summary>Arrays of NPZ files as tensors, and back. NumPy has no bfloat16, so such tensors stand in files as float32.</summary>
internal static class Arrays
{
    private static readonly (NpyType Array, ElementType Tensor)[] Types =
    [
        (NpyType.Bool, ElementType.Bool), (NpyType.Int8, ElementType.Int8), (NpyType.Int16, ElementType.Int16), (NpyType.Int32, ElementType.Int32),
        (NpyType.Int64, ElementType.Int64), (NpyType.UInt8, ElementType.UInt8), (NpyType.UInt16, ElementType.UInt16), (NpyType.UInt32, ElementType.UInt32),
        (NpyType.UInt64, ElementType.UInt64), (NpyType.Float16, ElementType.Float16), (NpyType.Float32, ElementType.Float), (NpyType.Float64, ElementType.Double),
    ];

    /// <summary>An array as a tensor of its own type.</summary>
    public static TensorData ToTensor(NpzArray array) =>
        new(Types.First(t => t.Array == array.Type).Tensor, [.. array.Shape], array.Bytes.ToArray());

    /// <summary>A tensor as an array.</summary>
    public static NpzArray ToArray(TensorData tensor)
    {
        var data = tensor.Type == ElementType.BFloat16 ? tensor.ConvertTo(ElementType.Float) : tensor;
        return new(Types.First(t => t.Tensor == data.Type).Array, [.. data.Dimensions], data.Bytes.ToArray());
    }
}
