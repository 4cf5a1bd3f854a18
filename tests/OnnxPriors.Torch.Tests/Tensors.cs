using OnnxPriors.Graphs;
using static TorchSharp.torch;

namespace OnnxPriors.Torch.Tests;

/// <summary>Brings tensors between the graph's form, libtorch and plain arrays, and compares them.</summary>
internal static class Tensors
{
    /// <summary>A tensor on the CPU with a graph tensor's contents, in its own type where libtorch has it.</summary>
    public static Tensor ToTorch(TensorData data)
    {
        long[] shape = [.. data.Dimensions];
        return data.Type switch
        {
            ElementType.Float => tensor(data.ToSingle(), shape),
            ElementType.Double => tensor(data.ToDouble(), shape),
            ElementType.Float16 => tensor(data.ToSingle(), shape, ScalarType.Float16),
            ElementType.BFloat16 => tensor(data.ToSingle(), shape, ScalarType.BFloat16),
            ElementType.Bool => tensor(data.Span<bool>().ToArray(), shape),
            _ => tensor(data.ToInt64(), shape),
        };
    }

    /// <summary>The elements as float64.</summary>
    public static double[] ToDoubles(Tensor tensor)
    {
        using var host = tensor.detach().to(ScalarType.Float64).cpu().contiguous();
        return host.numel() == 0 ? [] : host.data<double>().ToArray();
    }

    /// <summary>
    /// The largest |a − b| / (absolute + relative · |b|), where both are finite; infinite where shapes differ or one is NaN or infinite and
    /// the other is not the same.
    /// </summary>
    public static double Distance(double[] actual, double[] expected, double relative, double absolute)
    {
        if (actual.Length != expected.Length) return double.PositiveInfinity;
        double worst = 0;
        for (var i = 0; i < actual.Length; i++)
        {
            if (actual[i].Equals(expected[i])) continue;
            if (!double.IsFinite(actual[i]) || !double.IsFinite(expected[i])) return double.PositiveInfinity;
            worst = Math.Max(worst, Math.Abs(actual[i] - expected[i]) / (absolute + relative * Math.Abs(expected[i])));
        }
        return worst;
    }
}
