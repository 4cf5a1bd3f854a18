using OnnxPriors.Graphs;

namespace OnnxPriors.Gradients.Rules;

/// <summary>
/// How a window slid over a tensor [N, C, D₁, …], with auto_pad worked out, and its transpose: what the windows read is added back where they read it.
/// </summary>
/// <param name="Kernel">The window's extents.</param>
/// <param name="Strides">The step along each axis.</param>
/// <param name="Dilations">The distance of the window's neighbours along each axis.</param>
/// <param name="Before">The padding before each axis.</param>
/// <param name="After">The padding after each axis.</param>
internal sealed record SlidingWindow(long[] Kernel, long[] Strides, long[] Dilations, long[] Before, long[] After)
{
    /// <summary>Reads a convolution's or pooling's attributes.</summary>
    /// <param name="c">The node.</param>
    /// <param name="x">The tensor that the window slides over.</param>
    /// <param name="kernel">The window's extents.</param>
    public static SlidingWindow Of(GradientCall c, Value x, long[] kernel)
    {
        var axes = kernel.Length;
        var window = Window.Read(c.Attributes, axes);
        var pads = Enumerable.Range(0, axes).Select(i => x.Shape![i + 2].Value is { } extent ? window.Padding(i, extent, kernel[i])
            : !window.IsSame ? (window.Pads[i], window.Pads[i + axes])
            // With the stride 1 the padding does not depend on the extent.
            : window.Strides[i] == 1 ? window.Padding(i, 1L << 40, kernel[i])
            : throw c.Refuse("its auto_pad depends on an extent that is not fixed")).ToArray();
        return new(kernel, window.Strides, window.Dilations, [.. pads.Select(p => p.Item1)], [.. pads.Select(p => p.Item2)]);
    }

    /// <summary>The number of spatial axes.</summary>
    public int Axes => Kernel.Length;

    /// <summary>From the first to the last element a window reads along an axis, both included.</summary>
    public long Span(int axis) => (Kernel[axis] - 1) * Dilations[axis] + 1;

    /// <summary>Whether each element is read at one offset only, one element after the other.</summary>
    public bool IsPointwise => Enumerable.Range(0, Axes).All(i => Kernel[i] == 1 && Strides[i] == 1 && Before[i] == 0 && After[i] == 0);

    /// <summary>
    /// The transpose of a convolution: with the stride 1 a convolution with the flipped kernel, its channels exchanged, else ConvTranspose.
    /// </summary>
    /// <param name="b">Where nodes are added.</param>
    /// <param name="dy">The gradient of the convolution's output [N, O, h, …].</param>
    /// <param name="kernel">The kernel [O, I/group, k…].</param>
    /// <param name="x">The convolution's input [N, I, H, …], whose spatial extents the result has.</param>
    /// <param name="group">The number of groups.</param>
    public Value Transpose(GraphBuilder b, Value dy, Value kernel, Value x, long group)
    {
        var known = Enumerable.Range(2, Axes).All(i => x.Shape![i].IsStatic && dy.Shape![i].IsStatic);
        // Where the last window ends behind the input, less than nothing where elements are left over.
        long[]? beyond = known ? [.. Enumerable.Range(0, Axes).Select(i => (dy.Shape![i + 2].Value!.Value - 1) * Strides[i] + Span(i) - Before[i] - x.Shape![i + 2].Value!.Value)] : null;
        var unit = Strides.All(s => s == 1);
        if (unit && beyond is null && Enumerable.Range(2, Axes).All(i => x.Shape![i].IsKnown))
            beyond = After;
        if (unit && beyond is not null && Enumerable.Range(0, Axes).All(i => Before[i] < Span(i) && beyond[i] < Span(i)))
            return b.Conv(dy, Flip(b, Exchange(b, kernel, group)), null, Attributes.None.With("group", group).With("dilations", Dilations)
                .With("pads", Enumerable.Range(0, Axes).Select(i => Span(i) - 1 - Before[i]).Concat(Enumerable.Range(0, Axes).Select(i => Span(i) - 1 - beyond[i])).ToArray()));

        var attributes = Attributes.None.With("group", group).With("strides", Strides).With("dilations", Dilations);
        if (beyond is not null)
            return b.ConvTranspose(dy, kernel, null, attributes
                .With("pads", Before.Concat(beyond.Select(e => Math.Max(e, 0))).ToArray()).With("output_padding", Array.ConvertAll(beyond, e => Math.Max(-e, 0))));
        // Extents are found when the graph runs: everything the windows reached and more, cut to the input.
        var whole = b.ConvTranspose(dy, kernel, null, attributes.With("output_padding", Array.ConvertAll(Strides, s => s - 1)));
        var ends = Enumerable.Range(0, Axes).Select(i => b.Extent(x, i + 2) + Before[i]);
        return b.Slice(whole, b.Ints(Before), b.Join(ends), b.Ints([.. Enumerable.Range(2, Axes).Select(i => (long)i)]));
    }

    /// <summary>What the windows read at one offset: every stride-th element along the spatial axes.</summary>
    /// <param name="b">Where nodes are added.</param>
    /// <param name="padded">The input with its padding.</param>
    /// <param name="first">Its first spatial axis.</param>
    /// <param name="offset">The offset in the window, along each axis.</param>
    /// <param name="places">The number of places of the window along each axis, int64 vectors of one element.</param>
    public Value Read(GraphBuilder b, Value padded, int first, long[] offset, Value[] places)
    {
        long[] start = [.. offset.Select((o, i) => o * Dilations[i])];
        var ends = places.Select((n, i) => n * Strides[i] + (start[i] + 1 - Strides[i]));
        return b.Slice(padded, b.Ints(start), b.Join(ends), b.Ints([.. Enumerable.Range(first, Axes).Select(i => (long)i)]), Strides.All(s => s == 1) ? null : b.Ints(Strides));
    }

    /// <summary>All offsets in the window, the last axis fastest, as the kernel's elements lie.</summary>
    public IEnumerable<long[]> Offsets()
    {
        var offset = new long[Axes];
        while (true)
        {
            yield return [.. offset];
            var axis = Axes - 1;
            while (axis >= 0 && ++offset[axis] == Kernel[axis])
                offset[axis--] = 0;
            if (axis < 0)
                yield break;
        }
    }

    /// <summary>The input with its padding, of a value, where there is any.</summary>
    public Value Pad(GraphBuilder b, Value x, double value = 0) => Before.Concat(After).All(p => p == 0)
        ? x
        : b.Pad(x, b.Ints([0, 0, .. Before, 0, 0, .. After]), b.Like(value, x));

    // [O, I/group, …] to [I, O/group, …].
    private static Value Exchange(GraphBuilder b, Value kernel, long group)
    {
        var shape = kernel.Shape!;
        if (group > 1 && shape[1].Value == 1 && shape[0].Value == group)
            return kernel;
        long[] rest = [.. Enumerable.Range(2, shape.Rank - 2).Select(i => (long)i)];
        if (group == 1)
            return b.Transpose(kernel, [1, 0, .. rest]);
        long[] spatial = [.. shape.Skip(2).Select(d => d.Value!.Value)];
        var (outputs, inputs) = (shape[0].Value!.Value / group, shape[1].Value!.Value);
        var split = b.Reshape(kernel, [group, outputs, inputs, .. spatial]);
        return b.Reshape(b.Transpose(split, [0, 2, 1, .. rest.Select(i => i + 1)]), [group * inputs, outputs, .. spatial]);
    }

    private Value Flip(GraphBuilder b, Value kernel)
    {
        long[] axes = [.. Enumerable.Range(0, Axes).Where(i => Kernel[i] > 1).Select(i => i + 2L)];
        long[] Each(long value) => Array.ConvertAll(axes, _ => value);
        return axes.Length == 0 ? kernel : b.Slice(kernel, b.Ints(Each(-1)), b.Ints(Each(long.MinValue + 1)), b.Ints(axes), b.Ints(Each(-1)));
    }
}
