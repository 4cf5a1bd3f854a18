using System.Collections.Immutable;

namespace OnnxPriors.Graphs;

// Operators that move elements and that reduce. The specification of each is the page of the same name among the ONNX operators.
#pragma warning disable CS1591 // The names are the operators'; one comment a line would only repeat them.
public sealed partial class GraphBuilder
{
    public Value Reshape(Value x, Value shape) => Apply("Reshape", [x, shape]);

    /// <summary>A reshape to extents of which at most one may be −1 (what is left) and a 0 copies the input's.</summary>
    public Value Reshape(Value x, params ReadOnlySpan<long> shape) => Reshape(x, Ints(shape));

    /// <summary>
    /// A reshape to a shape that may hold named sizes: numbers where they are known, −1 for one name, else the sizes are read off
    /// <paramref name="like"/>, a value that has that very shape.
    /// </summary>
    public Value ReshapeTo(Value x, Shape? shape, Value? like = null)
    {
        if (shape is not null && shape.Count(d => !d.IsStatic) <= 1 && shape.All(d => d.Value != 0))
            return Reshape(x, Ints([.. shape.Select(d => d.Value ?? -1)]));
        return Reshape(x, ShapeOf(like ?? throw new GraphException($"The shape {shape?.ToString() ?? "?"} wanted of '{x.Name}' is not known well enough.")));
    }

    public Value Flatten(Value x, long axis = 1) => Apply("Flatten", [x], Attributes.None.With("axis", axis));

    public Value Transpose(Value x, params long[] permutation) => Apply("Transpose", [x], Attributes.None.With("perm", permutation));

    /// <summary>The last two axes exchanged.</summary>
    public Value TransposeMatrix(Value x)
    {
        ArgumentNullException.ThrowIfNull(x);
        long[] permutation = [.. Enumerable.Range(0, x.Rank).Select(i => (long)i)];
        (permutation[^1], permutation[^2]) = (permutation[^2], permutation[^1]);
        return Transpose(x, permutation);
    }

    public Value Squeeze(Value x, params ReadOnlySpan<long> axes) => Apply("Squeeze", [x, Ints(axes)]);

    public Value Unsqueeze(Value x, params ReadOnlySpan<long> axes) => Apply("Unsqueeze", [x, Ints(axes)]);

    public Value Concat(IEnumerable<Value> values, long axis) => Apply("Concat", [.. values], Attributes.None.With("axis", axis));

    public ImmutableArray<Value> Split(Value x, ReadOnlySpan<long> lengths, long axis) =>
        Emit("Split", [x, Ints(lengths)], Attributes.None.With("axis", axis), lengths.Length);

    public Value Slice(Value x, Value starts, Value ends, Value axes, Value? steps = null) =>
        Apply("Slice", steps is null ? [x, starts, ends, axes] : [x, starts, ends, axes, steps]);

    public Value Slice(Value x, long axis, long start, long end, long step = 1) =>
        Slice(x, Ints(start), Ints(end), Ints(axis), step == 1 ? null : Ints(step));

    public Value Gather(Value x, Value indices, long axis) => Apply("Gather", [x, indices], Attributes.None.With("axis", axis));

    public Value GatherElements(Value x, Value indices, long axis) => Apply("GatherElements", [x, indices], Attributes.None.With("axis", axis));

    public Value GatherNd(Value x, Value indices, long batchDimensions = 0) =>
        Apply("GatherND", [x, indices], Attributes.None.With("batch_dims", batchDimensions));

    public Value ScatterElements(Value x, Value indices, Value updates, long axis, string reduction = "none") =>
        Apply("ScatterElements", [x, indices, updates], Attributes.None.With("axis", axis).With("reduction", reduction));

    public Value ScatterNd(Value x, Value indices, Value updates, string reduction = "none") =>
        Apply("ScatterND", [x, indices, updates], Attributes.None.With("reduction", reduction));

    public Value OneHot(Value indices, Value depth, Value values, long axis = -1) =>
        Apply("OneHot", [indices, depth, values], Attributes.None.With("axis", axis));

    public Value Pad(Value x, Value pads, Value? value = null, string mode = "constant") =>
        Apply("Pad", [x, pads, value], Attributes.None.With("mode", mode));

    public Value Expand(Value x, Value shape) => Apply("Expand", [x, shape]);

    public Value Tile(Value x, Value repeats) => Apply("Tile", [x, repeats]);

    public Value ShapeOf(Value x) => Apply("Shape", [x]);

    /// <summary>Part of a shape: the extents from one axis up to another.</summary>
    public Value ShapeOf(Value x, long start, long end) => Apply("Shape", [x], Attributes.None.With("start", start).With("end", end));

    public Value SizeOf(Value x) => Apply("Size", [x]);

    /// <summary>A tensor of one number in every place.</summary>
    public Value Filled(Value shape, double value, ElementType type = ElementType.Float) =>
        Apply("ConstantOfShape", [shape], Attributes.None.With("value", TensorData.Of([value], 1).ConvertTo(type)));

    /// <summary>A tensor of one number in every place, as large as another.</summary>
    public Value FilledLike(Value x, double value) => Filled(ShapeOf(x), value, x.Type);

    public Value Range(Value start, Value limit, Value delta) => Apply("Range", [start, limit, delta]);

    public Value ReduceSum(Value x, ReadOnlySpan<long> axes, bool keep = true) => Reduce("ReduceSum", x, axes, keep);

    public Value ReduceMean(Value x, ReadOnlySpan<long> axes, bool keep = true) => Reduce("ReduceMean", x, axes, keep);

    public Value ReduceMax(Value x, ReadOnlySpan<long> axes, bool keep = true) => Reduce("ReduceMax", x, axes, keep);

    public Value ReduceMin(Value x, ReadOnlySpan<long> axes, bool keep = true) => Reduce("ReduceMin", x, axes, keep);

    public Value ReduceProd(Value x, ReadOnlySpan<long> axes, bool keep = true) => Reduce("ReduceProd", x, axes, keep);

    public Value ReduceSumSquare(Value x, ReadOnlySpan<long> axes, bool keep = true) => Reduce("ReduceSumSquare", x, axes, keep);

    /// <summary>The sum of all elements, a scalar.</summary>
    public Value SumAll(Value x) => Apply("ReduceSum", [x], Attributes.None.With("keepdims", false));

    public Value ArgMax(Value x, long axis, bool keep = true) =>
        Apply("ArgMax", [x], Attributes.None.With("axis", axis).With("keepdims", keep));

    private Value Reduce(string op, Value x, ReadOnlySpan<long> axes, bool keep) => axes.Length == 0
        ? x
        : Apply(op, [x, Ints(axes)], Attributes.None.With("keepdims", keep));
}
