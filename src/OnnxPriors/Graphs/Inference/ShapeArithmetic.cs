using System.Collections.Immutable;

namespace OnnxPriors.Graphs.Inference;

/// <summary>
/// Follows integers that describe shapes through the operators that exporters compute them with, as expressions in named sizes:
/// Shape → Gather → Unsqueeze → Concat → Reshape then keeps a dynamic batch.
/// </summary>
internal static class ShapeArithmetic
{
    /// <summary>Longer vectors are data, not shapes.</summary>
    public const int MaxElements = 64;

    private static readonly Dictionary<string, Func<OperatorCall, ImmutableArray<Dimension>>> Rules = new(StringComparer.Ordinal)
    {
        ["Shape"] = c => ShapeSection(c)?.Dimensions ?? default,
        ["Size"] = c => c.ShapeOf(0)?.Elements is { IsKnown: true } n ? [n] : default,
        ["Identity"] = c => c.Contents(0),
        ["Cast"] = c => ((ElementType)c.Attributes.Int("to")).IsInteger() && c.Input(0).Type.IsInteger() ? c.Contents(0) : default,
        ["Squeeze"] = c => c.Contents(0),
        ["Unsqueeze"] = c => c.OutputShapes[0] is { Rank: <= 1 } ? c.Contents(0) : default,
        ["Reshape"] = c => c.OutputShapes[0] is { Rank: <= 1 } ? c.Contents(0) : default,
        ["Flatten"] = _ => default,
        ["Gather"] = Gather,
        ["Concat"] = Concat,
        ["Slice"] = Slice,
        ["Split"] = _ => default,
        ["Add"] = c => Pairwise(c, (a, b) => a + b),
        ["Sub"] = c => Pairwise(c, (a, b) => a - b),
        ["Mul"] = c => Pairwise(c, (a, b) => a * b),
        ["Div"] = c => Pairwise(c, (a, b) => b.Value is > 0 and var d && (a.Value is null or >= 0) ? a.FloorDivide(d) : a.DivideExactly(b) ?? Dimension.Unknown),
        ["Equal"] = c => Pairwise(c, Equality),
        ["Neg"] = c => c.Contents(0) is { IsDefault: false } x ? [.. x.Select(d => (Dimension)0 - d)] : default,
        ["ReduceProd"] = c => c.ShapeOf(0) is { Rank: <= 1 } && c.Contents(0) is { IsDefault: false } x ? [x.Aggregate((Dimension)1, (p, d) => p * d)] : default,
        ["ConstantOfShape"] = c => c.OutputTypes[0].IsInteger() && c.OutputShapes[0] is { Rank: 1 } s && s[0].Value is { } n and <= MaxElements
            ? [.. Enumerable.Repeat((Dimension)(c.Attributes.Tensor("value")?.ToInt64()[0] ?? 0), (int)n)] : default,
        ["Where"] = c => c.Contents(0) is { IsDefault: false } flags && c.Contents(1) is { IsDefault: false } x && c.Contents(2) is { IsDefault: false } y && x.Length == flags.Length && y.Length == flags.Length
            ? [.. flags.Select((f, i) => f.Value is not { } flag ? Dimension.Unknown : flag != 0 ? x[i] : y[i])] : default,
    };

    /// <summary>Sets the contents of a call's first output where they are shape arithmetic.</summary>
    public static void Propagate(OperatorCall c)
    {
        // Vectors and scalars alone are shapes; what has more axes is data.
        if (c.OutputShapes[0] is { Rank: > 1 })
            return;
        if ((!c.OutputTypes[0].IsInteger() && c.OutputTypes[0] != ElementType.Bool) || !Rules.TryGetValue(c.Op, out var rule))
            return;
        var contents = rule(c);
        if (!contents.IsDefault && contents.Length <= MaxElements && contents.Any(d => d.IsKnown))
            c.OutputContents[0] = contents;
    }

    /// <summary>The part of the input's shape that a Shape operator asks for.</summary>
    public static Shape? ShapeSection(OperatorCall c)
    {
        if (c.ShapeOf(0) is not { } x)
            return null;
        var start = Clamp(c.Attributes.Int("start"));
        var end = Clamp(c.Attributes.Int("end", x.Rank));
        return x.Slice(start, Math.Max(0, end - start));

        int Clamp(long axis) => (int)Math.Clamp(axis < 0 ? axis + x.Rank : axis, 0, x.Rank);
    }

    private static ImmutableArray<Dimension> Gather(OperatorCall c)
    {
        if (c.Contents(0) is not { IsDefault: false } x || c.ShapeOf(0) is not { Rank: 1 } || c.TryInts(1) is not { } indices || c.ShapeOf(1) is not { Rank: <= 1 })
            return default;
        return [.. indices.Select(i => x[checked((int)(i < 0 ? i + x.Length : i))])];
    }

    private static ImmutableArray<Dimension> Concat(OperatorCall c)
    {
        var all = ImmutableArray.CreateBuilder<Dimension>();
        for (var i = 0; i < c.Inputs.Length; i++)
        {
            if (c.ShapeOf(i) is not { Rank: 1 } shape)
                return default;
            if (c.Contents(i) is { IsDefault: false } part)
                all.AddRange(part);
            else if (shape[0].Value is { } length and <= MaxElements)
                all.AddRange(Enumerable.Repeat(Dimension.Unknown, (int)length));
            else
                return default;
        }
        return all.ToImmutable();
    }

    private static ImmutableArray<Dimension> Slice(OperatorCall c)
    {
        if (c.Contents(0) is not { IsDefault: false } x || c.ShapeOf(0) is not { Rank: 1 } || c.TryInts(1) is not [var start] || c.TryInts(2) is not [var end])
            return default;
        var step = c.TryInput(4) is null ? 1 : c.TryInts(4) is [var s] ? s : 0;
        if (step == 0)
            return default;
        var (first, last) = MovementShapes.SliceBounds(x.Length, start, end, step);
        var all = ImmutableArray.CreateBuilder<Dimension>();
        for (var i = first; step > 0 ? i < last : i > last; i += step)
            all.Add(x[(int)i]);
        return all.ToImmutable();
    }

    // An extent is never negative, which is all that exporters ask: is it the −1 that stands for 'as it is'?
    private static Dimension Equality(Dimension a, Dimension b) =>
        a.IsStatic && b.IsStatic ? a == b ? 1 : 0
        : (a.Symbol is not null && b.Value < 0) || (b.Symbol is not null && a.Value < 0) ? 0
        : a.IsKnown && a == b ? 1
        : Dimension.Unknown;

    private static ImmutableArray<Dimension> Pairwise(OperatorCall c, Func<Dimension, Dimension, Dimension> combine)
    {
        if (c.Contents(0) is not { IsDefault: false } a || c.Contents(1) is not { IsDefault: false } b)
            return default;
        if (a.Length != b.Length && a.Length != 1 && b.Length != 1)
            return default;
        return [.. Enumerable.Range(0, Math.Max(a.Length, b.Length)).Select(i => combine(a[a.Length == 1 ? 0 : i], b[b.Length == 1 ? 0 : i]))];
    }
}
