using OnnxPriors.Graphs;

namespace OnnxPriors.Normalization.Upgrades.Vendor;

/// <summary>Layer normalisations of com.microsoft, some with the sum or the embeddings before them.</summary>
internal static class VendorNormalisation
{
    private const string Domain = "com.microsoft.";

    public static IEnumerable<UpgradeRule> Rules =>
    [
        UpgradeRule.Always("SimplifiedLayerNormalization", Simplified),
        UpgradeRule.Always(Domain + "SimplifiedLayerNormalization", Simplified),
        UpgradeRule.Always(Domain + "LayerNormalization", node => node.Finish("LayerNormalization", node.Inputs, node.Attributes)),
        UpgradeRule.Always(Domain + "SkipLayerNormalization", SkipLayer),
        UpgradeRule.Always(Domain + "SkipSimplifiedLayerNormalization", SkipSimplified),
        UpgradeRule.Always(Domain + "EmbedLayerNormalization", EmbedLayer),
        UpgradeRule.Always(Domain + "GroupNorm", Group),
    ];

    /// <summary>x/√(mean(x²) + ε) · scale over the axes from one on, and the factor.</summary>
    public static (Value Normal, Value Factor) RootMeanSquare(NodeUpgrade node, Value x, Value scale, double epsilon)
    {
        var first = x.Shape is { } shape ? shape.Axis(node.Attributes.Int("axis", -1))
            : throw NodeUpgrade.Refuse("the number of axes is not known", "Give the model's inputs fixed shapes");
        long[] axes = [.. Enumerable.Range(first, x.Rank - first).Select(i => (long)i)];
        var factor = node.B.Reciprocal(node.B.Sqrt(node.B.ReduceMean(x * x, axes) + epsilon));
        return (x * factor * scale, factor);
    }

    private static void Simplified(NodeUpgrade node)
    {
        var (y, factor) = RootMeanSquare(node, node.Input(0), node.Input(1), node.Attributes.Float("epsilon", 1e-5f));
        node.FinishWith(y, factor);
    }

    /// <summary>Inputs x, skip, scale, shift and a bias; the sum before the normalisation is the fourth output.</summary>
    private static void SkipLayer(NodeUpgrade node)
    {
        var sum = Sum(node, 4);
        var normal = Normalised(node, sum, node.Input(2), node.TryInput(3));
        node.FinishWith(normal[0], normal[1], normal[2], sum);
    }

    private static void SkipSimplified(NodeUpgrade node)
    {
        var sum = Sum(node, 3);
        var (y, factor) = RootMeanSquare(node, sum, node.Input(2), node.Attributes.Float("epsilon", 1e-12f));
        node.FinishWith(y, null, factor, sum);
    }

    private static Value Sum(NodeUpgrade node, int bias)
    {
        var sum = node.Input(0) + node.Input(1);
        return node.TryInput(bias) is { } b ? sum + b : sum;
    }

    private static Value?[] Normalised(NodeUpgrade node, Value x, Value scale, Value? shift) =>
        [.. node.B.Emit("LayerNormalization", [x, scale, shift], Attributes.None.With("axis", -1L).With("epsilon", node.Attributes.Float("epsilon", 1e-12f)), 3)];

    /// <summary>
    /// The sum of embeddings of words [N, L], places and segments, normalised; then the number of words that the mask keeps, and the sum
    /// itself.
    /// </summary>
    private static void EmbedLayer(NodeUpgrade node)
    {
        var b = node.B;
        var words = node.Input(0);
        var sum = b.Gather(node.Input(2), words, 0);
        var places = node.TryInput(8) ?? b.Unsqueeze(Extents.Count(b, Extents.Of(b, words, 1)), 0);
        sum += b.Gather(node.Input(3), places, 0);
        if (node.TryInput(4) is { } segments)
            sum += b.Gather(segments, node.Input(1), 0);
        var kept = node.TryInput(7) is { } mask
            ? b.ReduceSum(b.Cast(b.Equal(mask, b.Scalar(1, mask.Type)), ElementType.Int32), [1], keep: false)
            : b.Filled(b.ShapeOf(words, 0, 1), 0, ElementType.Int32);
        node.FinishWith(Normalised(node, sum, node.Input(5), node.Input(6))[0], kept, sum);
    }

    /// <summary>Group normalisation of [N, H, W, C] or [N, C, H, W], and x · sigmoid(x) after it where asked for.</summary>
    private static void Group(NodeUpgrade node)
    {
        var b = node.B;
        var isLast = node.Attributes.Flag("channels_last", true);
        var x = b.Cast(node.Input(0), ElementType.Float);
        x = isLast ? b.Transpose(x, 0, 3, 1, 2) : x;
        var groups = node.Attributes.Int("groups");
        var normal = b.Apply("InstanceNormalization", [b.Reshape(x, [0, groups, -1]), b.Filled(b.Ints(groups), 1), b.Filled(b.Ints(groups), 0)],
            Attributes.None.With("epsilon", node.Attributes.Float("epsilon", 1e-5f)));
        var y = b.Reshape(normal, b.ShapeOf(x)) * b.Reshape(node.Input(1), [-1, 1, 1]) + b.Reshape(node.Input(2), [-1, 1, 1]);
        if (node.Attributes.Flag("activation"))
            y *= b.Sigmoid(y);
        node.FinishWith(b.Cast(isLast ? b.Transpose(y, 0, 2, 3, 1) : y, node.Input(0).Type));
    }
}
