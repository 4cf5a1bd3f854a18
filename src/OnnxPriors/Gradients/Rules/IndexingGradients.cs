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
        ["ScatterElements"] = c => Scatter(
            c,
            (data, updates) => c.B.ScatterElements(data, c.X(1), updates, c.Attributes.Int("axis")),
            dy => c.B.GatherElements(dy, c.X(1), c.Attributes.Int("axis"))),
        ["ScatterND"] = c => Scatter(c, (data, updates) => c.B.ScatterNd(data, c.X(1), updates), dy => c.B.GatherNd(dy, c.X(1))),
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

    private static Value GatherNd(GradientCall c) => c.Attributes.Int("batch_dims") == 0
        ? c.B.ScatterNd(Zeros(c, c.X()), c.X(1), c.Dy(), "add")
        : throw c.Refuse("its batch_dims are not 0");

    private static Value Indices(GradientCall c) =>
        c.Node.Outputs.Length > 1 && c.Node.Outputs[1] is { } indices ? indices : c.B.Emit("TopK", [c.X(0), c.X(1)], c.Attributes, 2)[1];

    // What was overwritten has no gradient; what was added to keeps its own.
    private static void Scatter(GradientCall c, Func<Value, Value, Value> overwrite, Func<Value, Value> read)
    {
        var reduction = c.Attributes.String("reduction", "none");
        if (reduction is not ("none" or "add"))
            throw c.Refuse($"its reduction is '{reduction}'");
        c.Give(0, () => reduction == "add" ? c.Dy() : overwrite(c.Dy(), Zeros(c, c.X(2))));
        c.Give(2, () => read(c.Dy()));
    }
}
