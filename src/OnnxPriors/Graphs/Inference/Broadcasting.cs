using System.Collections.Immutable;

namespace OnnxPriors.Graphs.Inference;

/// <summary>Multidirectional broadcasting of the ONNX specification ('Broadcasting in ONNX', as in NumPy).</summary>
internal static class Broadcasting
{
    /// <summary>The shape of an element-wise result, or null where a rank is unknown.</summary>
    /// <exception cref="ArgumentException">Two extents differ and neither is 1.</exception>
    public static Shape? Broadcast(params ReadOnlySpan<Shape?> shapes)
    {
        Shape? result = Shape.Scalar;
        foreach (var shape in shapes)
            result = result is null || shape is null ? null : Two(result, shape);
        return result;
    }

    private static Shape Two(Shape a, Shape b)
    {
        var rank = Math.Max(a.Rank, b.Rank);
        var all = ImmutableArray.CreateBuilder<Dimension>(rank);
        for (var i = 0; i < rank; i++)
            all.Add(One(At(a, i - rank + a.Rank), At(b, i - rank + b.Rank)));
        return new(all.MoveToImmutable());
    }

    private static Dimension At(Shape shape, int axis) => axis < 0 ? 1 : shape[axis];

    private static Dimension One(Dimension a, Dimension b)
    {
        if (a.Value == 1 || (a.IsKnown && a == b))
            return b;
        if (b.Value == 1)
            return a;
        if (a.Value is { } x && b.Value is { } y)
            throw new ArgumentException($"the extents {x} and {y} do not broadcast");
        // A number other than 1 wins over a name: the named size is that number or 1.
        if (a.IsStatic)
            return a;
        return b.IsStatic ? b : Dimension.Unknown;
    }
}
