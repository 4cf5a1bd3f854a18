using OnnxPriors.Torch.Operators;
using static TorchSharp.torch;

namespace OnnxPriors.Torch;

/// <summary>In which precision a module computes what the graph says in floats.</summary>
public enum FloatPrecision
{
    /// <summary>As the graph says: float32 where it says float32.</summary>
    Single,

    /// <summary>Everything in float64, as a reference for gradients.</summary>
    Double,
}

/// <summary>How a <see cref="GraphModule"/> computes.</summary>
public sealed record GraphModuleOptions
{
    /// <summary>The precision of floats.</summary>
    public FloatPrecision Precision { get; init; } = FloatPrecision.Single;

    /// <summary>Where the tensors lie: <c>cpu</c>, <c>cuda</c> or <c>cuda:1</c>.</summary>
    public string Device { get; init; } = "cpu";

    /// <summary>The statistics that BatchNormalization uses.</summary>
    public BatchStatistics Statistics { get; init; } = BatchStatistics.Frozen;

    /// <summary>Whether the parameters take gradients.</summary>
    public bool RequiresGradient { get; init; } = true;

    internal ScalarType FloatType => Precision == FloatPrecision.Double ? ScalarType.Float64 : ScalarType.Float32;
}
