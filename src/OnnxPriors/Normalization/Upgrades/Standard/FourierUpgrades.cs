using OnnxPriors.Graphs;

namespace OnnxPriors.Normalization.Upgrades.Standard;

/// <summary>Fourier transforms: the axis that newer opsets give as an input, and real signals from one side of their spectrum.</summary>
internal static class FourierUpgrades
{
    public static IEnumerable<UpgradeRule> Rules =>
    [
        UpgradeRule.Since(20, "DFT", AxisToAttribute),
        UpgradeRule.Always("DFT", OneSidedInverse),
    ];

    /// <summary>The axis was an attribute before opset 20, by default 1; it is an input now, by default −2.</summary>
    private static void AxisToAttribute(NodeUpgrade node)
    {
        var (b, x, shape) = (node.B, node.Input(0), node.ShapeOf(0));
        var given = node.TryInput(2);
        node.Inputs = [.. node.Inputs.Take(2)];
        var known = given is null ? -2 : GraphBuilder.TryEvaluate(given)?.ToInt64()[0];
        if (known is { } number)
        {
            node.Attributes = node.Attributes.With("axis", (long)shape.Axis(number));
            return;
        }
        // An axis that the inputs choose stands in the middle of [before, axis, after, parts].
        var rank = b.Ints(shape.Rank);
        var axis = b.Mod(b.Reshape(given!, [1]), rank);
        var extents = b.ShapeOf(x);
        var (before, after) = (b.Slice(extents, b.Ints(0), axis, b.Ints(0)), b.Slice(extents, axis + b.Ints(1), rank, b.Ints(0)));
        var parts = b.Ints(NodeUpgrade.Known(shape[shape.Rank - 1], "the number of parts of a number"));
        var middle = b.Reshape(x, b.Concat([b.ReduceProd(before, [0]), b.Gather(extents, axis, 0), b.Ints(-1), parts], 0));
        var attributes = node.Attributes.With("axis", 1L);
        var y = IsBack(attributes) ? Back(b, middle, node.TryInput(1), attributes) : b.Apply("DFT", [middle, .. node.Inputs.Skip(1)], attributes);
        node.Finish("Reshape", [y, b.Concat([before, b.ShapeOf(y, 1, 2), b.Slice(after, 0, 0, -1), b.ShapeOf(y, 3, 4)], 0)]);
    }

    private static void OneSidedInverse(NodeUpgrade node)
    {
        if (IsBack(node.Attributes))
            node.FinishWith(Back(node.B, node.Input(0), node.TryInput(1), node.Attributes));
    }

    private static bool IsBack(Attributes attributes) => attributes.Flag("inverse") && attributes.Flag("onesided");

    /// <summary>
    /// The real signal […, n, …, 1] of bins 0 to n/2 […, bins, …, 2]. The bins that are left out are the conjugates of those that are there, so
    /// that these count twice in the real part; the first and, of an even number, the middle one stand alone. n is given, or twice the bins less two.
    /// </summary>
    private static Value Back(GraphBuilder b, Value x, Value? length, Attributes attributes)
    {
        var shape = x.Shape!;
        var axis = shape.Axis(attributes.Int("axis", 1));
        var bins = NodeUpgrade.Known(shape[axis], "the number of its frequencies");
        var places = length is null ? 2 * (bins - 1)
            : GraphBuilder.TryEvaluate(length)?.ToInt64()[0] ?? throw NodeUpgrade.Refuse("its length depends on the inputs", "Bind the inputs it depends on with --bind NAME=VALUE");
        if (places < 1)
            throw new GraphException($"A signal of {places} places has no transform.");
        bins = Math.Min(bins, places / 2 + 1);
        var counts = new float[bins];
        for (var k = 0; k < bins; k++)
            counts[k] = k == 0 || 2 * k == places ? 1 : 2;
        var column = new long[shape.Rank];
        Array.Fill(column, 1);
        column[axis] = bins;
        var used = b.Slice(x, axis, 0, bins) * b.Cast(b.Constant(TensorData.Of(counts, [.. column])), x.Type);
        var whole = b.Apply("DFT", [used, b.Scalar(places, ElementType.Int64)], Attributes.None.With("axis", (long)axis).With("inverse", 1L));
        return b.Slice(whole, shape.Rank - 1, 0, 1);
    }
}
