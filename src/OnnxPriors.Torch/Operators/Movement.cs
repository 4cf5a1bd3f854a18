using static TorchSharp.torch;

namespace OnnxPriors.Torch.Operators;

/// <summary>Operators that only move elements: shapes, axes, joins, cuts.</summary>
internal static class Movement
{
    public static OperatorTable Table { get; } = new()
    {
        { "Reshape", Reshape },
        { "Flatten", Flatten },
        { "Squeeze", Squeeze },
        { "Unsqueeze", Unsqueeze },
        { "Transpose", c => c[0].permute(c.Attributes.Ints("perm") ?? [.. Enumerable.Range(0, (int)c[0].dim()).Reverse().Select(a => (long)a)]) },
        { "Expand", c => c[0].expand(BroadcastShape(c[0].shape, c.Integers(1))) },
        { "Tile", c => c[0].dim() == 0 ? c[0] : c[0].repeat(c.Integers(1)) },
        { "Concat", c => cat([.. c.All], c.Axis(c[0].dim(), 0, "axis")) },
        { "Split", Split },
        { "Slice", Slice },
        { "DepthToSpace", DepthToSpace },
        { "SpaceToDepth", SpaceToDepth },
        { "Trilu", c => c.Attributes.Flag("upper", true) ? c[0].triu(c.Integer(1, 0)) : c[0].tril(c.Integer(1, 0)) },
        { "ReverseSequence", ReverseSequence },
        { "CenterCropPad", CenterCropPad },
        { "Col2Im", Col2Im },
        { "Shape", Shape },
        { "Size", c => tensor(c[0].numel(), ScalarType.Int64, c.Engine.Device) },
    };

    /// <summary>The shape that two shapes broadcast to.</summary>
    public static long[] BroadcastShape(long[] a, long[] b)
    {
        var result = new long[Math.Max(a.Length, b.Length)];
        for (var i = 1; i <= result.Length; i++)
        {
            long x = i <= a.Length ? a[^i] : 1, y = i <= b.Length ? b[^i] : 1;
            result[^i] = x == 1 ? y : x;
        }
        return result;
    }

    /// <summary>The elements from start on, by a step that may be negative.</summary>
    public static Tensor Strided(Tensor x, int axis, long start, long count, long step) =>
        count <= 0 ? x.narrow(axis, 0, 0)
        : step > 0 ? x.slice(axis, start, start + (count - 1) * step + 1, step)
        : x.slice(axis, start + (count - 1) * step, start + 1, -step).flip(axis);

    private static Tensor Reshape(Call call)
    {
        var x = call[0];
        long[] shape = call.Integers(1);
        if (!call.Attributes.Flag("allowzero"))
            for (var i = 0; i < shape.Length; i++)
                if (shape[i] == 0)
                    shape[i] = x.shape[i];
        return x.reshape(shape);
    }

    private static Tensor Flatten(Call call)
    {
        var x = call[0];
        long axis = call.Attributes.Int("axis", 1);
        if (axis < 0) axis += x.dim();
        long rows = x.shape.Take((int)axis).Aggregate(1L, (n, d) => n * d);
        return x.reshape(rows, x.shape.Skip((int)axis).Aggregate(1L, (n, d) => n * d));
    }

    private static Tensor Squeeze(Call call)
    {
        var x = call[0];
        long[]? named = call.OptionalIntegers(1) ?? call.Attributes.Ints("axes");
        HashSet<int>? axes = named is null ? null : [.. named.Select(a => call.Axis(a, x.dim()))];
        return x.reshape([.. x.shape.Where((d, a) => axes is null ? d != 1 : !axes.Contains(a))]);
    }

    private static Tensor Unsqueeze(Call call)
    {
        var x = call[0];
        long[] named = call.OptionalIntegers(1) ?? call.Attributes.Ints("axes") ?? [];
        long rank = x.dim() + named.Length;
        HashSet<int> axes = [.. named.Select(a => call.Axis(a, rank))];
        var rest = x.shape.AsEnumerable().GetEnumerator();
        return x.reshape([.. Enumerable.Range(0, (int)rank).Select(a => axes.Contains(a) ? 1 : rest.MoveNext() ? rest.Current : 1)]);
    }

    private static Tensor?[] Split(Call call)
    {
        var x = call[0];
        int axis = call.Axis(x.dim(), 0, "axis");
        long[]? sizes = call.OptionalIntegers(1) ?? call.Attributes.Ints("split");
        if (sizes is null)
        {
            long parts = call.Attributes.Int("num_outputs", call.Outputs), extent = x.shape[axis], part = (extent + parts - 1) / parts;
            sizes = [.. Enumerable.Range(0, (int)parts).Select(i => Math.Clamp(extent - i * part, 0, part))];
        }
        return x.split(sizes, axis);
    }

    private static Tensor Slice(Call call)
    {
        var x = call[0];
        long[] starts = call.Has(1) ? call.Integers(1) : call.Attributes.Ints("starts")!;
        long[] ends = call.Has(2) ? call.Integers(2) : call.Attributes.Ints("ends")!;
        long[] axes = call.OptionalIntegers(3) ?? call.Attributes.Ints("axes") ?? [.. Enumerable.Range(0, starts.Length).Select(a => (long)a)];
        long[]? steps = call.OptionalIntegers(4);
        for (var i = 0; i < starts.Length; i++)
        {
            int axis = call.Axis(axes[i], x.dim());
            long extent = x.shape[axis], step = steps?[i] ?? 1;
            long start = starts[i] < 0 ? starts[i] + extent : starts[i];
            long end = ends[i] < 0 ? Math.Max(ends[i], -extent - 1) + extent : ends[i];
            long count;
            if (step > 0)
            {
                (start, end) = (Math.Clamp(start, 0, extent), Math.Clamp(end, 0, extent));
                count = (end - start + step - 1) / step;
            }
            else
            {
                (start, end) = (Math.Clamp(start, -1, extent - 1), Math.Clamp(end, -1, extent - 1));
                count = step == long.MinValue ? Math.Min(1, start - end) : (start - end - step - 1) / -step;
            }
            x = Strided(x, axis, start, count, Math.Clamp(step, -int.MaxValue, int.MaxValue));
        }
        return x;
    }

    private static Tensor DepthToSpace(Call call)
    {
        var x = call[0];
        long b = call.Attributes.Int("blocksize");
        var (n, c, h, w) = (x.shape[0], x.shape[1], x.shape[2], x.shape[3]);
        return call.Attributes.String("mode", "DCR") == "DCR"
            ? x.reshape(n, b, b, c / (b * b), h, w).permute(0, 3, 4, 1, 5, 2).reshape(n, c / (b * b), h * b, w * b)
            : x.reshape(n, c / (b * b), b, b, h, w).permute(0, 1, 4, 2, 5, 3).reshape(n, c / (b * b), h * b, w * b);
    }

    private static Tensor SpaceToDepth(Call call)
    {
        var x = call[0];
        long b = call.Attributes.Int("blocksize");
        var (n, c, h, w) = (x.shape[0], x.shape[1], x.shape[2], x.shape[3]);
        return x.reshape(n, c, h / b, b, w / b, b).permute(0, 3, 5, 1, 2, 4).reshape(n, c * b * b, h / b, w / b);
    }

    private static Tensor ReverseSequence(Call call)
    {
        var x = call[0];
        int time = call.Axis(call.Attributes.Int("time_axis", 0), x.dim()), batch = call.Axis(call.Attributes.Int("batch_axis", 1), x.dim());
        // Position t of a sequence of length l is read from l − 1 − t where t < l.
        var lengths = call[1].to(ScalarType.Int64).unsqueeze(1);
        var steps = arange(x.shape[time], ScalarType.Int64, x.device).unsqueeze(0);
        var source = where(steps < lengths, lengths - 1 - steps, steps);
        long[] shape = [.. x.shape.Select((d, a) => a == time || a == batch ? d : 1)];
        var index = (batch < time ? source : source.t()).reshape(shape).expand(x.shape);
        return x.gather(time, index);
    }

    private static Tensor CenterCropPad(Call call)
    {
        var x = call[0];
        long[] wanted = call.Integers(1);
        long[] axes = call.Attributes.Ints("axes") ?? [.. Enumerable.Range(0, wanted.Length).Select(a => (long)a)];
        var pads = new long[2 * x.dim()];
        for (var i = 0; i < wanted.Length; i++)
        {
            int axis = call.Axis(axes[i], x.dim());
            long difference = wanted[i] - x.shape[axis];
            // Both crop and pad put the odd element at the end.
            long before = difference >= 0 ? difference / 2 : -(-difference / 2);
            (pads[axis], pads[axis + x.dim()]) = (before, difference - before);
        }
        return Padding.Constant(x, pads, 0);
    }

    // The sum of overlapping blocks: the adjoint of cutting the padded image into blocks, any number of axes.
    private static Tensor Col2Im(Call call)
    {
        var x = call[0];
        long[] image = call.Integers(1), block = call.Integers(2);
        int axes = image.Length;
        var window = Graphs.Window.Read(call.Attributes, axes);
        long[] padded = [.. image.Select((d, a) => d + window.Pads[a] + window.Pads[a + axes])];
        long batch = x.shape[0], cells = block.Aggregate(1L, (n, d) => n * d), channels = x.shape[1] / cells;
        // The flat position in the padded image of each element of each block.
        var positions = zeros([1, 1], ScalarType.Int64, x.device);
        for (var a = 0; a < axes; a++)
        {
            long places = window.Output(a, image[a], block[a]).Value!.Value;
            var inner = arange(block[a], ScalarType.Int64, x.device) * window.Dilations[a];
            var outer = arange(places, ScalarType.Int64, x.device) * window.Strides[a];
            var here = inner.unsqueeze(1) + outer.unsqueeze(0);
            positions = (positions.unsqueeze(1).unsqueeze(3) * padded[a] + here.unsqueeze(0).unsqueeze(2))
                .reshape(positions.shape[0] * block[a], positions.shape[1] * places);
        }
        long total = padded.Aggregate(1L, (n, d) => n * d);
        var flat = zeros([batch * channels, total], x.dtype, x.device)
            .index_add(1, positions.reshape(-1), x.reshape(batch * channels, -1), 1);
        long[] full = [batch, channels, .. padded];
        long[] crop = [0, 0, .. window.Pads.Take(axes).Select(p => -p), 0, 0, .. window.Pads.Skip(axes).Select(p => -p)];
        return Padding.Constant(flat.reshape(full), crop, 0);
    }

    private static Tensor Shape(Call call)
    {
        long[] shape = call[0].shape;
        long rank = shape.Length, start = call.Attributes.Int("start"), end = call.Attributes.Int("end", rank);
        start = Math.Clamp(start < 0 ? start + rank : start, 0, rank);
        end = Math.Clamp(end < 0 ? end + rank : end, start, rank);
        return call.Indices(shape[(int)start..(int)end]);
    }
}
