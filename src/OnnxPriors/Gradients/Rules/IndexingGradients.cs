using OnnxPriors.Graphs;

namespace OnnxPriors.Gradients.Rules;

/// <summary>Operators that read or write at places another tensor names. Places read twice get the sum.</summary>
internal static class IndexingGradients
{
    public static IReadOnlyDictionary<string, GradientRule> Rules { get; } = new Dictionary<string, GradientRule>(StringComparer.Ordinal)
    {
        ["Gather"] = c => c.Give(0, () => Gather(c, c.X(), c.X(1), c.X().Shape!.Axis(c.Attributes.Int("axis")))),
        ["Compress"] = c => c.Give(0, () =>
        {
            var places = c.B.Reshape(c.B.Apply("NonZero", [c.X(1)]), -1);
            if (c.Attributes.Has("axis"))
                return Gather(c, c.X(), places, c.X().Shape!.Axis(c.Attributes.Int("axis")));
            var flat = c.B.Reshape(c.X(), -1);
            return c.B.ReshapeTo(Gather(c, flat, places, 0), c.X().Shape, c.X());
        }),
        ["GatherElements"] = c => c.Give(0, () => c.B.ScatterElements(Zeros(c, c.X()), c.X(1), c.Dy(), c.Attributes.Int("axis"), "add")),
        ["GatherND"] = c => c.Give(0, () => GatherNd(c)),
        ["TopK"] = c => c.Give(0, () => c.B.ScatterElements(Zeros(c, c.X()), Indices(c), c.Dy(), c.Attributes.Int("axis", -1))),
        // Each element that is kept goes back to its first place.
        ["Unique"] = c => c.Give(0, () =>
        {
            if (c.Attributes.Has("axis"))
                return Gather(c, c.X(), c.Kept(1), c.X().Shape!.Axis(c.Attributes.Int("axis")));
            return c.B.ReshapeTo(Gather(c, c.B.Reshape(c.X(), -1), c.Kept(1), 0), c.X().Shape, c.X());
        }),
        ["OneHot"] = c => c.Give(2, () =>
        {
            var on = c.Dy() * c.B.OneHot(c.X(0), c.X(1), c.B.Constant(TensorData.Of([0.0, 1.0], 2).ConvertTo(c.Dy().Type)), c.Attributes.Int("axis", -1));
            return c.B.Concat([c.B.Reshape(c.B.SumAll(c.Dy()) - c.B.SumAll(on), 1), c.B.Reshape(c.B.SumAll(on), 1)], 0);
        }),
    };

    private static Value Zeros(GradientCall c, Value like) => c.B.FilledLike(like, 0);

    // Element by element, so that the order in which what was read several times is added up is fixed.
    private static Value Gather(GradientCall c, Value x, Value indices, int axis)
    {
        var b = c.B;
        if (indices.Rank == 0)
            return b.ScatterElements(Zeros(c, x), b.Expand(indices, b.ShapeOf(b.Unsqueeze(c.Dy(), axis))), b.Unsqueeze(c.Dy(), axis), axis, "add");
        // [outer…, indices…, inner…] with the indices as one axis.
        var dy = c.Dy();
        var outer = Enumerable.Range(0, axis).Select(i => b.Extent(x, i));
        var inner = Enumerable.Range(axis + 1, x.Rank - axis - 1).Select(i => b.Extent(x, i)).ToArray();
        var joined = indices.Rank == 1 ? dy : b.Reshape(dy, b.Join([.. outer, b.Unsqueeze(b.SizeOf(indices), 0), .. inner]));
        var column = b.Reshape(indices, [.. Enumerable.Repeat(1L, axis), -1, .. Enumerable.Repeat(1L, inner.Length)]);
        return b.ScatterElements(Zeros(c, x), b.Expand(column, b.ShapeOf(joined)), joined, axis, "add");
    }

    // With leading axes in common, these are joined to one whose places are written before the others.
    private static Value GatherNd(GradientCall c)
    {
        var (b, x, indices, dy) = (c.B, c.X(), c.X(1), c.Dy());
        var batch = (int)c.Attributes.Int("batch_dims");
        if (batch == 0)
            return b.ScatterNd(Zeros(c, x), indices, dy, "add");
        Value Joined(Value value) => b.Reshape(value, b.Join([b.Ints(-1), .. Enumerable.Range(batch, value.Rank - batch).Select(i => b.Extent(value, i))]));
        var zeros = Joined(Zeros(c, x));
        var places = Joined(indices);
        long[] rest = [.. Enumerable.Range(1, places.Rank - 1).Select(i => (long)i)];
        var first = b.Unsqueeze(b.Range(b.Scalar(0, ElementType.Int64), b.Squeeze(b.ShapeOf(zeros, 0, 1), 0), b.Scalar(1, ElementType.Int64)), rest);
        var column = b.Expand(first, b.Join([.. Enumerable.Range(0, places.Rank - 1).Select(i => b.ShapeOf(places, i, i + 1)), b.Ints(1)]));
        return b.ReshapeTo(b.ScatterNd(zeros, b.Concat([column, places], -1), Joined(dy), "add"), x.Shape, x);
    }

    private static Value Indices(GradientCall c) =>
        c.Node.Outputs.Length > 1 && c.Node.Outputs[1] is { } indices ? indices : c.B.Emit("TopK", [c.X(0), c.X(1)], c.Attributes, 2)[1];
}
