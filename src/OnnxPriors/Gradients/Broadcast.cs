using OnnxPriors.Graphs;

namespace OnnxPriors.Gradients;

/// <summary>The transpose of broadcasting ('Broadcasting in ONNX', as in NumPy): a sum over the axes along which a value was repeated.</summary>
public static class Broadcast
{
    /// <summary>Sums a gradient to the shape of the value it belongs to.</summary>
    /// <param name="b">Where nodes are added.</param>
    /// <param name="gradient">A gradient of the shape the value was broadcast to.</param>
    /// <param name="value">The value.</param>
    /// <returns>A gradient of the value's shape.</returns>
    public static Value Undo(GraphBuilder b, Value gradient, Value value)
    {
        ArgumentNullException.ThrowIfNull(b);
        ArgumentNullException.ThrowIfNull(gradient);
        ArgumentNullException.ThrowIfNull(value);
        if (ReferenceEquals(gradient.Shape, value.Shape) && value.Shape is not null)
            return gradient;
        if (gradient.Shape is not { } from || value.Shape is not { } to)
            return SumDynamically(b, gradient, value);
        var added = from.Rank - to.Rank;
        if (added < 0)
            return SumDynamically(b, gradient, value);
        var repeated = new List<long>();
        for (var axis = 0; axis < from.Rank; axis++)
        {
            if (axis < added)
                repeated.Add(axis);
            else if (to[axis - added].Value == 1)
            {
                if (from[axis].Value != 1)
                    repeated.Add(axis);
            }
            // A number other than 1 cannot have been repeated, and equal names were not.
            else if (!to[axis - added].IsStatic && !(to[axis - added].IsKnown && to[axis - added] == from[axis]))
                return SumDynamically(b, gradient, value);
        }
        if (repeated.Count == 0)
            return gradient;
        if (repeated.Count == added)
            return Sum(b, gradient, repeated, keep: false);
        var sum = Sum(b, gradient, repeated, keep: true);
        return added == 0 ? sum : b.ReshapeTo(sum, to, value);
    }

    // In two stages where many axes go: the runtime adds in float32 one by one, and partial sums keep the digits that a long
    // alternating sum loses. It is also the quicker form on CUDA.
    private static Value Sum(GraphBuilder b, Value gradient, List<long> axes, bool keep)
    {
        if (axes.Count > 2)
            gradient = b.ReduceSum(gradient, [.. axes.TakeLast(2)], keep: true);
        return b.ReduceSum(gradient, [.. axes], keep);
    }

    // The axes to sum are found when the graph runs: those where the value's shape, with ones put before it, has a 1.
    private static Value SumDynamically(GraphBuilder b, Value gradient, Value value)
    {
        var shape = b.ShapeOf(value);
        var ones = b.Filled(b.Unsqueeze(b.SizeOf(b.ShapeOf(gradient)) - b.SizeOf(shape), 0), 1, ElementType.Int64);
        var axes = b.Reshape(b.Apply("NonZero", [b.Equal(b.Concat([ones, shape], 0), b.Ints(1))]), -1);
        var sum = b.Apply("ReduceSum", [gradient, axes], Attributes.None.With("keepdims", true).With("noop_with_empty_axes", true));
        return b.Reshape(sum, shape);
    }
}
