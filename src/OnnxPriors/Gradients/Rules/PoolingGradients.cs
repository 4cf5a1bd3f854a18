using OnnxPriors.Graphs;

namespace OnnxPriors.Gradients.Rules;

/// <summary>Pooling over windows and over whole images [N, C, D₁, …].</summary>
internal static class PoolingGradients
{
    public static IReadOnlyDictionary<string, GradientRule> Rules { get; } = new Dictionary<string, GradientRule>(StringComparer.Ordinal)
    {
        ["MaxPool"] = c => c.Give(0, () => MaxPool(c)),
        ["AveragePool"] = c => c.Give(0, () => AveragePool(c)),
        ["LpPool"] = c => c.Give(0, () => LpPool(c)),
        ["GlobalAveragePool"] = c => c.Give(0, () => c.B.ExpandLike(c.Dy() / Places(c.B, c.X()), c.X())),
        ["GlobalMaxPool"] = c => c.Give(0, () => GlobalMaxPool(c)),
        ["GlobalLpPool"] = c => c.Give(0, () =>
        {
            var p = c.Attributes.Int("p", 2);
            return c.Dy() * c.B.Pow(Safe(c.B, c.Y()), 1 - p) * PowerSlope(c.B, c.X(), p);
        }),
    };

    // The runtime gives the place of the first maximum in the whole tensor; within its channel that is the rest by the channel's size.
    private static Value MaxPool(GradientCall c)
    {
        var (b, x) = (c.B, c.X());
        // Indices that count column by column are of no use here.
        var indices = c.Attributes.Int("storage_order") != 0 ? b.MaxPoolWithIndices(x, c.Attributes.Without("storage_order")).Indices : c.Kept(1);
        var size = x.Shape!.Skip(2).Aggregate((Dimension)1, (p, d) => p * d).Value is { } known ? b.Ints(known) : b.ReduceProd(b.ShapeOf(x, 2, x.Rank), [0]);
        var flat = b.Mod(b.Reshape(indices, 0, 0, -1), size);
        var zeros = b.Filled(b.Join(b.Extent(x, 0), b.Extent(x, 1), size), 0, x.Type);
        return b.ReshapeTo(b.ScatterElements(zeros, flat, b.Reshape(c.Dy(), 0, 0, -1), 2, "add"), x.Shape, x);
    }

    private static Value GlobalMaxPool(GradientCall c)
    {
        var (b, x) = (c.B, c.X());
        var rows = b.Reshape(x, 0, 0, -1);
        return b.ReshapeTo(b.ScatterElements(b.FilledLike(rows, 0), b.ArgMax(rows, 2), b.Reshape(c.Dy(), 0, 0, -1), 2), x.Shape, x);
    }

    private static Value AveragePool(GradientCall c)
    {
        var (b, x) = (c.B, c.X());
        var window = WindowOf(c);
        return SpreadBack(b, window, c.Dy() / Counts(c, window), x);
    }

    // y = (Σ |x|ᵖ)^(1/p), so dx = |x|ᵖ⁻¹ sign x · Σ dy y¹⁻ᵖ over the windows that read x.
    private static Value LpPool(GradientCall c)
    {
        var (b, x, p) = (c.B, c.X(), c.Attributes.Int("p", 2));
        return SpreadBack(b, WindowOf(c), c.Dy() * b.Pow(Safe(b, c.Y()), 1 - p), x) * PowerSlope(b, x, p);
    }

    private static SlidingWindow WindowOf(GradientCall c) => SlidingWindow.Of(c, c.X(), c.Attributes.Ints("kernel_shape")!);

    private static Value Safe(GraphBuilder b, Value y) => b.Where(b.Equal(y, b.Like(0, y)), b.Like(1, y), y);

    private static Value PowerSlope(GraphBuilder b, Value x, long p) => p == 2 ? x : b.Sign(x) * b.Pow(b.Abs(x), p - 1);

    private static Value Places(GraphBuilder b, Value x) => x.Shape!.Skip(2).Aggregate((Dimension)1, (p, d) => p * d).Value is { } known
        ? b.Like(known, x)
        : b.Cast(b.ReduceProd(b.ShapeOf(x, 2, x.Rank), [0], keep: false), x.Type);

    // Each window's number goes to all elements it read.
    private static Value SpreadBack(GraphBuilder b, SlidingWindow window, Value dy, Value x)
    {
        var axes = Enumerable.Range(0, window.Axes);
        var places = axes.Select(i => dy.Shape![i + 2].Value).ToArray();
        var extents = axes.Select(i => x.Shape![i + 2].Value).ToArray();
        if (axes.All(i => window.Kernel[i] == window.Strides[i] && window.Dilations[i] == 1 && window.Before[i] == 0 && places[i] * window.Strides[i] is { } covered && covered <= extents[i]))
        {
            // Windows side by side: each number is repeated, and what no window reached is zero.
            var apart = b.Reshape(dy, b.Join([b.Extent(x, 0), b.Extent(x, 1), .. axes.Select(i => b.Ints(places[i]!.Value, 1))]));
            var repeated = b.Expand(apart, b.Join([b.Ints(1, 1), .. axes.Select(i => b.Ints(places[i]!.Value, window.Kernel[i]))]));
            var joined = b.Reshape(repeated, b.Join([b.Extent(x, 0), b.Extent(x, 1), .. axes.Select(i => b.Ints(places[i]!.Value * window.Kernel[i]))]));
            return new SlidingWindow(window.Kernel, window.Strides, window.Dilations, window.Before, [.. axes.Select(i => extents[i]!.Value - places[i]!.Value * window.Kernel[i])]).Pad(b, joined);
        }
        // Channels as images of one channel, under a kernel of ones.
        Value Alone(Value value) => b.Reshape(value, b.Join([b.Ints(-1, 1), .. axes.Select(i => b.Extent(value, i + 2))]));
        var ones = b.Constant(TensorData.Of(Enumerable.Repeat(1.0, (int)window.Kernel.Aggregate(1L, (p, k) => p * k)).ToArray(), [1, 1, .. window.Kernel]).ConvertTo(dy.Type));
        return b.ReshapeTo(window.Transpose(b, Alone(dy), ones, Alone(x), 1), x.Shape, x);
    }

    // How many elements each window averages: with count_include_pad the padding counts, what hangs over it in ceil_mode does not.
    private static Value Counts(GradientCall c, SlidingWindow window)
    {
        var (b, x, y) = (c.B, c.X(), c.Y());
        var includePad = c.Attributes.Flag("count_include_pad");
        var padded = window.Before.Concat(window.After).Any(p => p != 0);
        var whole = window.Kernel.Aggregate(1L, (p, k) => p * k);
        if (!c.Attributes.Flag("ceil_mode") && (includePad || !padded))
            return b.Like(whole, x);
        var counts = new double[] { 1 };
        var extents = new long[window.Axes];
        for (var i = 0; i < window.Axes; i++)
        {
            if (x.Shape![i + 2].Value is not { } extent || y.Shape![i + 2].Value is not { } places)
                return CountsWhenRun(c, window, includePad);
            extents[i] = places;
            var (first, end) = includePad ? (-window.Before[i], extent + window.After[i]) : (0, extent);
            var along = new double[places];
            for (var p = 0L; p < places; p++)
                for (var k = 0L; k < window.Kernel[i]; k++)
                    if (p * window.Strides[i] - window.Before[i] + k * window.Dilations[i] is var at && at >= first && at < end)
                        along[p]++;
            counts = [.. counts.SelectMany(n => along.Select(a => n * a))];
        }
        return counts.All(n => n == whole) ? b.Like(whole, x) : b.Constant(TensorData.Of(counts, [.. extents]).ConvertTo(x.Type));
    }

    // Each window's sum over ones where elements count and zeros behind them.
    private static Value CountsWhenRun(GradientCall c, SlidingWindow window, bool includePad)
    {
        var (b, x, y) = (c.B, c.X(), c.Y());
        var axes = Enumerable.Range(0, window.Axes).ToArray();
        var counted = b.Filled(b.Join([b.Ints(1, 1), .. axes.Select(i => b.Extent(x, i + 2))]), 1, x.Type);
        if (includePad)
            counted = window.Pad(b, counted, 1);
        // Windows of ceil_mode may hang over the end by less than a stride.
        var over = Array.ConvertAll(window.Strides, s => s - 1);
        var (before, after) = includePad ? (new long[window.Axes], over) : (window.Before, [.. window.After.Zip(over, (a, o) => a + o)]);
        var ones = b.Constant(TensorData.Of(Enumerable.Repeat(1.0, (int)window.Kernel.Aggregate(1L, (p, k) => p * k)).ToArray(), [1, 1, .. window.Kernel]).ConvertTo(x.Type));
        var sums = b.Conv(counted, ones, null, Attributes.None.With("strides", window.Strides).With("dilations", window.Dilations).With("pads", before.Concat(after).ToArray()));
        return b.Slice(sums, b.Ints(new long[window.Axes]), b.Join(axes.Select(i => b.Extent(y, i + 2))), b.Ints([.. axes.Select(i => i + 2L)]));
    }
}
