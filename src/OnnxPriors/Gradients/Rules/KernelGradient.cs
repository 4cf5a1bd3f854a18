using OnnxPriors.Graphs;

namespace OnnxPriors.Gradients.Rules;

/// <summary>
/// The gradient of a convolution's kernel: dW[o, i, k] is the sum over images n and places p of dY[n, o, p] X[n, i, p·stride + k·dilation].
/// Standard operators have no one form of it that is fast everywhere. The form is chosen by shape; the numbers in the choice are where
/// the forms met on the CPU provider (one core, AVX-512, kernels 1×1, 3×3, 5×5 and 7×7 at 7² to 224²).
/// </summary>
internal static class KernelGradient
{
    /// <summary>The gradient in the kernel's shape [O, I/group, k…].</summary>
    /// <param name="b">Where nodes are added.</param>
    /// <param name="window">How the kernel slides over the input.</param>
    /// <param name="x">The convolution's input [N, I, H, …].</param>
    /// <param name="dy">The gradient of its output [N, O, h, …].</param>
    /// <param name="kernel">The kernel.</param>
    /// <param name="group">The number of groups.</param>
    public static Value Of(GraphBuilder b, SlidingWindow window, Value x, Value dy, Value kernel, long group)
    {
        long[] shape = kernel.Shape!.Static!;
        if (group > 1)
            return Divided(b, window, x, dy, shape, group);
        var (outputs, inputs) = (shape[0], shape[1]);
        var offsets = Offsets(window);
        if (offsets > 1 && offsets * inputs <= 64)
            return Unfolded(b, window, x, dy, shape);
        if (offsets > 1 && inputs <= 4)
            return Exchanged(b, window, x, dy, 1);
        // An image's own product writes O·I numbers where one product over all images moves (O + I)·places of them, and costs more with many offsets.
        var places = dy.Shape!.Skip(2).Aggregate((Dimension)1, (p, d) => p * d).Value ?? 0;
        var factor = offsets == 1 ? 2 : 50;
        return Stack(b, factor * outputs * inputs < places * (outputs + inputs) ? PerImage(b, window, x, dy) : OverImages(b, window, x, dy, shape), shape);
    }

    private static Value Divided(GraphBuilder b, SlidingWindow window, Value x, Value dy, long[] shape, long group)
    {
        if (shape[1] > 1 || shape[0] > group)
            return Stack(b, Grouped(b, window, x, dy, shape, group), shape);
        // Slices with a stride, and many of them, cost more than one convolution.
        return window.Strides.Any(s => s > 1) || Offsets(window) > 9
            ? Exchanged(b, window, x, dy, group)
            : Stack(b, Depthwise(b, window, x, dy), shape);
    }

    private static long Offsets(SlidingWindow window) => window.Kernel.Aggregate(1L, (p, k) => p * k);

    private static Value Stack(GraphBuilder b, List<Value> pieces, long[] shape) =>
        b.Reshape(pieces.Count == 1 ? pieces[0] : b.Concat(pieces.Select(p => b.Unsqueeze(p, -1)), -1), shape);

    // One product [O, N·places] × [N·places, I] for each offset, over a copy of the input with its channels last: what a slice copies then lies together.
    private static List<Value> OverImages(GraphBuilder b, SlidingWindow window, Value x, Value dy, long[] shape)
    {
        var rows = b.Reshape(b.Transpose(dy, [1, 0, .. Spatial(2, window.Axes)]), shape[0], -1);
        var last = b.Transpose(window.Pad(b, x), [0, .. Spatial(2, window.Axes), 1]);
        return Each(b, window, last, 1, dy, read => b.MatMul(rows, b.Reshape(read, -1, shape[1])));
    }

    // A product [O, places] × [places, I] for each image and offset, and their sum: nothing is transposed.
    private static List<Value> PerImage(GraphBuilder b, SlidingWindow window, Value x, Value dy)
    {
        var rows = b.Reshape(dy, 0, 0, -1);
        return Each(b, window, window.Pad(b, x), 2, dy, read => b.ReduceSum(b.MatMul(rows, b.TransposeMatrix(b.Reshape(read, 0, 0, -1))), [0], keep: false));
    }

    // Few input channels: all offsets together as channels, one product for each image.
    private static Value Unfolded(GraphBuilder b, SlidingWindow window, Value x, Value dy, long[] shape)
    {
        var reads = b.Concat(Each(b, window, window.Pad(b, x), 2, dy, read => read), 1);
        var product = b.MatMul(b.Reshape(dy, 0, 0, -1), b.TransposeMatrix(b.Reshape(reads, 0, 0, -1)));
        var sum = b.Reshape(b.ReduceSum(product, [0], keep: false), [shape[0], .. window.Kernel, shape[1]]);
        return b.Transpose(sum, [0, window.Axes + 1, .. Spatial(1, window.Axes)]);
    }

    // A convolution itself, channels and images exchanged: dY is the kernel, and stride and dilation change places. With as many groups as channels they stay apart.
    private static Value Exchanged(GraphBuilder b, SlidingWindow window, Value x, Value dy, long group)
    {
        long[] exchange = [1, 0, .. Spatial(2, window.Axes)];
        var images = b.Transpose(x, exchange);
        if (group > 1)
            // Depthwise: all images of a channel are the channels of its group.
            images = b.Reshape(images, b.Join([b.Ints(1, -1), .. Enumerable.Range(2, window.Axes).Select(i => b.Extent(x, i))]));
        var attributes = Attributes.None.With("group", group).With("strides", window.Dilations).With("dilations", window.Strides)
            .With("pads", window.Before.Concat(window.After).ToArray());
        var all = b.Transpose(b.Conv(images, b.Transpose(dy, exchange), null, attributes), exchange);
        // Elements behind the last window give places that the kernel has not.
        return all.Shape!.Skip(2).Select(d => d.Value).SequenceEqual(window.Kernel.Select(k => (long?)k)) ? all
            : b.Slice(all, b.Ints(new long[window.Axes]), b.Ints(window.Kernel), b.Ints([.. Spatial(2, window.Axes)]));
    }

    private static List<Value> Depthwise(GraphBuilder b, SlidingWindow window, Value x, Value dy) =>
        Each(b, window, window.Pad(b, x), 2, dy, read => b.ReduceSum(dy * read, [0, .. Spatial(2, window.Axes)], keep: false));

    // The product over all images, batched over the groups.
    private static List<Value> Grouped(GraphBuilder b, SlidingWindow window, Value x, Value dy, long[] shape, long group)
    {
        Value Split(Value value) => b.Reshape(value, b.Join([b.Extent(value, 0), b.Ints(group, -1), .. Enumerable.Range(2, window.Axes).Select(i => b.Extent(value, i))]));
        var rows = b.Reshape(b.Transpose(Split(dy), [1, 2, 0, .. Spatial(3, window.Axes)]), group, shape[0] / group, -1);
        var last = b.Transpose(Split(window.Pad(b, x)), [1, 0, .. Spatial(3, window.Axes), 2]);
        return Each(b, window, last, 2, dy, read => b.Reshape(b.MatMul(rows, b.Reshape(read, group, -1, shape[1])), shape[0], shape[1]));
    }

    private static List<Value> Each(GraphBuilder b, SlidingWindow window, Value padded, int first, Value dy, Func<Value, Value> piece)
    {
        if (window.IsPointwise)
            return [piece(padded)];
        Value[] places = [.. Enumerable.Range(2, window.Axes).Select(i => b.Extent(dy, i))];
        return [.. window.Offsets().Select(offset => piece(window.Read(b, padded, first, offset, places)))];
    }

    private static IEnumerable<long> Spatial(int first, int axes) => Enumerable.Range(first, axes).Select(i => (long)i);
}
