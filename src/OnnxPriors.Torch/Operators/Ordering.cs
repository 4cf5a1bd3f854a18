using static TorchSharp.torch;

namespace OnnxPriors.Torch.Operators;

/// <summary>Operators that order or select: the largest, the distinct, boxes that do not overlap.</summary>
internal static class Ordering
{
    public static OperatorTable Table { get; } = new()
    {
        { "TopK", TopK },
        { "Unique", Unique },
        { "NonMaxSuppression", NonMaxSuppression },
    };

    // A stable sort gives equal elements in the order of their indices, as the specification asks; libtorch's topk does not promise it.
    private static Tensor?[] TopK(Call call)
    {
        var x = call[0];
        int axis = call.Axis(x.dim(), -1, "axis");
        var (values, indices) = x.sort(axis, descending: call.Attributes.Flag("largest", true), stable: true);
        long k = call.Integer(1);
        return [values.narrow(axis, 0, k), indices.narrow(axis, 0, k)];
    }

    // On the host: the output's size depends on the contents anyway, and ONNX numbers distinct slices by their first occurrence.
    private static Tensor?[] Unique(Call call)
    {
        var x = call[0].detach();
        bool flat = !call.Attributes.Has("axis");
        var source = flat ? x.reshape(-1) : x;
        int axis = flat ? 0 : call.Axis(x.dim(), 0, "axis");
        var rows = source.movedim([axis], [0]).contiguous();
        int count = (int)rows.shape[0];
        using var host = rows.reshape(count, -1).to(ScalarType.Float64).cpu();
        double[] values = [.. host.data<double>()];
        int width = count == 0 ? 0 : values.Length / count;
        var firsts = new List<int>();
        var inverse = new long[count];
        var counts = new List<long>();
        for (var i = 0; i < count; i++)
        {
            int found = firsts.FindIndex(f => values.AsSpan(f * width, width).SequenceEqual(values.AsSpan(i * width, width)));
            if (found < 0)
            {
                found = firsts.Count;
                firsts.Add(i);
                counts.Add(0);
            }
            inverse[i] = found;
            counts[found]++;
        }
        int[] order = [.. Enumerable.Range(0, firsts.Count)];
        if (call.Attributes.Flag("sorted", true))
            order = [.. order.OrderBy(i => firsts[i], Comparer<int>.Create((a, b) => values.AsSpan(a * width, width).SequenceCompareTo(values.AsSpan(b * width, width))))];
        var rank = new long[order.Length];
        for (var i = 0; i < order.Length; i++) rank[order[i]] = i;
        var first = call.Indices([.. order.Select(i => (long)firsts[i])]);
        return
        [
            source.index_select(axis, first),
            first,
            call.Indices([.. inverse.Select(i => rank[i])]),
            call.Indices([.. order.Select(i => counts[i])]),
        ];
    }

    private static Tensor NonMaxSuppression(Call call)
    {
        double[] boxes = call.Reals(0), scores = call.Reals(1);
        long batches = call[1].shape[0], classes = call[1].shape[1], count = call[1].shape[2];
        long most = call.Integer(2, 0);
        double overlap = call.Has(3) ? call.Reals(3)[0] : 0, least = call.Has(4) ? call.Reals(4)[0] : double.NegativeInfinity;
        bool centred = call.Attributes.Flag("center_point_box");
        var selected = new List<long>();
        for (long batch = 0; batch < batches; batch++)
            for (long kind = 0; kind < classes && most > 0; kind++)
            {
                long offset = (batch * classes + kind) * count;
                var kept = new List<long>();
                foreach (long box in Enumerable.Range(0, (int)count).Select(i => (long)i).Where(i => scores[offset + i] > least)
                    .OrderByDescending(i => scores[offset + i]))
                {
                    if (kept.Count >= most) break;
                    if (kept.Any(other => Overlap(Corners(batch, box), Corners(batch, other)) > overlap)) continue;
                    kept.Add(box);
                    selected.AddRange([batch, kind, box]);
                }
            }
        return call.Indices([.. selected]).reshape(-1, 3);

        (double Y1, double X1, double Y2, double X2) Corners(long batch, long box)
        {
            var b = boxes.AsSpan((int)((batch * count + box) * 4), 4);
            return centred
                ? (b[1] - b[3] / 2, b[0] - b[2] / 2, b[1] + b[3] / 2, b[0] + b[2] / 2)
                : (Math.Min(b[0], b[2]), Math.Min(b[1], b[3]), Math.Max(b[0], b[2]), Math.Max(b[1], b[3]));
        }
    }

    private static double Overlap((double Y1, double X1, double Y2, double X2) a, (double Y1, double X1, double Y2, double X2) b)
    {
        double height = Math.Min(a.Y2, b.Y2) - Math.Max(a.Y1, b.Y1), width = Math.Min(a.X2, b.X2) - Math.Max(a.X1, b.X1);
        if (height <= 0 || width <= 0) return 0;
        double both = height * width;
        return both / ((a.Y2 - a.Y1) * (a.X2 - a.X1) + (b.Y2 - b.Y1) * (b.X2 - b.X1) - both);
    }
}
