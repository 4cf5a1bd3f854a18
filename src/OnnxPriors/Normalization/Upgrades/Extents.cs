using OnnxPriors.Graphs;

namespace OnnxPriors.Normalization.Upgrades;

/// <summary>Extents of tensors as values, numbers where they are known.</summary>
internal static class Extents
{
    /// <summary>An extent as an int64 scalar.</summary>
    public static Value Of(GraphBuilder b, Value x, int axis) =>
        x.Shape is { } shape && shape[axis].Value is { } number ? b.Scalar(number, ElementType.Int64) : b.Squeeze(b.ShapeOf(x, axis, axis + 1), 0);

    /// <summary>0, 1, 2, … up to an extent.</summary>
    public static Value Count(GraphBuilder b, Value extent) =>
        b.Range(b.Scalar(0, ElementType.Int64), extent, b.Scalar(1, ElementType.Int64));
}
