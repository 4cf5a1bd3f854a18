using System.Collections.Immutable;

namespace OnnxPriors.Graphs.Inference;

/// <summary>Operators that rearrange, cut, join, repeat or describe tensors without computing on their elements.</summary>
internal static class MovementShapes
{
    public static IReadOnlyDictionary<string, ShapeRule> Rules { get; } = new Dictionary<string, ShapeRule>(StringComparer.Ordinal)
    {
        ["Reshape"] = Reshape,
        ["Flatten"] = Flatten,
        ["Transpose"] = Transpose,
        ["Squeeze"] = Squeeze,
        ["Unsqueeze"] = Unsqueeze,
        ["Concat"] = Concat,
        ["Split"] = Split,
        ["Slice"] = Slice,
        ["Pad"] = Pad,
        ["Expand"] = c => c.Set(0, c.Input(0).Type, Broadcasting.Broadcast(c.ShapeOf(0), c.Contents(1) is { IsDefault: false } target ? new Shape(target) : OfLength(c, 1))),
        ["Tile"] = c => c.Set(0, c.Input(0).Type, c.ShapeOf(0) is { } s && c.Contents(1) is { IsDefault: false } r ? new([.. s.Select((d, i) => d * r[i])]) : UnknownLike(c.ShapeOf(0))),
        ["Shape"] = c => c.Set(0, ElementType.Int64, [ShapeArithmetic.ShapeSection(c) is { } section ? section.Rank : Dimension.Unknown]),
        ["Size"] = c => c.Set(0, ElementType.Int64, Shape.Scalar),
        ["ConstantOfShape"] = c => c.Set(0, c.Attributes.Tensor("value")?.Type ?? ElementType.Float, c.Contents(0) is { IsDefault: false } s ? new(s) : OfLength(c, 0)),
        ["Range"] = Range,
        ["EyeLike"] = c => c.Set(0, c.Attributes.Has("dtype") ? (ElementType)c.Attributes.Int("dtype") : c.Input(0).Type, c.ShapeOf(0)),
        ["DepthToSpace"] = c => c.Set(0, c.Input(0).Type, Blocks(c, spread: true)),
        ["SpaceToDepth"] = c => c.Set(0, c.Input(0).Type, Blocks(c, spread: false)),
        ["ReverseSequence"] = c => c.Set(0, c.Input(0).Type, c.ShapeOf(0)),
        ["Resize"] = Resize,
    };

    private static Shape? UnknownLike(Shape? shape) => shape is null ? null : new([.. shape.Select(_ => Dimension.Unknown)]);

    // The length of a shape given as a tensor is the rank of the result.
    private static Shape? OfLength(OperatorCall c, int input) =>
        c.ShapeOf(input) is { Rank: 1 } s && s[0].Value is { } rank ? new([.. Enumerable.Repeat(Dimension.Unknown, (int)rank)]) : null;

    private static void Reshape(OperatorCall c)
    {
        var source = c.Input(0).Shape;
        var target = c.Contents(1);
        if (target.IsDefault)
        {
            c.Set(0, c.Input(0).Type, OfLength(c, 1));
            return;
        }
        var copiesZero = !c.Attributes.Flag("allowzero");
        var all = target.ToBuilder();
        var open = -1;
        for (var i = 0; i < all.Count; i++)
        {
            if (all[i].Value == 0 && copiesZero)
                all[i] = source is null ? Dimension.Unknown : source[i];
            else if (all[i].Value == -1)
                open = open < 0 ? i : throw c.Error("asks for two extents of -1");
        }
        if (open >= 0)
        {
            Dimension rest = 1;
            for (var i = 0; i < all.Count; i++)
                if (i != open)
                    rest *= all[i];
            all[open] = source?.Elements is not { IsKnown: true } total ? Dimension.Unknown
                : rest.Value == 0 ? 0
                : total.DivideExactly(rest) ?? (total.IsStatic && rest.IsStatic ? throw c.Error($"cannot split {total} elements by {rest}") : Dimension.Unknown);
        }
        var result = new Shape(all.ToImmutable());
        if (source?.Elements.Value is { } have && result.Elements.Value is { } want && have != want)
            throw c.Error($"cannot turn {have} elements into {result}");
        // One unnamed extent follows from the count of the others.
        if (source?.Elements is { IsKnown: true } count && result.Count(d => !d.IsKnown) == 1)
        {
            var unknown = result.Select((d, i) => (d, i)).First(p => !p.d.IsKnown).i;
            if (count.DivideExactly(result.With(unknown, 1).Elements) is { } quotient)
                result = result.With(unknown, quotient);
        }
        c.Set(0, c.Input(0).Type, result);
    }

    private static void Flatten(OperatorCall c)
    {
        if (c.Input(0).Shape is not { } x)
        {
            c.Set(0, c.Input(0).Type, [Dimension.Unknown, Dimension.Unknown]);
            return;
        }
        var axis = c.Attributes.Int("axis", 1);
        var split = (int)(axis < 0 ? axis + x.Rank : axis);
        c.Set(0, c.Input(0).Type, [x.Slice(0, split).Elements, x.Slice(split, x.Rank - split).Elements]);
    }

    private static void Transpose(OperatorCall c)
    {
        if (c.Input(0).Shape is not { } x)
        {
            c.Set(0, c.Input(0).Type, null);
            return;
        }
        var permutation = c.Attributes.Ints("perm") ?? [.. Enumerable.Range(0, x.Rank).Reverse().Select(i => (long)i)];
        if (permutation.Length != x.Rank || permutation.Order().Where((p, i) => p != i).Any())
            throw c.Error($"has perm [{string.Join(", ", permutation)}], which is no order of {x.Rank} axes");
        c.Set(0, c.Input(0).Type, new([.. permutation.Select(p => x[(int)p])]));
    }

    private static void Squeeze(OperatorCall c)
    {
        var x = c.Input(0).Shape;
        if (x is null || (c.TryInput(1) is not null && c.TryInts(1) is null))
        {
            c.Set(0, c.Input(0).Type, null);
            return;
        }
        var axes = c.TryInts(1)?.Select(x.Axis).ToHashSet();
        foreach (var axis in axes ?? [])
            if (x[axis].Value is { } extent and not 1)
                throw c.Error($"drops axis {axis}, whose extent is {extent}");
        c.Set(0, c.Input(0).Type, axes is null && !x.IsStatic ? null : new([.. x.Where((d, i) => axes is null ? d.Value != 1 : !axes.Contains(i))]));
    }

    private static void Unsqueeze(OperatorCall c)
    {
        if (c.Input(0).Shape is not { } x || c.TryInts(1) is not { } axes)
        {
            c.Set(0, c.Input(0).Type, null);
            return;
        }
        var rank = x.Rank + axes.Length;
        var added = axes.Select(a => (int)(a < 0 ? a + rank : a)).ToHashSet();
        var all = ImmutableArray.CreateBuilder<Dimension>(rank);
        for (int i = 0, next = 0; i < rank; i++)
            all.Add(added.Contains(i) ? 1 : x[next++]);
        c.Set(0, c.Input(0).Type, new(all.ToImmutable()));
    }

    private static void Concat(OperatorCall c)
    {
        var shapes = c.Inputs.Select((_, i) => c.Input(i).Shape).ToArray();
        if (shapes.FirstOrDefault(s => s is not null) is not { } first)
        {
            c.Set(0, c.Input(0).Type, null);
            return;
        }
        var axis = first.Axis(c.Attributes.Int("axis"));
        var all = first.Dimensions.ToBuilder();
        for (var i = 0; i < first.Rank; i++)
        {
            if (i == axis)
                all[i] = shapes.Aggregate((Dimension)0, (sum, s) => s is null ? Dimension.Unknown : sum + s[i]);
            else
                // The most that is known of the extents that must agree.
                foreach (var shape in shapes)
                {
                    if (shape is null)
                        continue;
                    if (shape.Rank != first.Rank)
                        throw c.Error("joins tensors of different ranks");
                    if (all[i].IsStatic && shape[i].IsStatic && all[i] != shape[i])
                        throw c.Error($"joins extents {all[i]} and {shape[i]} on axis {i}");
                    if (!all[i].IsKnown || shape[i].IsStatic)
                        all[i] = shape[i];
                }
        }
        c.Set(0, c.Input(0).Type, new(all.ToImmutable()));
    }

    private static void Split(OperatorCall c)
    {
        var x = c.Input(0).Shape;
        var axis = x?.Axis(c.Attributes.Int("axis")) ?? 0;
        var lengths = c.Contents(1);
        var count = (long)c.OutputCount;
        for (var i = 0; i < c.OutputCount; i++)
        {
            Dimension length = !lengths.IsDefault ? lengths[i]
                : c.TryInput(1) is not null || x is null ? Dimension.Unknown
                : x[axis].DivideExactly(count) ?? (i < count - 1 ? x[axis].CeilDivide(count) : x[axis] - (count - 1) * x[axis].CeilDivide(count));
            c.Set(i, c.Input(0).Type, x?.With(axis, length));
        }
    }

    private static void Slice(OperatorCall c)
    {
        if (c.Input(0).Shape is not { } x)
        {
            c.Set(0, c.Input(0).Type, null);
            return;
        }
        var starts = c.Contents(1);
        var ends = c.Contents(2);
        var axes = c.TryInput(3) is null ? [.. Enumerable.Range(0, starts.IsDefault ? x.Rank : starts.Length).Select(i => (long)i)] : c.TryInts(3);
        var steps = c.TryInput(4) is null ? null : c.TryInts(4);
        if (axes is null)
        {
            c.Set(0, c.Input(0).Type, UnknownLike(x));
            return;
        }
        var all = x.Dimensions.ToBuilder();
        for (var i = 0; i < axes.Length; i++)
        {
            var axis = x.Axis(axes[i]);
            all[axis] = starts.IsDefault || ends.IsDefault || (c.TryInput(4) is not null && steps is null)
                ? Dimension.Unknown
                : SliceLength(x[axis], starts[i], ends[i], steps?[i] ?? 1);
        }
        c.Set(0, c.Input(0).Type, new(all.ToImmutable()));
    }

    private static Dimension SliceLength(Dimension extent, Dimension start, Dimension end, long step)
    {
        if (extent.Value is { } n && start.Value is { } from && end.Value is { } to)
        {
            var (first, last) = SliceBounds(n, from, to, step);
            return Math.Max(0, step > 0 ? (last - first + step - 1) / step : (first - last - step - 1) / -step);
        }
        if (step != 1)
            return Dimension.Unknown;
        var begin = start.Value is < 0 ? extent + start : start;
        var stop = end.Value >= int.MaxValue ? extent : end.Value is < 0 ? extent + end : end;
        // With names in it the bounds are taken to lie within the tensor, as exporters write them.
        return begin.IsKnown && stop.IsKnown && (begin.Value == 0 || stop == extent || !begin.IsStatic || !stop.IsStatic) && (stop == extent || !stop.IsStatic || stop.Value == 0) ? stop - begin : Dimension.Unknown;
    }

    /// <summary>Start and end of a slice as the specification clamps them.</summary>
    public static (long First, long Last) SliceBounds(long extent, long start, long end, long step)
    {
        var first = start < 0 ? start + extent : start;
        var last = end < 0 ? Math.Max(end, -extent - 1) + extent : end;
        return step > 0
            ? (Math.Clamp(first, 0, extent), Math.Clamp(last, 0, extent))
            : (Math.Clamp(first, 0, extent - 1), Math.Clamp(last, -1, extent - 1));
    }

    private static void Pad(OperatorCall c)
    {
        if (c.Input(0).Shape is not { } x || c.Contents(1) is not { IsDefault: false } pads)
        {
            c.Set(0, c.Input(0).Type, UnknownLike(c.ShapeOf(0)));
            return;
        }
        var axes = c.TryInput(3) is null ? [.. Enumerable.Range(0, x.Rank).Select(i => (long)i)] : c.TryInts(3) ?? throw c.Error("has axes that are not constant");
        if (pads.Length != 2 * axes.Length)
            throw c.Error($"has {pads.Length} pads for {axes.Length} axes");
        var all = x.Dimensions.ToBuilder();
        for (var i = 0; i < axes.Length; i++)
            all[x.Axis(axes[i])] += pads[i] + pads[i + axes.Length];
        c.Set(0, c.Input(0).Type, new(all.ToImmutable()));
    }

    private static void Range(OperatorCall c)
    {
        Dimension length = Dimension.Unknown;
        if (c.TryData(0) is { } start && c.TryData(1) is { } limit && c.TryData(2) is { } delta)
            length = (long)Math.Max(0, Math.Ceiling((limit.ToDouble()[0] - start.ToDouble()[0]) / delta.ToDouble()[0]));
        else if (c.Contents(0) is { IsDefault: false } and [{ Value: 0 }] && c.Contents(2) is { IsDefault: false } and [{ Value: 1 }] && c.Contents(1) is { IsDefault: false } and [var end])
            length = end;
        c.Set(0, c.Input(0).Type, [length]);
    }

    private static Shape? Blocks(OperatorCall c, bool spread)
    {
        if (c.Input(0).Shape is not { } x)
            return null;
        var block = c.Attributes.Int("blocksize");
        return spread
            ? [x[0], x[1].FloorDivide(block * block), x[2] * block, x[3] * block]
            : [x[0], x[1] * (block * block), x[2].FloorDivide(block), x[3].FloorDivide(block)];
    }

    private static void Resize(OperatorCall c)
    {
        if (c.Input(0).Shape is not { } x)
        {
            c.Set(0, c.Input(0).Type, null);
            return;
        }
        var axes = c.Attributes.Ints("axes")?.Select(x.Axis).ToArray() ?? [.. Enumerable.Range(0, x.Rank)];
        var all = x.Dimensions.ToBuilder();
        var sizes = c.Contents(3);
        var scales = c.TryInput(3) is null ? c.TryData(2)?.ToSingle() : null;
        var policy = c.Attributes.String("keep_aspect_ratio_policy", "stretch");
        for (var i = 0; i < axes.Length; i++)
        {
            var extent = x[axes[i]];
            if (!sizes.IsDefault && policy == "stretch")
                all[axes[i]] = sizes[i];
            else if (scales is { Length: > 0 })
                all[axes[i]] = extent.Value is { } n ? (long)Math.Floor(n * (double)scales[i])
                    : scales[i] == MathF.Floor(scales[i]) ? extent * (long)scales[i] : Dimension.Unknown;
            else
                all[axes[i]] = Dimension.Unknown;
        }
        if (policy != "stretch" && !sizes.IsDefault && sizes.All(s => s.IsStatic) && axes.All(a => x[a].IsStatic))
        {
            var ratios = axes.Select((a, i) => (double)sizes[i].Value!.Value / x[a].Value!.Value);
            var scale = policy == "not_larger" ? ratios.Min() : ratios.Max();
            foreach (var axis in axes)
                all[axis] = (long)Math.Floor(scale * x[axis].Value!.Value + 0.5);
        }
        c.Set(0, c.Input(0).Type, new(all.ToImmutable()));
    }
}
