using OnnxPriors.Graphs;
using static TorchSharp.torch;

namespace OnnxPriors.Torch.Operators;

/// <summary>Pooling over one to three spatial axes of [N, C, …].</summary>
internal static class Pooling
{
    public static OperatorTable Table { get; } = new()
    {
        { "MaxPool", MaxPool },
        { "AveragePool", AveragePool },
        { "LpPool", LpPool },
        { "GlobalAveragePool", c => c[0].mean(Spatial(c[0]), keepdim: true) },
        { "GlobalMaxPool", c => c[0].amax(Spatial(c[0]), keepdim: true) },
        { "GlobalLpPool", c => Root(Power(c[0], c.Attributes.Int("p", 2)).sum(Spatial(c[0]), keepdim: true), c.Attributes.Int("p", 2)) },
        { "MaxUnpool", MaxUnpool },
    };

    /// <summary>How a node's window lies over a tensor.</summary>
    /// <param name="Kernel">The window's extents.</param>
    /// <param name="Strides">Its steps.</param>
    /// <param name="Dilations">The distance of its cells.</param>
    /// <param name="Pads">Pads of all axes of the tensor, before then after, as the node asks.</param>
    /// <param name="Overhang">What the last window of ceil mode hangs over the padded end, for each spatial axis.</param>
    private sealed record Layout(long[] Kernel, long[] Strides, long[] Dilations, long[] Pads, long[] Overhang)
    {
        public int Axes => Kernel.Length;

        /// <summary>The padding where it is the same on both sides, else null.</summary>
        public long[]? Symmetric =>
            Overhang.All(o => o == 0) && Enumerable.Range(2, Axes).All(a => Pads[a] == Pads[a + Axes + 2])
                ? Pads[2..(Axes + 2)]
                : null;

        /// <summary>All pads with the overhang behind.</summary>
        public long[] PadsWithOverhang => [.. Pads.Select((p, i) => i >= Axes + 4 ? p + Overhang[i - Axes - 4] : p)];
    }

    private static Layout Read(Call call)
    {
        var x = call[0];
        long[] kernel = call.Attributes.Ints("kernel_shape") ?? throw new GraphException($"{call.Node.Title} has no kernel_shape.");
        int axes = kernel.Length;
        if (axes is < 1 or > 3) throw call.Unsupported($"pooling over {axes} spatial axes");
        var window = Window.Read(call.Attributes, axes);
        var pads = new long[2 * (axes + 2)];
        var overhang = new long[axes];
        for (var a = 0; a < axes; a++)
        {
            long extent = x.shape[a + 2];
            var (before, after) = window.Padding(a, extent, kernel[a]);
            (pads[a + 2], pads[a + axes + 4]) = (before, after);
            long places = window.Output(a, extent, kernel[a]).Value!.Value;
            long reach = (places - 1) * window.Strides[a] + (kernel[a] - 1) * window.Dilations[a] + 1;
            overhang[a] = Math.Max(0, reach - (extent + before + after));
        }
        return new Layout(kernel, window.Strides, window.Dilations, pads, overhang);
    }

    private static long[] Spatial(Tensor x) => [.. Enumerable.Range(2, (int)x.dim() - 2).Select(a => (long)a)];

    private static Tensor?[] MaxPool(Call call)
    {
        var x = call[0];
        var layout = Read(call);
        if (!x.is_floating_point())
        {
            // Integer pooling goes through float64, which holds 8-bit values exactly.
            var (asFloat, at) = Max(x.to(ScalarType.Float64), layout, call);
            return [asFloat.to(x.dtype), at];
        }
        var (values, indices) = Max(x, layout, call);
        return [values, indices];
    }

    private static (Tensor Values, Tensor? Indices) Max(Tensor x, Layout layout, Call call)
    {
        // libtorch pads with −∞ itself, up to half a window.
        long[]? symmetric = layout.Symmetric;
        if (symmetric is not null && symmetric.Zip(layout.Kernel).Any(p => 2 * p.First > p.Second)) symmetric = null;
        var padded = symmetric is null ? Padding.Constant(x, layout.PadsWithOverhang, double.NegativeInfinity) : x;
        long[] pads = symmetric ?? new long[layout.Axes];
        var (k, s, d) = (layout.Kernel, layout.Strides, layout.Dilations);
        if (!call.Wants(1))
            return (layout.Axes switch
            {
                1 => nn.functional.max_pool1d(padded, k[0], s[0], pads[0], d[0]),
                2 => nn.functional.max_pool2d(padded, k, s, pads, d),
                _ => nn.functional.max_pool3d(padded, k, s, pads, d),
            }, null);
        var (values, within) = layout.Axes switch
        {
            1 => nn.functional.max_pool1d_with_indices(padded, k[0], s[0], pads[0], d[0]),
            2 => nn.functional.max_pool2d_with_indices(padded, k, s, pads, d),
            _ => nn.functional.max_pool3d_with_indices(padded, k, s, pads, d),
        };
        return (values, FlatIndices(x, within, padded.shape[2..], symmetric is null ? layout.Pads[2..(layout.Axes + 2)] : pads, symmetric is null, call));
    }

    // libtorch numbers the cells of one plane of what it was given; ONNX numbers those of the whole tensor, without the padding.
    private static Tensor FlatIndices(Tensor x, Tensor within, long[] planeShape, long[] before, bool shifted, Call call)
    {
        int axes = planeShape.Length;
        var coordinates = new Tensor[axes];
        for (int a = axes - 1; a >= 0; a--)
        {
            coordinates[a] = within.remainder(planeShape[a]) - (shifted ? before[a] : 0);
            within = within.div(planeShape[a], RoundingMode.floor);
        }
        bool columnMajor = call.Attributes.Flag("storage_order");
        var flat = zeros_like(within);
        foreach (int a in columnMajor ? Enumerable.Range(0, axes).Reverse() : Enumerable.Range(0, axes))
            flat = flat * x.shape[a + 2] + coordinates[a];
        long plane = x.shape[2..].Aggregate(1L, (n, d) => n * d);
        long[] perPlane = [x.shape[0], x.shape[1], .. Enumerable.Repeat(1L, axes)];
        return flat + (arange(x.shape[0] * x.shape[1], ScalarType.Int64, x.device) * plane).reshape(perPlane);
    }

    // The mean over a window of the zero-padded tensor, over the mean of a mask of the cells that count.
    private static Tensor AveragePool(Call call)
    {
        var x = call[0];
        var layout = Read(call);
        bool countPads = call.Attributes.Flag("count_include_pad");
        bool padded = layout.Pads.Any(p => p != 0);
        if (layout.Overhang.All(o => o == 0) && (countPads || !padded))
            return WindowMean(Padding.Constant(x, layout.Pads, 0), layout);
        long[] shape = [1, 1, .. x.shape[2..]];
        var mask = ones(shape, x.dtype, x.device);
        if (countPads) mask = Padding.Constant(mask, layout.Pads, 1);
        long[] rest = countPads ? [.. layout.PadsWithOverhang.Zip(layout.Pads, (all, pads) => all - pads)] : layout.PadsWithOverhang;
        return WindowMean(Padding.Constant(x, layout.PadsWithOverhang, 0), layout) / WindowMean(Padding.Constant(mask, rest, 0), layout);
    }

    private static Tensor WindowMean(Tensor x, Layout layout)
    {
        var (k, s, d) = (layout.Kernel, layout.Strides, layout.Dilations);
        if (d.All(step => step == 1))
            return layout.Axes switch
            {
                1 => nn.functional.avg_pool1d(x, k[0], s[0]),
                2 => nn.functional.avg_pool2d(x, k, s),
                _ => nn.functional.avg_pool3d(x, k, s),
            };
        // libtorch averages no dilated windows; each plane convolved with equal weights is the same.
        long[] planes = [x.shape[0] * x.shape[1], 1, .. x.shape[2..]], weights = [1, 1, .. k];
        var w = full(weights, 1.0 / k.Aggregate(1L, (n, e) => n * e), x.dtype, x.device);
        var y = layout.Axes switch
        {
            1 => nn.functional.conv1d(x.reshape(planes), w, null, s[0], 0, d[0]),
            2 => nn.functional.conv2d(x.reshape(planes), w, null, s, null, d),
            _ => nn.functional.conv3d(x.reshape(planes), w, null, s, null, d),
        };
        long[] shape = [x.shape[0], x.shape[1], .. y.shape[2..]];
        return y.reshape(shape);
    }

    private static Tensor LpPool(Call call)
    {
        var layout = Read(call);
        long p = call.Attributes.Int("p", 2), cells = layout.Kernel.Aggregate(1L, (n, d) => n * d);
        return Root(WindowMean(Padding.Constant(Power(call[0], p), layout.PadsWithOverhang, 0), layout) * cells, p);
    }

    private static Tensor Power(Tensor x, long p) => p switch { 1 => x.abs(), 2 => x.square(), _ => x.abs().pow(p) };

    private static Tensor Root(Tensor x, long p) => p switch { 1 => x, 2 => x.sqrt(), _ => x.pow(1.0 / p) };

    private static Tensor MaxUnpool(Call call)
    {
        var (x, indices) = (call[0], call[1]);
        long[] kernel = call.Attributes.Ints("kernel_shape")!;
        var window = Window.Read(call.Attributes, kernel.Length);
        long[] shape =
        [
            x.shape[0], x.shape[1],
            .. kernel.Select((k, a) => (x.shape[a + 2] - 1) * window.Strides[a] + k - window.Pads[a] - window.Pads[a + kernel.Length]),
        ];
        var flat = zeros([shape.Aggregate(1L, (n, d) => n * d)], x.dtype, x.device).scatter(0, indices.reshape(-1), x.reshape(-1));
        var result = flat.reshape(shape);
        if (call.OptionalIntegers(2) is not { } wanted) return result;
        long[] pads = [.. new long[shape.Length], .. wanted.Zip(shape, (want, have) => want - have)];
        return Padding.Constant(result, pads, 0);
    }
}
