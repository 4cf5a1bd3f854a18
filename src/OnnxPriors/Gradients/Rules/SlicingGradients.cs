using OnnxPriors.Graphs;

namespace OnnxPriors.Gradients.Rules;

/// <summary>Slice and Pad, each other's transposes.</summary>
internal static class SlicingGradients
{
    public static IReadOnlyDictionary<string, GradientRule> Rules { get; } = new Dictionary<string, GradientRule>(StringComparer.Ordinal)
    {
        ["Slice"] = c => c.Give(0, () => Slice(c)),
        ["Pad"] = Pad,
    };

    // Zeros are put around what was cut out. The bounds are computed in the graph, where constants fold to numbers.
    private static Value Slice(GradientCall c)
    {
        var (b, x) = (c.B, c.X());
        if (x.Shape is null || c.X(1).Shape?[0].Value is not { } count || !IsKnown(c, 3) || !IsKnown(c, 4))
            return ByPlaces(c);
        var axes = c.Constant(3) ?? [.. Enumerable.Range(0, (int)count).Select(i => (long)i)];
        var steps = c.Constant(4) ?? [.. axes.Select(_ => 1L)];
        var dy = c.Dy();
        Value[] before = [.. Enumerable.Repeat(b.Ints(0), x.Rank)];
        Value[] after = [.. before];
        for (var i = 0; i < axes.Length; i++)
        {
            var axis = x.Shape!.Axis(axes[i]);
            var (extent, length, step) = (b.Extent(x, axis), b.Extent(c.Y(), axis), steps[i]);
            var start = Start(b, c.X(1), i, extent, step);
            if (step < 0)
            {
                dy = Reverse(b, dy, axis);
                start += (length - 1) * step;
            }
            var span = length;
            if (Math.Abs(step) > 1)
            {
                dy = Dilate(b, dy, axis, Math.Abs(step));
                span = length * Math.Abs(step);
            }
            before[axis] = start;
            after[axis] = extent - start - span;
        }
        return b.Pad(dy, b.Join([.. before, .. after]), b.Like(0, dy));
    }

    // Where which axes it cuts is found when the graph runs: the elements' numbers are cut as the elements were.
    private static Value ByPlaces(GradientCall c)
    {
        var (b, x) = (c.B, c.X());
        var numbers = b.Range(b.Scalar(0, ElementType.Int64), b.SizeOf(x), b.Scalar(1, ElementType.Int64));
        var places = b.Apply("Slice", [b.Reshape(numbers, b.ShapeOf(x)), .. c.Node.Inputs.Skip(1)]);
        var zeros = b.Filled(b.Unsqueeze(b.SizeOf(x), 0), 0, x.Type);
        return b.ReshapeTo(b.ScatterElements(zeros, b.Reshape(places, -1), b.Reshape(c.Dy(), -1), 0), x.Shape, x);
    }

    private static bool IsKnown(GradientCall c, int input) =>
        c.Node.TryInput(input) is not { } value || (!value.Contents.IsDefault && value.Contents.All(d => d.IsStatic)) || GraphBuilder.TryEvaluate(value) is not null;

    // As the specification clamps it: to [0, extent] forwards, to [0, extent − 1] backwards.
    private static Value Start(GraphBuilder b, Value starts, int index, Value extent, long step)
    {
        var last = step > 0 ? extent : extent - 1;
        if (GraphBuilder.TryEvaluate(starts)?.ToInt64() is { } known)
        {
            if (known[index] == 0)
                return b.Ints(0);
            var first = known[index] < 0 ? b.Max(extent + known[index], b.Ints(0)) : b.Ints(known[index]);
            return b.Min(first, last);
        }
        var start = b.Cast(b.Slice(starts, 0, index, index + 1), ElementType.Int64);
        return b.Min(b.Max(b.Where(b.Less(start, b.Ints(0)), start + extent, start), b.Ints(0)), last);
    }

    /// <summary>The elements of an axis in the opposite order.</summary>
    public static Value Reverse(GraphBuilder b, Value x, int axis) => b.Slice(x, axis, -1, long.MinValue + 1, -1);

    // [a, b] becomes [a, 0, b, 0] for the step 2.
    private static Value Dilate(GraphBuilder b, Value x, int axis, long step)
    {
        var wide = b.Unsqueeze(x, axis + 1);
        var pads = new long[2 * (x.Rank + 1)];
        pads[x.Rank + 1 + axis + 1] = step - 1;
        var extents = Enumerable.Range(0, x.Rank).Select(i => i == axis ? b.Extent(x, i) * step : b.Extent(x, i));
        return b.Reshape(b.Pad(wide, b.Ints(pads), b.Like(0, x)), b.Join(extents));
    }

    private static void Pad(GradientCall c)
    {
        var (b, x, dy) = (c.B, c.X(), c.Dy());
        var mode = c.Attributes.String("mode", "constant");
        var axes = c.Constant(3)?.Select(x.Shape!.Axis).ToArray() ?? [.. Enumerable.Range(0, x.Rank)];
        if (mode == "constant")
        {
            c.Give(0, () => Crop(b, dy, c.X(1), axes));
            c.Give(2, () => b.SumAll(dy) - b.SumAll(Crop(b, dy, c.X(1), axes)));
            return;
        }
        c.Give(0, () =>
        {
            var pads = c.Constant(1)!;
            var sum = dy;
            for (var i = 0; i < axes.Length; i++)
            {
                var (before, after) = (pads[i], pads[axes.Length + i]);
                if (before == 0 && after == 0)
                    continue;
                // What it crops goes first: the padding repeats what is left.
                var (cutBefore, cutAfter) = (Math.Max(0, -before), Math.Max(0, -after));
                sum = Fold(c, sum, axes[i], Math.Max(0, before), Math.Max(0, after), b.Extent(x, axes[i]) - (cutBefore + cutAfter), mode);
                if (cutBefore + cutAfter == 0)
                    continue;
                var around = new long[2 * x.Rank];
                (around[axes[i]], around[x.Rank + axes[i]]) = (cutBefore, cutAfter);
                sum = b.Pad(sum, b.Ints(around), b.Like(0, sum));
            }
            return sum;
        });
    }

    // Negative padding, of the axes that were padded.
    private static Value Crop(GraphBuilder b, Value dy, Value pads, int[] axes) =>
        b.Apply("Pad", [dy, -pads, b.Like(0, dy), axes.Length == dy.Rank ? null : b.Ints([.. axes.Select(a => (long)a)])]);

    // What was added at both ends of an axis goes back to the elements it was copied from.
    private static Value Fold(GradientCall c, Value dy, int axis, long before, long after, Value extent, string mode)
    {
        var b = c.B;
        if (before == 0 && after == 0)
            return dy;
        var inner = b.Slice(dy, axis, before, after == 0 ? long.MaxValue : -after);
        var head = b.Slice(dy, axis, 0, before);
        var tail = b.Slice(dy, axis, -after, long.MaxValue);
        Value Place(Value part, Value start, long length)
        {
            Value[] pads = [.. Enumerable.Repeat(b.Ints(0), 2 * dy.Rank)];
            pads[axis] = start;
            pads[dy.Rank + axis] = extent - start - length;
            return b.Pad(part, b.Join(pads), b.Like(0, dy));
        }
        var parts = new List<Value> { inner };
        if (before > 0)
            parts.Add(mode switch
            {
                "reflect" => Place(Reverse(b, head, axis), b.Ints(1), before),
                "edge" => Place(b.ReduceSum(head, [axis]), b.Ints(0), 1),
                "wrap" => Place(head, extent - before, before),
                _ => throw c.Refuse($"its mode '{mode}' is not known"),
            });
        if (after > 0)
            parts.Add(mode switch
            {
                "reflect" => Place(Reverse(b, tail, axis), extent - (after + 1), after),
                "edge" => Place(b.ReduceSum(tail, [axis]), extent - 1, 1),
                "wrap" => Place(tail, b.Ints(0), after),
                _ => throw c.Refuse($"its mode '{mode}' is not known"),
            });
        return b.Sum([.. parts]);
    }
}
