using OnnxPriors.Graphs;

namespace OnnxPriors.Gradients.Rules;

/// <summary>A line of a family's table: the derivative as a formula in inputs, output and the output's gradient.</summary>
internal static class Derivatives
{
    /// <summary>dx from (x, y, dy).</summary>
    public static GradientRule Unary(Func<GraphBuilder, Value, Value, Value, Value> dx) => c => c.Give(0, () => dx(c.B, c.X(), c.Y(), c.Dy()));

    /// <summary>da and db from (a, b, y, dy).</summary>
    public static GradientRule Binary(Func<GraphBuilder, Value, Value, Value, Value, Value> da, Func<GraphBuilder, Value, Value, Value, Value, Value> db) => c =>
    {
        c.Give(0, () => da(c.B, c.X(0), c.X(1), c.Y(), c.Dy()));
        c.Give(1, () => db(c.B, c.X(0), c.X(1), c.Y(), c.Dy()));
    };

    /// <summary>The same formula for each of any number of inputs, from (x, y, dy).</summary>
    public static GradientRule Each(Func<GradientCall, Value, Value> dx) => c =>
    {
        for (var i = 0; i < c.Node.Inputs.Length; i++)
        {
            var index = i;
            c.Give(index, () => dx(c, c.X(index)));
        }
    };

    /// <summary>Where a condition holds 1, elsewhere 0, in the type of a value. A product with it costs a tenth of Where.</summary>
    public static Value Mask(this GraphBuilder b, Value condition, Value like) => b.Cast(condition, like.Type);

    /// <summary>A gradient repeated to the shape of a value it broadcasts to.</summary>
    public static Value ExpandLike(this GraphBuilder b, Value gradient, Value like) => b.Expand(gradient, b.ShapeOf(like));

    /// <summary>A number as a scalar of a value's type.</summary>
    public static Value Like(this GraphBuilder b, double number, Value like) => b.Scalar(number, like.Type);

    /// <summary>The numbers of a constant input, or null where it is absent.</summary>
    /// <exception cref="GradientException">It is there and depends on the model's inputs.</exception>
    public static long[]? Constant(this GradientCall c, int index)
    {
        if (c.Node.TryInput(index) is not { } value)
            return null;
        return (value.Contents.IsDefault || value.Contents.Any(d => !d.IsStatic) ? GraphBuilder.TryEvaluate(value)?.ToInt64() : [.. value.Contents.Select(d => d.Value!.Value)])
            ?? throw c.Refuse($"its input {index} is computed from the model's inputs");
    }

    /// <summary>The extent of an axis as an int64 vector of one element: a constant where it is known.</summary>
    public static Value Extent(this GraphBuilder b, Value x, int axis) =>
        x.Shape![axis].Value is { } extent ? b.Ints(extent) : b.ShapeOf(x, axis, axis + 1);

    /// <summary>A shape put together of extents.</summary>
    public static Value Join(this GraphBuilder b, params IEnumerable<Value> extents) => b.Concat(extents, 0);
}
