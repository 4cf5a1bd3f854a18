using OnnxPriors.Graphs;

namespace OnnxPriors.Normalization.Upgrades.Attention;

/// <summary>
/// GroupQueryAttention of com.microsoft, as exporters of language models write it, in primitive operators: causal attention in which groups
/// of heads share keys, with rotation, a cache, a window, a soft cap. Every place of the cache counts, and new keys follow the last
/// one: what the runtime does for examples of one length.
/// </summary>
internal static class GroupedAttention
{
    public static IEnumerable<UpgradeRule> Rules => [UpgradeRule.Always("com.microsoft.GroupQueryAttention", Attention)];

    private static void Attention(NodeUpgrade node)
    {
        var (b, a) = (node.B, node.Attributes);
        if (a.Flag("smooth_softmax") || node.TryInput(11) is not null || a.String("k_quant_type", "NONE") != "NONE" || a.String("v_quant_type", "NONE") != "NONE" || node.HasOutput(3))
            throw NodeUpgrade.Refuse("it has a sink, a quantised cache or gives its scores out", "Export the model without them");
        var (heads, sharedHeads) = (a.Int("num_heads"), a.Int("kv_num_heads"));
        var (q, k, v) = Operands(node, heads, sharedHeads);
        var past = node.TryInput(3) is { } cache && cache.Shape?[2].Value != 0 ? cache : null;
        var cached = past is null ? null : Extents.Of(b, past, 2);
        if (a.Flag("do_rotary"))
            (q, k) = Turned(node, q, k, cached);
        if (past is not null)
            (k, v) = (b.Concat([past, k], 2), b.Concat([node.Input(4), v], 2));
        var (presentKey, presentValue) = (k, v);
        (k, v) = (Heads.Repeat(b, k, sharedHeads, heads / sharedHeads), Heads.Repeat(b, v, sharedHeads, heads / sharedHeads));

        var scale = a.Float("scale") is var given and not 0 ? given : 1 / Math.Sqrt(NodeUpgrade.Known(q.Shape![3], "the size of a head"));
        var scores = b.MatMul(q * scale, b.TransposeMatrix(k));
        if (a.Float("softcap") is var cap and > 0)
            scores = b.Tanh(scores / cap) * cap;
        var mask = new AttentionMask(b, q, k);
        // The window holds the query's own place.
        mask.Window(cached, null, a.Int("local_window_size", -1) is > 0 and var window ? window - 1 : -1, 0);
        if (node.TryInput(10) is { } bias)
            scores += bias;
        var shares = mask.Clear(b.Softmax(mask.Safe(mask.Apply(scores))));
        node.FinishWith(Heads.Merge(b, b.MatMul(shares, v)), presentKey, presentValue);
    }

    /// <summary>Queries [N, H, L, D], keys and values [N, h, L, D], apart in the file or side by side in its first input.</summary>
    private static (Value Q, Value K, Value V) Operands(NodeUpgrade node, long heads, long sharedHeads)
    {
        var b = node.B;
        if (heads < 1 || sharedHeads < 1 || heads % sharedHeads != 0)
            throw new GraphException($"{node.Node.Title} has {heads} heads that share {sharedHeads}.");
        if (node.TryInput(1) is { } key)
            return (Heads.Split(b, node.Input(0), heads), Heads.Split(b, key, sharedHeads), Heads.Split(b, node.Input(2), sharedHeads));
        var size = NodeUpgrade.Known(node.ShapeOf(0)[2], "the width of the queries, keys and values") / (heads + 2 * sharedHeads);
        var parts = b.Split(node.Input(0), [heads * size, sharedHeads * size, sharedHeads * size], -1);
        return (Heads.Split(b, parts[0], heads), Heads.Split(b, parts[1], sharedHeads), Heads.Split(b, parts[2], sharedHeads));
    }

    private static (Value Q, Value K) Turned(NodeUpgrade node, Value q, Value k, Value? cached)
    {
        var b = node.B;
        var places = node.TryInput(9);
        if (places is null)
        {
            places = Extents.Count(b, Extents.Of(b, q, 2));
            places = b.Unsqueeze(cached is null ? places : places + cached, 0);
        }
        var (cos, sin) = (b.Unsqueeze(b.Gather(node.Input(7), places, 0), 1), b.Unsqueeze(b.Gather(node.Input(8), places, 0), 1));
        var turned = 2 * NodeUpgrade.Known(node.ShapeOf(7)[1], "the width of the tables");
        var areNeighbours = node.Attributes.Flag("rotary_interleaved");
        return (RecurrentAttention.Rotate(b, q, cos, sin, turned, areNeighbours), RecurrentAttention.Rotate(b, k, cos, sin, turned, areNeighbours));
    }
}
