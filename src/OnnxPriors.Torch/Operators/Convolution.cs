using OnnxPriors.Graphs;
using static TorchSharp.torch;

namespace OnnxPriors.Torch.Operators;

/// <summary>
/// Convolutions over one to three spatial axes, with any stride, dilation, group and padding. Padding that differs before and after an
/// axis is added explicitly, since libtorch's own is the same on both sides.
/// </summary>
internal static class Convolution
{
    public static OperatorTable Table { get; } = new()
    {
        { "Conv", c => Convolve(c, c[0], c[1], c.Optional(2)) },
        { "ConvTranspose", Transposed },
    };

    /// <summary>Conv with the node's attributes: x [N, C, …], w [O, C/groups, …], bias [O] → [N, O, …].</summary>
    public static Tensor Convolve(Call call, Tensor x, Tensor w, Tensor? bias)
    {
        int axes = (int)w.dim() - 2;
        var window = Window.Read(call.Attributes, axes);
        var before = new long[axes];
        var pads = new long[2 * (axes + 2)];
        bool symmetric = true;
        for (var a = 0; a < axes; a++)
        {
            var (first, last) = window.Padding(a, x.shape[a + 2], w.shape[a + 2]);
            before[a] = pads[a + 2] = first;
            pads[a + 2 + axes + 2] = last;
            symmetric &= first == last && first >= 0;
        }
        if (!symmetric)
        {
            x = Padding.Constant(x, pads, 0);
            Array.Clear(before);
        }
        long groups = call.Attributes.Int("group", 1);
        return axes switch
        {
            1 => nn.functional.conv1d(x, w, bias, window.Strides[0], before[0], window.Dilations[0], groups),
            2 => nn.functional.conv2d(x, w, bias, window.Strides, before, window.Dilations, groups),
            3 => nn.functional.conv3d(x, w, bias, window.Strides, before, window.Dilations, groups),
            _ => throw call.Unsupported($"convolution over {axes} spatial axes"),
        };
    }

    // The full transposed convolution, cropped by the pads and lengthened by the output padding, bias last: x [N, C, …], w [C, O/groups, …].
    private static Tensor Transposed(Call call)
    {
        var (x, w) = (call[0], call[1]);
        int axes = (int)w.dim() - 2;
        var attributes = call.Attributes;
        var window = Window.Read(attributes, axes);
        long groups = attributes.Int("group", 1);
        var full = axes switch
        {
            1 => nn.functional.conv_transpose1d(x, w, null, window.Strides[0], 0, 0, window.Dilations[0], groups),
            2 => nn.functional.conv_transpose2d(x, w, null, window.Strides, null, null, window.Dilations, groups),
            3 => nn.functional.conv_transpose3d(x, w, null, window.Strides, null, null, window.Dilations, groups),
            _ => throw call.Unsupported($"transposed convolution over {axes} spatial axes"),
        };
        long[] extra = attributes.Ints("output_padding") ?? new long[axes];
        long[]? wanted = attributes.Ints("output_shape");
        var change = new long[2 * (axes + 2)];
        for (var a = 0; a < axes; a++)
        {
            long extent = full.shape[a + 2] + extra[a], before = window.Pads[a], after = window.Pads[a + axes];
            if (wanted is not null || window.IsSame)
            {
                long total = extent - (wanted?[wanted.Length - axes + a] ?? x.shape[a + 2] * window.Strides[a]);
                // The odd element goes after for SAME_UPPER and before otherwise, as the specification has it.
                bool upper = attributes.String("auto_pad") == "SAME_UPPER";
                // What is missing is always added behind.
                before = Math.Max(0, upper ? total / 2 : total - total / 2);
                after = total - before;
            }
            (change[a + 2], change[a + 2 + axes + 2]) = (-before, extra[a] - after);
        }
        var result = Padding.Constant(full, change, 0);
        if (call.Optional(2) is not { } bias) return result;
        long[] perChannel = [1, -1, .. Enumerable.Repeat(1L, axes)];
        return result + bias.reshape(perChannel);
    }
}
