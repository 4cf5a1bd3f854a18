using OnnxPriors.Graphs;

namespace OnnxPriors.Gradients.Rules.Sampling;

/// <summary>
/// MaxRoiPool (Girshick, 'Fast R-CNN', 2015) of an image [N, C, H, W] over regions [R, 5] of (image, x₁, y₁, x₂, y₂) → [R, C, h, w]: the maxima of a bin's
/// elements share its gradient. Bins are taken one by one, as they overlap.
/// </summary>
internal static class MaxRoiPoolGradient
{
    public static void Rule(GradientCall c) => c.Give(0, () =>
    {
        var (b, x) = (c.B, c.X());
        var pooled = c.Attributes.Ints("pooled_shape") ?? throw c.Refuse("it lacks its pooled_shape");
        Value Column(int i) => b.Slice(c.X(1), 1, i, i + 1);
        var images = b.Reshape(b.Cast(Column(0), ElementType.Int64), -1);
        var read = b.Gather(x, images, 0);
        var scale = (double)c.Attributes.Float("spatial_scale", 1);
        var rows = Enumerable.Range(0, (int)pooled[0]).Select(i => Bin(b, x, 2, Column(2) * scale, Column(4) * scale, i, pooled[0])).ToArray();
        var columns = Enumerable.Range(0, (int)pooled[1]).Select(j => Bin(b, x, 3, Column(1) * scale, Column(3) * scale, j, pooled[1])).ToArray();
        Value? sum = null;
        for (var i = 0; i < rows.Length; i++)
            for (var j = 0; j < columns.Length; j++)
            {
                Value At(Value value) => b.Slice(value, b.Ints(i, j), b.Ints(i + 1, j + 1), b.Ints(2, 3));
                var inside = b.Unsqueeze(b.And(b.Unsqueeze(rows[i], 2), b.Unsqueeze(columns[j], 1)), 1);
                var hits = b.Mask(b.And(b.Equal(read, At(c.Y())), inside), x);
                // An empty bin's maximum is 0 and belongs to nobody.
                var number = b.Max(b.ReduceSum(hits, [2, 3]), b.Like(1, x));
                var share = At(c.Dy()) / number * hits;
                sum = sum is null ? share : sum + share;
            }
        return b.ScatterElements(b.FilledLike(x, 0), b.Expand(b.Reshape(images, -1, 1, 1, 1), b.ShapeOf(sum!)), sum!, 0, "add");
    });

    // Which elements of an axis lie in a bin [R, extent], with regions rounded to whole elements.
    private static Value Bin(GraphBuilder b, Value x, int axis, Value start, Value end, int bin, long bins)
    {
        Value Rounded(Value v) => b.Floor(v + 0.5);
        var first = Rounded(start);
        var size = b.Max(Rounded(end) - first + 1, b.Like(1, x)) / bins;
        var elements = b.Cast(b.Range(b.Scalar(0, ElementType.Int64), b.Squeeze(b.Extent(x, axis), 0), b.Scalar(1, ElementType.Int64)), x.Type);
        return b.And(b.GreaterOrEqual(elements, b.Floor(size * bin) + first), b.Less(elements, b.Apply("Ceil", [size * (bin + 1)]) + first));
    }
}
