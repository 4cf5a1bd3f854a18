using OnnxPriors.Graphs;

namespace OnnxPriors.Gradients.Rules;

/// <summary>
/// The gradient of a convolution's kernel: dW[o, i, k] is the sum over images and places p of dY[o, p] X[i, p·stride + k·dilation]. Standard operators
/// have no form of it that is fast everywhere; these won on the CPU provider among those tried.
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
        var pieces = group == 1 ? Dense(b, window, x, dy, shape)
            : shape[1] == 1 && shape[0] == group ? Depthwise(b, window, x, dy)
            : Grouped(b, window, x, dy, shape, group);
        return b.Reshape(pieces.Count == 1 ? pieces[0] : b.Concat(pieces.Select(p => b.Unsqueeze(p, -1)), -1), shape);
    }

    // One product [O, N·places] × [N·places, I] for each offset, over a copy of the input with its channels last: what a slice copies then lies together.
    private static List<Value> Dense(GraphBuilder b, SlidingWindow window, Value x, Value dy, long[] shape)
    {
        var rows = b.Reshape(b.Transpose(dy, [1, 0, .. Spatial(2, window.Axes)]), shape[0], -1);
        var last = b.Transpose(window.Pad(b, x), [0, .. Spatial(2, window.Axes), 1]);
        return Each(b, window, last, 1, dy, read => b.MatMul(rows, b.Reshape(read, -1, shape[1])));
    }

    private static List<Value> Depthwise(GraphBuilder b, SlidingWindow window, Value x, Value dy) =>
        Each(b, window, window.Pad(b, x), 2, dy, read => b.ReduceSum(dy * read, [0, .. Spatial(2, window.Axes)], keep: false));

    // The same product, batched over the groups.
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
