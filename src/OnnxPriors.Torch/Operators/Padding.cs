using TorchSharp;
using static TorchSharp.torch;

namespace OnnxPriors.Torch.Operators;

/// <summary>
/// Pad of any number of axes in its four modes. Pads are in ONNX's order: all axes' extents before, then all axes' extents after;
/// negative ones crop.
/// </summary>
internal static class Padding
{
    public static OperatorTable Table { get; } = new() { { "Pad", Pad } };

    /// <summary>Adds a constant around a tensor, or crops where a pad is negative.</summary>
    /// <param name="x">The tensor.</param>
    /// <param name="pads">Before each axis, then after each axis.</param>
    /// <param name="value">The constant.</param>
    public static Tensor Constant(Tensor x, ReadOnlySpan<long> pads, double value)
    {
        int rank = (int)x.dim();
        // libtorch wants pairs, the last axis first, and need not be told of axes in front that stay as they are.
        int first = 0;
        while (first < rank && pads[first] == 0 && pads[first + rank] == 0) first++;
        if (first == rank) return x;
        var reversed = new long[2 * (rank - first)];
        for (int axis = rank - 1, i = 0; axis >= first; axis--, i += 2)
            (reversed[i], reversed[i + 1]) = (pads[axis], pads[axis + rank]);
        return nn.functional.pad(x, reversed, PaddingModes.Constant, value);
    }

    private static Tensor Pad(Call call)
    {
        var x = call[0];
        int rank = (int)x.dim();
        long[] given = call.OptionalIntegers(1) ?? call.Attributes.Ints("pads") ?? [];
        long[] axes = call.OptionalIntegers(3) ?? [.. Enumerable.Range(0, rank).Select(a => (long)a)];
        var pads = new long[2 * rank];
        for (var i = 0; i < axes.Length; i++)
        {
            int axis = call.Axis(axes[i], rank);
            (pads[axis], pads[axis + rank]) = (given[i], given[i + axes.Length]);
        }
        string mode = call.Attributes.String("mode", "constant");
        if (mode == "constant")
        {
            if (call.Has(2) && call[2].requires_grad)
            {
                // The constant has a gradient too, which libtorch's own padding does not give: the sum over all that was added.
                using var inside = ones_like(x);
                return Constant(x, pads, 0) + call[2].reshape([]) * (1 - Constant(inside, pads, 0));
            }
            double value = call.Has(2) && call[2].numel() > 0 ? call.Reals(2)[0] : call.Attributes.Float("value");
            return x.dtype == ScalarType.Bool ? Constant(x.to(ScalarType.Byte), pads, value).to(ScalarType.Bool) : Constant(x, pads, value);
        }
        for (var axis = 0; axis < rank; axis++)
        {
            long extent = x.shape[axis], before = pads[axis], after = pads[axis + rank];
            if (before == 0 && after == 0) continue;
            long[] sources = [.. Enumerable.Range(0, (int)(before + extent + after)).Select(i => Source(mode, i - before, extent))];
            x = x.index_select(axis, call.Indices(sources));
        }
        return x;

        long Source(string how, long position, long extent) => how switch
        {
            "edge" => Math.Clamp(position, 0, extent - 1),
            "wrap" => (position % extent + extent) % extent,
            "reflect" when extent == 1 => 0,
            "reflect" => Reflected(position, extent),
            _ => throw call.Unsupported($"padding of mode '{how}'"),
        };
    }

    private static long Reflected(long position, long extent)
    {
        long period = 2 * (extent - 1), within = (position % period + period) % period;
        return within < extent ? within : period - within;
    }
}
