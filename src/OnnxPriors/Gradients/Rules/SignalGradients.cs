using OnnxPriors.Graphs;

namespace OnnxPriors.Gradients.Rules;

/// <summary>
/// Fourier transforms, of complex numbers as pairs of real ones. They are linear: with F the transform of length n, the gradient is Fᴴ dY, which is n times
/// the inverse transform; for the inverse, F⁻¹ = Fᴴ/n, it is F dY/n.
/// </summary>
internal static class SignalGradients
{
    public static IReadOnlyDictionary<string, GradientRule> Rules { get; } = new Dictionary<string, GradientRule>(StringComparer.Ordinal)
    {
        ["DFT"] = c => c.Give(0, () => Fourier(c)),
        ["STFT"] = ShortTimeFourier,
    };

    // x […, 1] or […, 2] is cut or continued with zeros to the transform's length along the axis.
    private static Value Fourier(GradientCall c)
    {
        var (b, x) = (c.B, c.X());
        var (axis, inverse) = (x.Shape!.Axis(c.Attributes.Int("axis", 1)), c.Attributes.Flag("inverse"));
        var given = c.Node.TryInput(1);
        var length = given is null ? b.Extent(x, axis) : b.Reshape(b.Cast(given, ElementType.Int64), 1);
        var back = Adjoint(b, c.Dy(), axis, length, inverse);
        if (given is not null)
            back = Resized(b, back, axis, length, b.Extent(x, axis));
        return Parts(c, back, x);
    }

    /// <summary>The transform's adjoint of a gradient, of which the second half may be left out.</summary>
    private static Value Adjoint(GraphBuilder b, Value dy, int axis, Value length, bool inverse)
    {
        var whole = Resized(b, dy, axis, b.Extent(dy, axis), length);
        var transformed = b.Apply("DFT", [whole], Attributes.None.With("axis", axis).With("inverse", !inverse));
        var number = b.Cast(length, dy.Type);
        return inverse ? transformed / number : transformed * number;
    }

    // Zeros behind where it grows, a cut where it shrinks.
    private static Value Resized(GraphBuilder b, Value x, int axis, Value from, Value to)
    {
        if (x.Shape![axis].Value is { } extent && GraphBuilder.TryEvaluate(to)?.ToInt64()[0] == extent)
            return x;
        Value[] pads = [.. Enumerable.Repeat(b.Ints(0), 2 * x.Rank)];
        pads[x.Rank + axis] = to - from;
        return b.Pad(x, b.Join(pads), b.Like(0, x));
    }

    // Of a real input only the real part counts.
    private static Value Parts(GradientCall c, Value gradient, Value x) => x.Shape![x.Rank - 1].Value switch
    {
        2 => gradient,
        1 => c.B.Slice(gradient, -1, 0, 1),
        _ => throw c.Refuse("whether its input is real or complex is not known"),
    };

    // Y[n, f] = DFT(w · x[n, f·step …]): frames overlap, and what each gives is added up.
    private static void ShortTimeFourier(GradientCall c)
    {
        var (b, x) = (c.B, c.X());
        var window = c.Node.TryInput(2);
        var length = c.Node.TryInput(3) is { } given ? b.Reshape(b.Cast(given, ElementType.Int64), 1)
            : window is null ? throw c.Refuse("it has neither a window nor a frame's length") : b.Extent(window, 0);
        var signal = x.Rank == 2 ? b.Unsqueeze(x, 2) : x;
        // Where each frame's elements lie: [1, frames·length, 1].
        Value Count(Value end) => b.Range(b.Scalar(0, ElementType.Int64), b.Squeeze(end, 0), b.Scalar(1, ElementType.Int64));
        var frames = b.Extent(c.Y(), 1);
        var starts = b.Unsqueeze(Count(frames) * b.Reshape(b.Cast(c.X(1), ElementType.Int64), 1), 1);
        var places = b.Reshape(starts + b.Unsqueeze(Count(length), 0), -1);
        var back = Adjoint(b, c.Dy(), 2, length, inverse: false);
        var framed = signal.Shape![2].Value switch
        {
            2 => back,
            1 => b.Slice(back, -1, 0, 1),
            _ => throw c.Refuse("whether its signal is real or complex is not known"),
        };
        // A window shorter than its frame lies in the middle of it.
        var before = window is null ? null : b.Div(length - b.Extent(window, 0), b.Ints(2));
        c.Give(0, () =>
        {
            var weighted = framed;
            if (window is not null)
            {
                var wide = b.Pad(window, b.Join(before!, length - b.Extent(window, 0) - before!), b.Like(0, window));
                weighted *= b.Unsqueeze(wide, 1);
            }
            var flat = b.Reshape(weighted, b.Join(b.Extent(signal, 0), b.Ints(-1), b.Extent(signal, 2)));
            var indices = b.Expand(b.Unsqueeze(places, [0, 2]), b.ShapeOf(flat));
            return b.ReshapeTo(b.ScatterElements(b.FilledLike(signal, 0), indices, flat, 1, "add"), x.Shape, x);
        });
        c.Give(2, () =>
        {
            var read = b.Reshape(b.Gather(signal, places, 1), b.Join(b.Extent(signal, 0), frames, length, b.Extent(signal, 2)));
            var sum = b.ReduceSum(read * framed, [0, 1, 3], keep: false);
            return b.Slice(sum, before!, before! + b.Extent(window!, 0), b.Ints(0));
        });
    }
}
