using OnnxPriors.Graphs;

namespace OnnxPriors.Gradients.Rules.Sampling;

/// <summary>Operators that read or write an image at places another tensor gives.</summary>
internal static class SamplingGradients
{
    public static IReadOnlyDictionary<string, GradientRule> Rules { get; } = new Dictionary<string, GradientRule>(StringComparer.Ordinal)
    {
        ["GridSample"] = GridSampleGradient.Rule,
        ["RoiAlign"] = RoiAlignGradient.Rule,
        ["MaxRoiPool"] = MaxRoiPoolGradient.Rule,
        ["MaxUnpool"] = MaxUnpool,
        ["Col2Im"] = ColumnsToImage,
    };

    // Each element reads where it was written. Indices count in a tensor of the extents that kernel, stride and padding give; a larger result has that in its corner.
    private static void MaxUnpool(GradientCall c) => c.Give(0, () =>
    {
        var (b, x, dy) = (c.B, c.X(), c.Dy());
        var kernel = c.Attributes.Ints("kernel_shape") ?? throw c.Refuse("it lacks its kernel_shape");
        var window = Window.Read(c.Attributes, kernel.Length);
        if (c.Node.TryInput(2) is not null)
        {
            long[] axes = [.. Enumerable.Range(2, kernel.Length).Select(i => (long)i)];
            var extents = kernel.Select((k, i) => (b.Extent(x, i + 2) - 1) * window.Strides[i] + (k - window.Pads[i] - window.Pads[i + kernel.Length]));
            dy = b.Slice(dy, b.Ints(new long[kernel.Length]), b.Join(extents), b.Ints(axes));
        }
        return b.ReshapeTo(b.Gather(b.Reshape(dy, -1), b.Reshape(c.X(1), -1), 0), x.Shape, x);
    });

    // [N, C·Πk, L] from [N, C, D₁, …]: what each offset of the block reads, as the columns' rows lie.
    private static void ColumnsToImage(GradientCall c) => c.Give(0, () =>
    {
        var (b, x, dy) = (c.B, c.X(), c.Dy());
        var image = c.Constant(1) ?? throw c.Refuse("it lacks its image's shape");
        var kernel = c.Constant(2) ?? throw c.Refuse("it lacks its block's shape");
        var read = Window.Read(c.Attributes, kernel.Length);
        var window = new SlidingWindow(kernel, read.Strides, read.Dilations, read.Pads[..kernel.Length], read.Pads[kernel.Length..]);
        Value[] places = [.. kernel.Select((_, i) => b.Ints((image[i] + window.Before[i] + window.After[i] - window.Span(i)) / window.Strides[i] + 1))];
        var padded = window.Pad(b, dy);
        var rows = window.Offsets().Select(offset => b.Unsqueeze(b.Reshape(window.Read(b, padded, 2, offset, places), 0, 0, -1), 2));
        return b.ReshapeTo(b.Concat(rows, 2), x.Shape, x);
    });
}
