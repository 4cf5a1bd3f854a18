using static TorchSharp.torch;

namespace OnnxPriors.Torch.Operators;

/// <summary>Operators that read an image at computed positions.</summary>
internal static class Sampling
{
    public static OperatorTable Table { get; } = new()
    {
        { "GridSample", GridSample },
        { "AffineGrid", c => nn.functional.affine_grid(c[0], c.Integers(1), c.Attributes.Flag("align_corners")) },
        { "RoiAlign", RoiAlign },
        { "MaxRoiPool", MaxRoiPool },
    };

    private static Tensor GridSample(Call call)
    {
        string mode = call.Attributes.String("mode", "linear"), padding = call.Attributes.String("padding_mode", "zeros");
        if (mode is "cubic" or "bicubic") return CubicGridSample(call, padding);
        return nn.functional.grid_sample(
            call[0], call[1],
            mode switch
            {
                "linear" or "bilinear" => GridSampleMode.Bilinear,
                "nearest" => GridSampleMode.Nearest,
                _ => throw call.Unsupported($"grid sampling of mode '{mode}'"),
            },
            padding switch
            {
                "zeros" => GridSamplePaddingMode.Zeros,
                "border" => GridSamplePaddingMode.Border,
                "reflection" => GridSamplePaddingMode.Reflection,
                _ => throw call.Unsupported($"grid sampling with padding '{padding}'"),
            },
            call.Attributes.Flag("align_corners"));
    }

    // TorchSharp does not offer the bicubic mode: x [N, C, H, W], grid [N, h, w, 2] → [N, C, h, w], Keys's kernel with a = −0.75.
    private static Tensor CubicGridSample(Call call, string padding)
    {
        var (x, grid) = (call[0], call[1]);
        if (x.dim() != 4) throw call.Unsupported("cubic grid sampling of anything but images");
        bool aligned = call.Attributes.Flag("align_corners");
        long n = x.shape[0], c = x.shape[1], height = x.shape[2], width = x.shape[3];
        var columns = Pixels(grid.select(-1, 0), width);
        var rows = Pixels(grid.select(-1, 1), height);
        var flat = x.reshape(n, c, height * width);
        Tensor? sum = null;
        for (int i = -1; i <= 2; i++)
            for (int j = -1; j <= 2; j++)
            {
                var (row, column) = (rows.floor() + i, columns.floor() + j);
                var weight = Keys(rows - row) * Keys(columns - column);
                if (padding == "zeros")
                    weight = weight * (row >= 0).logical_and(row < height).logical_and(column >= 0).logical_and(column < width);
                var index = (Inside(row, height) * width + Inside(column, width)).to(ScalarType.Int64).reshape(n, 1, -1).expand(n, c, -1);
                var term = flat.gather(2, index) * weight.reshape(n, 1, -1);
                sum = sum is null ? term : sum + term;
            }
        return sum!.reshape(n, c, grid.shape[1], grid.shape[2]);

        Tensor Pixels(Tensor position, long extent) => aligned ? (position + 1) / 2 * (extent - 1) : ((position + 1) * extent - 1) / 2;

        Tensor Inside(Tensor index, long extent)
        {
            if (padding == "reflection")
            {
                double low = aligned ? 0 : -0.5, span = aligned ? extent - 1 : extent;
                if (span == 0) return zeros_like(index);
                var within = (index - low).remainder(2 * span);
                index = span - (within - span).abs() + low;
            }
            return index.clamp(0, extent - 1);
        }
    }

    private static Tensor Keys(Tensor distance)
    {
        const double a = -0.75;
        var d = distance.abs();
        var near = ((a + 2) * d - (a + 3)) * d * d + 1;
        var far = ((a * d - 5 * a) * d + 8 * a) * d - 4 * a;
        return where(d <= 1, near, where(d < 2, far, zeros_like(d)));
    }

    // x [N, C, H, W], regions [R, 4] as (x1, y1, x2, y2) → [R, C, h, w]: each bin is the mean or maximum of bilinear samples.
    private static Tensor RoiAlign(Call call)
    {
        var x = call[0];
        double[] regions = call.Reals(1);
        long[] images = call.Integers(2);
        int height = (int)call.Attributes.Int("output_height", 1), width = (int)call.Attributes.Int("output_width", 1);
        double scale = call.Attributes.Float("spatial_scale", 1f);
        int ratio = (int)call.Attributes.Int("sampling_ratio");
        bool half = call.Attributes.String("coordinate_transformation_mode", "half_pixel") == "half_pixel";
        bool largest = call.Attributes.String("mode", "avg") == "max";
        double offset = half ? 0.5 : 0;
        var results = new List<Tensor>();
        for (var r = 0; r < images.Length; r++)
        {
            double x1 = regions[4 * r] * scale - offset, y1 = regions[4 * r + 1] * scale - offset;
            double w = regions[4 * r + 2] * scale - offset - x1, h = regions[4 * r + 3] * scale - offset - y1;
            if (!half) (w, h) = (Math.Max(w, 1), Math.Max(h, 1));
            int perY = ratio > 0 ? ratio : (int)Math.Ceiling(h / height), perX = ratio > 0 ? ratio : (int)Math.Ceiling(w / width);
            var image = x.select(0, images[r]);
            var rows = Taps(y1, h, height, perY, x.shape[2]);
            var columns = Taps(x1, w, width, perX, x.shape[3]);
            Tensor? samples = null;
            // For the maximum, ONNX takes the largest of the four weighted corners too, as ONNX Runtime computes it.
            foreach (var (rowIndex, rowWeight) in rows)
                foreach (var (columnIndex, columnWeight) in columns)
                {
                    var corner = image.index_select(1, call.Indices(rowIndex)).index_select(2, call.Indices(columnIndex))
                        * tensor(rowWeight, x.dtype, x.device).reshape(1, -1, 1) * tensor(columnWeight, x.dtype, x.device).reshape(1, 1, -1);
                    samples = samples is null ? corner : largest ? samples.maximum(corner) : samples + corner;
                }
            var bins = samples!.reshape(x.shape[1], height, perY, width, perX);
            results.Add(largest ? bins.amax([2, 4]) : bins.mean([2, 4]));
        }
        long[] none = [0, x.shape[1], height, width];
        return results.Count == 0 ? zeros(none, x.dtype, x.device) : stack(results, 0);
    }

    /// <summary>The two neighbours of each sample along an axis, with their weights; samples beyond the border weigh nothing.</summary>
    private static (long[] Index, double[] Weight)[] Taps(double start, double extent, int bins, int perBin, long size)
    {
        int count = bins * perBin;
        var (low, high) = ((Index: new long[count], Weight: new double[count]), (Index: new long[count], Weight: new double[count]));
        for (var i = 0; i < count; i++)
        {
            double position = start + extent / bins * (i / perBin + (i % perBin + 0.5) / perBin);
            if (position < -1 || position > size) continue;
            position = Math.Clamp(position, 0, size - 1);
            long floor = (long)position;
            (low.Index[i], high.Index[i]) = (floor, Math.Min(floor + 1, size - 1));
            (low.Weight[i], high.Weight[i]) = (1 - (position - floor), position - floor);
        }
        return [low, high];
    }

    // Regions [R, 5] as (image, x1, y1, x2, y2), rounded to whole cells.
    private static Tensor MaxRoiPool(Call call)
    {
        var x = call[0];
        double[] regions = call.Reals(1);
        long[] pooled = call.Attributes.Ints("pooled_shape")!;
        double scale = call.Attributes.Float("spatial_scale", 1f);
        var results = new List<Tensor>();
        for (var r = 0; r < regions.Length / 5; r++)
        {
            long[] box = [.. Enumerable.Range(1, 4).Select(i => (long)Math.Round(regions[5 * r + i] * scale, MidpointRounding.AwayFromZero))];
            long height = Math.Max(box[3] - box[1] + 1, 1), width = Math.Max(box[2] - box[0] + 1, 1);
            var image = x.select(0, (long)regions[5 * r]);
            var rows = new List<Tensor>();
            for (long i = 0; i < pooled[0]; i++)
            {
                var (top, tall) = Bin(i, pooled[0], height, box[1], x.shape[2]);
                var cells = new List<Tensor>();
                for (long j = 0; j < pooled[1]; j++)
                {
                    var (left, wide) = Bin(j, pooled[1], width, box[0], x.shape[3]);
                    cells.Add(tall <= 0 || wide <= 0 ? zeros([x.shape[1]], x.dtype, x.device) : image.narrow(1, top, tall).narrow(2, left, wide).amax([1, 2]));
                }
                rows.Add(stack(cells, 1));
            }
            results.Add(stack(rows, 1));
        }
        return stack(results, 0);
    }

    private static (long Start, long Length) Bin(long i, long bins, long extent, long offset, long size)
    {
        long start = Math.Clamp((long)Math.Floor(i * (double)extent / bins) + offset, 0, size);
        long end = Math.Clamp((long)Math.Ceiling((i + 1) * (double)extent / bins) + offset, 0, size);
        return (start, end - start);
    }
}
