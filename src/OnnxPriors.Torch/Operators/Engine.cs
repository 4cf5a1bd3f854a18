using OnnxPriors.Graphs;
using static TorchSharp.torch;

namespace OnnxPriors.Torch.Operators;

/// <summary>How a module computes: on which device, in which precision, with which statistics.</summary>
/// <param name="FloatType">What stands for the float types of the graph: float32, or float64 where all is computed in double precision.</param>
/// <param name="Device">Where the tensors lie.</param>
internal sealed record Engine(ScalarType FloatType, Device Device)
{
    /// <summary>The statistics that BatchNormalization uses.</summary>
    public BatchStatistics Statistics { get; set; }

    /// <summary>Collects batch statistics while they are re-estimated, else null.</summary>
    public StatisticsEstimate? Estimate { get; set; }

    /// <summary>
    /// The type that stands for a graph's element type. float64 is exact for all floats where the module computes in it; unsigned types
    /// that libtorch hardly computes with are held in the next wider signed one.
    /// </summary>
    /// <param name="type">The graph's type.</param>
    /// <exception cref="UnsupportedOperatorException">No tensor can hold the type.</exception>
    public ScalarType TypeOf(ElementType type) => type switch
    {
        ElementType.Float => FloatType,
        ElementType.Double => ScalarType.Float64,
        ElementType.Float16 => FloatType == ScalarType.Float64 ? ScalarType.Float64 : ScalarType.Float16,
        ElementType.BFloat16 => FloatType == ScalarType.Float64 ? ScalarType.Float64 : ScalarType.BFloat16,
        ElementType.Bool => ScalarType.Bool,
        ElementType.UInt8 => ScalarType.Byte,
        ElementType.Int8 => ScalarType.Int8,
        ElementType.Int16 => ScalarType.Int16,
        ElementType.UInt16 or ElementType.Int32 => ScalarType.Int32,
        ElementType.UInt32 or ElementType.UInt64 or ElementType.Int64 => ScalarType.Int64,
        _ => throw new UnsupportedOperatorException($"The TorchSharp module holds no tensors of type {type}."),
    };

    /// <summary>A graph's tensor on the module's device, in the type that stands for its own.</summary>
    /// <param name="data">The contents.</param>
    /// <returns>A new tensor that the caller owns.</returns>
    public Tensor Tensor(TensorData data)
    {
        var type = TypeOf(data.Type);
        long[] shape = [.. data.Dimensions];
        if (data.Type == ElementType.Bool) return tensor(data.Span<bool>().ToArray(), shape, type, Device);
        if (data.Type is ElementType.Double) return tensor(data.ToDouble(), shape, type, Device);
        if (data.Type.IsFloating()) return tensor(data.ToSingle(), shape, type, Device);
        return tensor(data.ToInt64(), shape, type, Device);
    }
}
