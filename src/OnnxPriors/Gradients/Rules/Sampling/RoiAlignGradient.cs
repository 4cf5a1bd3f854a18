using OnnxPriors.Graphs;

namespace OnnxPriors.Gradients.Rules.Sampling;

/// <summary>
/// RoiAlign (He et al., 'Mask R-CNN', 2017) of an image [N, C, H, W] over regions [R, 4] → [R, C, h, w]. A bin's mean is bilinear, so rows and columns part:
/// Y[r, c] = A_r X[n_r, c] B_rᵀ, and dX[n, c] = Σ A_rᵀ dY[r, c] B_r over the image's regions. The regions themselves get no gradient, as in torchvision.
/// </summary>
internal static class RoiAlignGradient
{
    public static void Rule(GradientCall c) => c.Give(0, () =>
    {
        var (b, x, dy) = (c.B, c.X(), c.Dy());
        if (c.Attributes.String("mode", "avg") != "avg")
            return Largest(c);
        var rows = b.ReduceSum(Samples(c, 1, "output_height", 2).Weight, [2], keep: false);
        var columns = b.ReduceSum(Samples(c, 0, "output_width", 3).Weight, [2], keep: false);
        // [R, C, h, W], then one product over all regions and bins for each image: those of other images count nothing.
        var wide = b.MatMul(dy, b.Unsqueeze(columns, 1));
        var (channels, width, height) = (b.Extent(x, 1), b.Extent(x, 3), b.Extent(x, 2));
        var left = b.Reshape(b.Transpose(wide, 1, 3, 0, 2), b.Join(b.Ints(1), channels * width, b.Ints(-1)));
        var images = b.Range(b.Scalar(0, ElementType.Int64), b.Squeeze(b.Extent(x, 0), 0), b.Scalar(1, ElementType.Int64));
        var own = b.Mask(b.Equal(b.Unsqueeze(images, 1), b.Unsqueeze(b.Cast(c.X(2), ElementType.Int64), 0)), x);
        var right = b.Reshape(b.Unsqueeze(b.Unsqueeze(own, 2), 3) * b.Unsqueeze(rows, 0), b.Join(b.Extent(x, 0), b.Ints(-1), height));
        var joined = b.Reshape(b.MatMul(left, right), b.Join(b.Extent(x, 0), channels, width, height));
        return b.Transpose(joined, 0, 1, 3, 2);
    });

    /// <summary>The samples of each bin along an axis: their weights on the axis's elements, already divided by their number [R, bins, samples, extent].</summary>
    /// <param name="Weight">The weights.</param>
    /// <param name="Low">The weight on the lower neighbour alone [R, bins, samples, extent], not divided.</param>
    /// <param name="High">That on the upper neighbour.</param>
    private sealed record Axis(Value Weight, Value Low, Value High);

    private static Axis Samples(GradientCall c, int first, string bins, int axis)
    {
        var (b, x) = (c.B, c.X());
        var count = c.Attributes.Int(bins, 1);
        var half = c.Attributes.String("coordinate_transformation_mode", "half_pixel") == "half_pixel";
        // A file of before opset 16 has no such attribute and means the other mode; normalisation states it.
        var boxes = c.X(1) * (double)c.Attributes.Float("spatial_scale", 1) - (half ? 0.5 : 0);
        Value Side(int side) => b.Reshape(b.Slice(boxes, 1, side, side + 1), -1, 1, 1, 1);
        var start = Side(first);
        var length = Side(first + 2) - start;
        if (!half)
            length = b.Max(length, b.Like(1, length));
        var bin = length / count;
        var ratio = c.Attributes.Int("sampling_ratio");
        var perBin = ratio > 0 ? b.Like(ratio, x) : b.Apply("Ceil", [bin]);
        var most = ratio > 0 ? b.Scalar(ratio, ElementType.Int64) : b.Cast(b.Apply("ReduceMax", [perBin], Attributes.None.With("keepdims", false)), ElementType.Int64);
        var sample = b.Reshape(Counted(b, most, x.Type), 1, 1, -1, 1);
        var place = start + bin * (b.Reshape(Counted(b, b.Scalar(count, ElementType.Int64), x.Type), 1, -1, 1, 1) + (sample + 0.5) / perBin);
        var extent = b.Squeeze(b.Extent(x, axis), 0);
        var size = b.Cast(extent, x.Type);
        var counts = b.And(b.And(b.GreaterOrEqual(place, b.Like(-1, x)), b.LessOrEqual(place, size)), b.Less(sample, perBin));
        var inside = b.Max(b.Min(place, size - 1), b.Like(0, x));
        var element = Counted(b, extent, x.Type);
        var low = b.Floor(inside);
        var mask = b.Mask(counts, x);
        var fraction = inside - low;
        Value On(Value neighbour, Value weight) => b.Mask(b.Equal(element, neighbour), x) * (weight * mask);
        var (below, above) = (On(low, 1 - fraction), On(low + 1, fraction));
        return new((below + above) / perBin, below, above);
    }

    private static Value Counted(GraphBuilder b, Value end, ElementType type) =>
        b.Cast(b.Range(b.Scalar(0, ElementType.Int64), end, b.Scalar(1, ElementType.Int64)), type);

    // The mode max takes the largest of all samples' four weighted neighbours; those that tie share.
    private static Value Largest(GradientCall c)
    {
        var (b, x, dy) = (c.B, c.X(), c.Dy());
        var (rows, columns) = (Samples(c, 1, "output_height", 2), Samples(c, 0, "output_width", 3));
        // Each term is one element of the image times a weight: [R, h, 2s, H] and [R, w, 2s, W] with one weight other than 0 in a row.
        var (byRow, byColumn) = (b.Concat([rows.Low, rows.High], 2), b.Concat([columns.Low, columns.High], 2));
        var images = b.Gather(x, b.Cast(c.X(2), ElementType.Int64), 0);
        var (h, w) = (c.Attributes.Int("output_height", 1), c.Attributes.Int("output_width", 1));
        var rowsFlat = b.Unsqueeze(b.Reshape(byRow, b.Join(b.Ints(0, -1), b.Extent(x, 2))), 1);
        var columnsFlat = b.Unsqueeze(b.Reshape(byColumn, b.Join(b.Ints(0, -1), b.Extent(x, 3))), 1);
        // [R, C, h·2s, w·2s′] → [R, C, h, 2s, w, 2s′].
        var terms = b.Reshape(b.MatMul(b.MatMul(rowsFlat, images), b.TransposeMatrix(columnsFlat)), b.Join(b.Extent(dy, 0), b.Extent(x, 1), b.Ints(h), Neighbours(b, byRow), b.Ints(w), Neighbours(b, byColumn)));
        Value Spread(Value value) => b.Unsqueeze(value, [3, 5]);
        var hits = b.Mask(b.Equal(terms, Spread(c.Y())), x);
        var shares = Spread(dy) / b.ReduceSum(hits, [3, 5]) * hits;
        var flat = b.Reshape(shares, b.Join(b.Extent(dy, 0), b.Extent(x, 1), b.Extent(rowsFlat, 2), b.Ints(-1)));
        var back = b.MatMul(b.MatMul(b.TransposeMatrix(rowsFlat), flat), columnsFlat);
        return b.ScatterElements(
            b.FilledLike(x, 0), b.Expand(b.Reshape(b.Cast(c.X(2), ElementType.Int64), -1, 1, 1, 1), b.ShapeOf(back)), back, 0, "add");
    }

    private static Value Neighbours(GraphBuilder b, Value flat) => b.ShapeOf(flat, 2, 3);
}
