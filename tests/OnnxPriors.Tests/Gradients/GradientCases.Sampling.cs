using OnnxPriors.Graphs;

namespace OnnxPriors.Tests.Gradients;

internal static partial class GradientCases
{
    private static CaseInput Reals(long[] shape, params double[] values) => new(shape) { Fixed = TensorData.Of(values, [.. shape]) };

    // Within the image and up to an extent beyond it, where a step of the differences crosses no element: there the weights' slopes jump.
    private static CaseInput Places(int height, int width, bool aligned)
    {
        double[] rows = [0.4, 1.55, 2.3, -0.4, 3.6, -2.35, 1.3, 6.4, 0.65, 2.6, -1.6, 3.3], columns = [1.4, 0.6, -0.65, 2.45, 1.5, 0.35, 4.3, -1.45, 1.7, 0.3, 2.6, -0.3];
        double Normalised(double u, int extent) => aligned ? 2 * u / (extent - 1) - 1 : (2 * u + 1) / extent - 1;
        return new([2, 2, 3, 2]) { Chosen = [.. rows.Zip(columns, (r, c) => (double[])[Normalised(c, width), Normalised(r, height)]).SelectMany(p => p)] };
    }

    private static IEnumerable<GradientCase> Sampling()
    {
        foreach (var mode in (string[])["bilinear", "nearest", "bicubic"])
            foreach (var padding in (string[])["zeros", "border", "reflection"])
                foreach (var aligned in (bool[])[false, true])
                    yield return Float("GridSample", With(("mode", mode), ("padding_mode", padding), ("align_corners", aligned)), In(2, 2, 4, 3),
                        Places(4, 3, aligned) with { IsDifferentiated = mode != "nearest" }) with
                    { WorksDynamically = true };
        yield return Float("GridSample", With("mode", "bilinear"), In(1, 1, 1, 5), Within(0.05, 0.15, 1, 4, 1, 2));

        var boxes = Reals([2, 4], 0.6, 0.3, 3.7, 4.2, -0.8, 1.1, 2.9, 3.3);
        foreach (var coordinates in (string[])["half_pixel", "output_half_pixel"])
            foreach (var ratio in (int[])[2, 0])
            {
                var attributes = With(("output_height", 2), ("output_width", 3), ("sampling_ratio", ratio), ("coordinate_transformation_mode", coordinates));
                yield return Float("RoiAlign", attributes, In(2, 2, 5, 4), boxes, CaseInput.IntsOf([2], 1, 0)) with { WorksDynamically = true };
                yield return Float("RoiAlign", attributes.With("mode", "max"), new CaseInput([2, 2, 5, 4]) { Spacing = 0.1 }, boxes, CaseInput.IntsOf([2], 1, 0)) with { IsSmooth = false };
            }
        yield return Float("RoiAlign", With(("output_height", 2), ("output_width", 2), ("spatial_scale", 0.5f)), In(1, 2, 5, 6),
            Reals([3, 4], 1, 2, 7.3, 9.1, 0, 0, 12, 10, -9, -9, -5, -6), CaseInput.IntsOf([3], 0, 0, 0)) with
        { NeedsFixedBatch = true };
        yield return Float("MaxRoiPool", With(("pooled_shape", new long[] { 2, 2 }), ("spatial_scale", 0.5f)), new CaseInput([2, 2, 5, 6]) { Spacing = 0.1 },
            Reals([2, 5], 1, 1, 2, 7.3, 9.1, 0, 0, 0, 11, 6)) with
        { WorksDynamically = true };

        var unpool = With(("kernel_shape", new long[] { 2, 2 }), ("strides", new long[] { 2, 2 }));
        yield return Float("MaxUnpool", unpool, In(2, 1, 2, 2), CaseInput.IntsOf([2, 1, 2, 2], 1, 2, 8, 15, 16, 19, 29, 30)) with { WorksDynamically = true };
        yield return Float("MaxUnpool", unpool, In(2, 1, 2, 2), CaseInput.IntsOf([2, 1, 2, 2], 1, 2, 8, 15, 16, 19, 29, 30), CaseInput.Ints(2, 1, 5, 5)) with { IsSmooth = false, NeedsFixedBatch = true };
        yield return Float("MaxUnpool", With(("kernel_shape", new long[] { 3 }), ("strides", new long[] { 2 }), ("pads", new long[] { 1, 1 })), In(2, 1, 3), CaseInput.IntsOf([2, 1, 3], 1, 2, 4, 5, 7, 9));

        foreach (var (block, attributes) in ((long[], Attributes)[])
        [
            ([2, 2], Attributes.None), ([2, 3], With("pads", new long[] { 1, 0, 1, 2 })), ([2, 2], With(("strides", new long[] { 2, 1 }), ("dilations", new long[] { 1, 2 }))),
        ])
        {
            var window = Window.Read(attributes, 2);
            var places = Enumerable.Range(0, 2).Aggregate(1L, (p, i) => p * window.Output(i, 5, block[i]).Value!.Value);
            yield return Float("Col2Im", attributes, In(2, 2 * block[0] * block[1], places), CaseInput.Ints(5, 5), CaseInput.Ints(block)) with { WorksDynamically = true };
        }
        yield return Float("Col2Im", With("strides", new long[] { 2 }), In(2, 6, 3), CaseInput.Ints(8), CaseInput.Ints(3));
    }
}
