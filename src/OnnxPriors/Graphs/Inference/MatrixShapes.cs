using System.Collections.Immutable;

namespace OnnxPriors.Graphs.Inference;

/// <summary>Matrix products.</summary>
internal static class MatrixShapes
{
    public static IReadOnlyDictionary<string, ShapeRule> Rules { get; } = new Dictionary<string, ShapeRule>(StringComparer.Ordinal)
    {
        ["MatMul"] = c => c.Set(0, c.Input(0).Type, Product(c.Input(0).Shape, c.Input(1).Shape)),
        ["Gemm"] = Gemm,
        ["Einsum"] = Einsum,
        ["Det"] = c => c.Set(0, c.Input(0).Type, c.ShapeOf(0) is { } s ? s.Slice(0, s.Rank - 2) : null),
    };

    private static void Gemm(OperatorCall c)
    {
        if (c.Input(0).Shape is not { } a || c.Input(1).Shape is not { } b)
        {
            c.Set(0, c.Input(0).Type, null);
            return;
        }
        if (a.Rank != 2 || b.Rank != 2)
            throw c.Error("multiplies tensors that are not matrices");
        var (rows, inner) = c.Attributes.Flag("transA") ? (a[1], a[0]) : (a[0], a[1]);
        var (inner2, columns) = c.Attributes.Flag("transB") ? (b[1], b[0]) : (b[0], b[1]);
        Check(inner, inner2);
        c.Set(0, c.Input(0).Type, [rows, columns]);
    }

    /// <summary>The shape of a matrix product with broadcast batches; null where a rank is unknown.</summary>
    public static Shape? Product(Shape? a, Shape? b)
    {
        if (a is null || b is null)
            return null;
        if (a.Rank == 0 || b.Rank == 0)
            throw new ArgumentException("a scalar is no matrix");
        Check(a[a.Rank - 1], b.Rank == 1 ? b[0] : b[b.Rank - 2]);
        var batch = Broadcasting.Broadcast(a.Slice(0, Math.Max(0, a.Rank - 2)), b.Slice(0, Math.Max(0, b.Rank - 2)))!;
        var all = batch.Dimensions.ToBuilder();
        if (a.Rank > 1)
            all.Add(a[a.Rank - 2]);
        if (b.Rank > 1)
            all.Add(b[b.Rank - 1]);
        return new(all.ToImmutable());
    }

    private static void Check(Dimension a, Dimension b)
    {
        if (a.IsStatic && b.IsStatic && a != b)
            throw new ArgumentException($"the inner extents {a} and {b} differ");
    }

    private static void Einsum(OperatorCall c)
    {
        var equation = c.Attributes.String("equation").Replace(" ", "", StringComparison.Ordinal);
        var sides = equation.Split("->");
        var terms = sides[0].Split(',');
        var extents = new Dictionary<char, Dimension>();
        Shape? ellipsis = Shape.Scalar;
        for (var i = 0; i < terms.Length; i++)
        {
            if (c.Input(i).Shape is not { } shape)
            {
                c.Set(0, c.Input(0).Type, null);
                return;
            }
            var dots = terms[i].IndexOf("...", StringComparison.Ordinal);
            var labels = terms[i].Replace("...", "", StringComparison.Ordinal);
            var hidden = shape.Rank - labels.Length;
            if (hidden < 0 || (dots < 0 && hidden != 0))
                throw c.Error($"gives '{terms[i]}' to a tensor of {shape.Rank} axes");
            for (var l = 0; l < labels.Length; l++)
            {
                var extent = shape[dots >= 0 && l >= dots ? l + hidden : l];
                if (!extents.TryGetValue(labels[l], out var known) || known.Value == 1)
                    extents[labels[l]] = extent;
            }
            if (dots >= 0)
                ellipsis = Broadcasting.Broadcast(ellipsis, shape.Slice(dots, hidden));
        }
        var result = sides.Length > 1 ? sides[1]
            : (sides[0].Contains("...", StringComparison.Ordinal) ? "..." : "")
                + string.Concat(sides[0].Where(char.IsLetter).GroupBy(l => l).Where(g => g.Count() == 1).Select(g => g.Key).Order());
        var all = ImmutableArray.CreateBuilder<Dimension>();
        for (var i = 0; i < result.Length; i++)
        {
            if (result[i] != '.')
                all.Add(extents[result[i]]);
            else
            {
                all.AddRange(ellipsis!.Dimensions);
                i += 2;
            }
        }
        c.Set(0, c.Input(0).Type, new(all.ToImmutable()));
    }
}
