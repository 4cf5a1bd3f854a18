using OnnxPriors.Graphs;

namespace OnnxPriors.Gradients.Rules.Sampling;

/// <summary>
/// GridSample of an image [N, C, D₁, …] at places [N, d₁, …, rank], in any number of dimensions: along each axis a few neighbours with weights that depend on
/// the place, in all combinations. The image gets weights times dY back where it was read; a place gets what the weights' slopes make of what was read.
/// </summary>
internal static class GridSampleGradient
{
    /// <summary>One neighbour along an axis, all of [N, 1, points].</summary>
    /// <param name="Index">Its place in the image, within its bounds.</param>
    /// <param name="Weight">Its weight.</param>
    /// <param name="Slope">The weight's derivative by the place in elements; null in the mode nearest.</param>
    private sealed record Tap(Value Index, Value Weight, Value? Slope);

    public static void Rule(GradientCall c)
    {
        var (b, x, grid) = (c.B, c.X(0), c.X(1));
        var axes = x.Rank - 2;
        var places = b.Transpose(b.Reshape(grid, b.Join(b.Extent(grid, 0), b.Ints(-1, axes))), 0, 2, 1);
        var mode = c.Attributes.String("mode", "linear");
        var aligned = c.Attributes.Flag("align_corners");
        // A place names the last axis first.
        Value[] extents = [.. Enumerable.Range(0, axes).Select(i => b.Squeeze(b.Cast(b.Extent(x, i + 2), x.Type), 0))];
        Tap[][] taps = [.. Enumerable.Range(0, axes).Select(i => Taps(c, mode, aligned, b.Slice(places, 1, axes - 1 - i, axes - i), extents[i]))];
        var combinations = Combine(taps).ToArray();

        Value Flat(Tap[] corner)
        {
            var index = b.Cast(corner[0].Index, ElementType.Int64);
            for (var i = 1; i < axes; i++)
                index = index * b.Extent(x, i + 2) + b.Cast(corner[i].Index, ElementType.Int64);
            return index;
        }
        Value[] indices = [.. combinations.Select(Flat)];
        var flat = b.Reshape(x, 0, 0, -1);
        var dy = b.Reshape(c.Dy(), 0, 0, -1);
        c.Give(0, () =>
        {
            var updates = b.Concat(combinations.Select(corner => dy * corner.Select(t => t.Weight).Aggregate((v, w) => v * w)), 2);
            return b.ReshapeTo(b.ScatterElements(b.FilledLike(flat, 0), b.Expand(b.Concat(indices, 2), b.ShapeOf(updates)), updates, 2, "add"), x.Shape, x);
        });
        c.Give(1, () =>
        {
            if (mode == "nearest")
                return b.FilledLike(grid, 0);
            var along = new Value?[axes];
            for (var k = 0; k < combinations.Length; k++)
            {
                var read = b.GatherElements(flat, b.Expand(indices[k], b.ShapeOf(dy)), 2);
                var reached = b.ReduceSum(dy * read, [1]);
                for (var i = 0; i < axes; i++)
                {
                    var term = combinations[k].Select((t, j) => j == i ? t.Slope! : t.Weight).Aggregate(reached, (v, w) => v * w);
                    along[i] = along[i] is { } sum ? sum + term : term;
                }
            }
            var perUnit = along.Select((v, i) => v! * (aligned ? (extents[i] - 1) * 0.5 : extents[i] * 0.5)).Reverse();
            return b.ReshapeTo(b.Transpose(b.Concat(perUnit, 1), 0, 2, 1), grid.Shape, grid);
        });
    }

    private static IEnumerable<Tap[]> Combine(Tap[][] taps) =>
        taps.Aggregate((IEnumerable<Tap[]>)[[]], (all, axis) => all.SelectMany(rest => axis.Select(t => (Tap[])[.. rest, t])));

    private static Tap[] Taps(GradientCall c, string mode, bool aligned, Value place, Value extent)
    {
        var b = c.B;
        var u = aligned ? (place + 1) * 0.5 * (extent - 1) : ((place + 1) * extent - 1) * 0.5;
        if (mode == "nearest")
            return [Inside(c, b.Round(u), extent, aligned, b.Like(1, u), null)];
        var first = b.Floor(u);
        var t = u - first;
        return mode switch
        {
            "linear" or "bilinear" => [Inside(c, first, extent, aligned, 1 - t, b.Like(-1, u)), Inside(c, first + 1, extent, aligned, t, b.Like(1, u))],
            "cubic" or "bicubic" => [.. Enumerable.Range(-1, 4).Select(k =>
            {
                var (weight, slope) = Keys(k, t);
                return Inside(c, k == 0 ? first : first + k, extent, aligned, weight, slope);
            })],
            _ => throw c.Refuse($"its mode '{mode}' is not known"),
        };
    }

    // Cubic convolution (Keys, 1981) with a = −3/4: the weight of the neighbour k elements from the first, and its derivative by t.
    private static (Value Weight, Value Slope) Keys(int k, Value t)
    {
        const double a = -0.75;
        var sign = k <= 0 ? 1.0 : -1.0;
        var s = k switch { -1 => t + 1, 0 => t, 1 => 1 - t, _ => 2 - t };
        return k is 0 or 1
            ? (((a + 2) * s - (a + 3)) * s * s + 1, (3 * (a + 2) * s - 2 * (a + 3)) * s * sign)
            : (((s * a - 5 * a) * s + 8 * a) * s - 4 * a, ((s * (3 * a) - 10 * a) * s + 8 * a) * sign);
    }

    private static Tap Inside(GradientCall c, Value index, Value extent, bool aligned, Value weight, Value? slope)
    {
        var b = c.B;
        var (low, last) = (b.Like(0, index), extent - 1);
        switch (c.Attributes.String("padding_mode", "zeros"))
        {
            case "zeros":
                var inside = b.Mask(b.And(b.GreaterOrEqual(index, low), b.LessOrEqual(index, last)), index);
                return new(b.Max(b.Min(index, last), low), weight * inside, slope is null ? null : slope * inside);
            case "border":
                return new(b.Max(b.Min(index, last), low), weight, slope);
            case "reflection":
                // About the outer elements' centres or their outer edges, as often as needed; an axis of one element has no other.
                var (from, span) = aligned ? (0.0, b.Max(last, b.Like(0.5, last))) : (-0.5, extent);
                var shifted = index - from;
                var round = span * 2;
                var within = shifted - b.Floor(shifted / round) * round;
                var back = span - b.Abs(within - span) + from;
                return new(b.Max(b.Min(back, last), low), weight, slope);
            case var padding:
                throw c.Refuse($"its padding_mode '{padding}' is not known");
        }
    }
}
