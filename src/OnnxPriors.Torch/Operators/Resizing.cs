using OnnxPriors.Graphs;
using static TorchSharp.torch;

namespace OnnxPriors.Torch.Operators;

/// <summary>
/// Resize, one axis after the other: each output element is a weighted sum of a few input elements along the axis. Positions are
/// computed in float32, as ONNX Runtime does, so that both pick the same neighbour where a position lies half way.
/// </summary>
internal static class Resizing
{
    public static OperatorTable Table { get; } = new() { { "Resize", Resize }, { "Upsample", Resize } };

    /// <summary>How one axis is resized.</summary>
    /// <param name="Input">The extent before.</param>
    /// <param name="Output">The extent after.</param>
    /// <param name="Scale">Their ratio as the node gives it.</param>
    /// <param name="Start">Where the region of interest starts, as a share of the extent.</param>
    /// <param name="End">Where it ends.</param>
    private readonly record struct Axis(long Input, long Output, float Scale, float Start, float End);

    private static Tensor Resize(Call call)
    {
        var x = call[0];
        int rank = (int)x.dim();
        long[] axes = call.Attributes.Ints("axes") ?? [.. Enumerable.Range(0, rank).Select(a => (long)a)];
        string coordinates = call.Attributes.String("coordinate_transformation_mode", call.Node.Op == "Upsample" ? "asymmetric" : "half_pixel");
        var plans = Plans(call, x, axes, coordinates);
        for (var i = 0; i < axes.Length; i++)
        {
            int axis = call.Axis(axes[i], rank);
            if (plans[i].Input == plans[i].Output && plans[i].Scale == 1 && coordinates != "tf_crop_and_resize") continue;
            x = Along(call, x, axis, plans[i], coordinates);
        }
        return x;
    }

    private static Axis[] Plans(Call call, Tensor x, long[] axes, string coordinates)
    {
        int rank = (int)x.dim();
        // Opset 10 and Upsample have the scales second; from 11 on the region of interest stands there.
        bool old = call.Count == 2;
        int scalesAt = old ? 1 : 2;
        double[]? scales = call.Has(scalesAt) && call[scalesAt].numel() > 0 ? call.Reals(scalesAt) : null;
        long[]? sizes = !old && call.Has(3) && call[3].numel() > 0 ? call.Integers(3) : null;
        double[]? region = !old && coordinates == "tf_crop_and_resize" && call.Has(1) ? call.Reals(1) : null;
        long[] extents = [.. axes.Select(a => x.shape[call.Axis(a, rank)])];
        if (sizes is not null)
        {
            string policy = call.Attributes.String("keep_aspect_ratio_policy", "stretch");
            if (policy == "stretch")
                return [.. sizes.Select((s, i) => Plan(i, s, (float)s / extents[i]))];
            var ratios = sizes.Select((s, i) => (float)s / extents[i]);
            float ratio = policy == "not_larger" ? ratios.Min() : ratios.Max();
            return [.. sizes.Select((_, i) => Plan(i, (long)Math.Floor(ratio * extents[i] + 0.5f), ratio))];
        }
        if (scales is null) throw new GraphException($"{call.Node.Title} has neither scales nor sizes.");
        return [.. scales.Select((s, i) =>
        {
            var plan = Plan(i, 0, (float)s);
            float covered = region is null ? 1 : plan.End - plan.Start;
            return plan with { Output = (long)Math.Floor(extents[i] * (float)s * covered) };
        })];

        Axis Plan(int i, long output, float scale) =>
            new(extents[i], output, scale, (float)(region?[i] ?? 0), (float)(region?[i + axes.Length] ?? 1));
    }

    private static Tensor Along(Call call, Tensor x, int axis, Axis plan, string coordinates)
    {
        string mode = call.Attributes.String("mode", "nearest");
        float[] positions = [.. Enumerable.Range(0, (int)plan.Output).Select(i => Position(call, coordinates, i, plan))];
        var taps = mode switch
        {
            "nearest" => Nearest(positions, plan, call.Attributes.String("nearest_mode", call.Node.Op == "Upsample" ? "floor" : "round_prefer_floor")),
            "linear" or "cubic" => Weighted(call, positions, plan, cubic: mode == "cubic"),
            _ => throw call.Unsupported($"resizing of mode '{mode}'"),
        };
        long[] along = [.. Enumerable.Range(0, (int)x.dim()).Select(a => a == axis ? -1L : 1L)];
        var kind = x.is_floating_point() ? x.dtype : ScalarType.Float64;
        Tensor? sum = null;
        foreach (var (indices, weights) in taps)
        {
            var part = x.index_select(axis, call.Indices(indices));
            if (weights is not null) part = part * tensor(weights, kind, x.device).reshape(along);
            sum = sum is null ? part : sum + part;
        }
        if (coordinates == "tf_crop_and_resize")
        {
            bool[] outside = [.. positions.Select(p => p < 0 || p > plan.Input - 1)];
            var value = full_like(sum!, call.Attributes.Float("extrapolation_value"));
            sum = where(tensor(outside, ScalarType.Bool, x.device).reshape(along), value, sum!);
        }
        return sum!.dtype == x.dtype ? sum : sum.to(x.dtype);
    }

    private static float Position(Call call, string mode, int i, Axis a) => mode switch
    {
        "half_pixel" => (i + 0.5f) / a.Scale - 0.5f,
        "half_pixel_symmetric" => a.Input / 2f * (1 - a.Output / (a.Scale * a.Input)) + (i + 0.5f) / a.Scale - 0.5f,
        "pytorch_half_pixel" => a.Output > 1 ? (i + 0.5f) / a.Scale - 0.5f : 0,
        "align_corners" => a.Output == 1 ? 0 : i * (float)(a.Input - 1) / (a.Output - 1),
        "asymmetric" => i / a.Scale,
        "tf_half_pixel_for_nn" => (i + 0.5f) / a.Scale,
        "tf_crop_and_resize" => a.Output > 1
            ? a.Start * (a.Input - 1) + i * (a.End - a.Start) * (a.Input - 1) / (a.Output - 1)
            : 0.5f * (a.Start + a.End) * (a.Input - 1),
        _ => throw call.Unsupported($"the coordinate transformation '{mode}'"),
    };

    private static List<(long[] Indices, double[]? Weights)> Nearest(float[] positions, Axis axis, string rounding) =>
    [
        ([.. positions.Select(p => Math.Clamp((long)(rounding switch
        {
            "floor" => MathF.Floor(p),
            "ceil" => MathF.Ceiling(p),
            "round_prefer_ceil" => MathF.Floor(p + 0.5f),
            _ => MathF.Ceiling(p - 0.5f),
        }), 0, axis.Input - 1))], null),
    ];

    private static List<(long[] Indices, double[]? Weights)> Weighted(Call call, float[] positions, Axis axis, bool cubic)
    {
        double a = call.Attributes.Float("cubic_coeff_a", -0.75f);
        bool antialias = call.Attributes.Flag("antialias") && axis.Scale < 1;
        bool within = call.Attributes.Flag("exclude_outside");
        double stretch = antialias ? axis.Scale : 1, support = (cubic ? 2 : 1) / stretch;
        int reach = (int)Math.Ceiling(support);
        var taps = new List<(long[] Indices, double[]? Weights)>();
        for (int t = 1 - reach; t <= reach; t++) taps.Add((new long[positions.Length], new double[positions.Length]));
        for (var i = 0; i < positions.Length; i++)
        {
            // Bilinear interpolation stops at the border; cubic and antialiased windows reach over it.
            float position = cubic || antialias ? positions[i] : Math.Clamp(positions[i], 0, axis.Input - 1);
            long first = (long)MathF.Floor(position);
            double total = 0;
            for (var t = 0; t < taps.Count; t++)
            {
                long index = first + 1 - reach + t;
                double distance = Math.Abs(index - position) * stretch;
                double weight = cubic ? Cubic(distance, a) : Math.Max(0, 1 - distance);
                if (within && (index < 0 || index >= axis.Input)) weight = 0;
                taps[t].Indices[i] = Math.Clamp(index, 0, axis.Input - 1);
                taps[t].Weights![i] = weight;
                total += weight;
            }
            if ((within || antialias) && total != 0)
                foreach (var (_, weights) in taps)
                    weights![i] /= total;
        }
        return taps;
    }

    // Keys's kernel (1981).
    private static double Cubic(double d, double a) =>
        d <= 1 ? ((a + 2) * d - (a + 3)) * d * d + 1
        : d < 2 ? ((a * d - 5 * a) * d + 8 * a) * d - 4 * a
        : 0;
}
