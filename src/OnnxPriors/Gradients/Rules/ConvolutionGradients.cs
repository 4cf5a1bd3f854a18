using OnnxPriors.Graphs;

namespace OnnxPriors.Gradients.Rules;

/// <summary>
/// Conv and its transpose, of any rank, group, stride, dilation and padding. Each one's input gradient is the other; both share the gradient
/// for the kernel, in which input and output gradient change places.
/// </summary>
internal static class ConvolutionGradients
{
    public static IReadOnlyDictionary<string, GradientRule> Rules { get; } = new Dictionary<string, GradientRule>(StringComparer.Ordinal)
    {
        ["Conv"] = Conv,
        ["ConvTranspose"] = ConvTranspose,
    };

    private static void Conv(GradientCall c)
    {
        var (b, x, w, dy) = (c.B, c.X(0), c.X(1), c.Dy());
        var (kernel, group) = (KernelOf(c), c.Attributes.Int("group", 1));
        var window = SlidingWindow.Of(c, x, kernel);
        c.Give(0, () => window.Transpose(b, dy, w, x, group));
        c.Give(1, () => KernelGradient.Of(b, window, x, dy, w, group));
        c.Give(2, () => SumOfChannels(b, dy));
    }

    private static void ConvTranspose(GradientCall c)
    {
        var (b, x, w, dy) = (c.B, c.X(0), c.X(1), c.Dy());
        var (kernel, group) = (KernelOf(c), c.Attributes.Int("group", 1));
        var window = Paddings(c, kernel);
        // What output_padding added behind the last window is not read, and has no gradient to give.
        var attributes = Attributes.None.With("group", group).With("strides", window.Strides).With("dilations", window.Dilations)
            .With("pads", window.Before.Concat(window.After).ToArray());
        c.Give(0, () =>
        {
            var dx = b.Conv(dy, w, null, attributes);
            var axes = Enumerable.Range(2, kernel.Length).Where(i => !(dx.Shape![i].IsKnown && dx.Shape[i] == x.Shape![i])).ToArray();
            return axes.Length == 0 ? dx
                : b.Slice(dx, b.Ints(new long[axes.Length]), b.Join(axes.Select(i => b.Extent(x, i))), b.Ints([.. axes.Select(i => (long)i)]));
        });
        c.Give(1, () => KernelGradient.Of(b, window, dy, x, w, group));
        c.Give(2, () => SumOfChannels(b, dy));
    }

    // output_shape and auto_pad fix the result's extents; the padding follows from them, an odd rest before for SAME_LOWER, else after.
    private static SlidingWindow Paddings(GradientCall c, long[] kernel)
    {
        var axes = kernel.Length;
        var window = Window.Read(c.Attributes, axes);
        var plain = new SlidingWindow(kernel, window.Strides, window.Dilations, window.Pads[..axes], window.Pads[axes..]);
        if (!window.IsSame && !c.Attributes.Has("output_shape"))
            return plain;
        var extra = c.Attributes.Ints("output_padding");
        for (var i = 0; i < axes; i++)
        {
            // SAME makes the result as many times larger as the stride says, whatever the extent.
            var beyond = window.IsSame && !c.Attributes.Has("output_shape") ? plain.Span(i) - window.Strides[i]
                : c.X().Shape![i + 2].Value is { } input && c.Y().Shape![i + 2].Value is { } output ? (input - 1) * window.Strides[i] + plain.Span(i) - output
                : throw c.Refuse("its padding depends on an extent that is not fixed");
            var total = Math.Max(0, beyond + (extra?[i] ?? 0));
            plain.Before[i] = c.Attributes.String("auto_pad") == "SAME_UPPER" ? total / 2 : total - total / 2;
            plain.After[i] = total - plain.Before[i];
        }
        return plain;
    }

    private static long[] KernelOf(GradientCall c) => c.X(1).Shape is { } shape && shape.IsStatic
        ? [.. shape.Skip(2).Select(d => d.Value!.Value)]
        : throw c.Refuse("its kernel's shape is not fixed");

    private static Value SumOfChannels(GraphBuilder b, Value dy) =>
        b.ReduceSum(dy, [0, .. Enumerable.Range(2, dy.Rank - 2).Select(i => (long)i)], keep: false);
}
