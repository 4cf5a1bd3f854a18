using OnnxPriors.Graphs;

namespace OnnxPriors.Normalization.Upgrades.Attention;

/// <summary>
/// Attention of opsets 23 to 25 in primitive operators: softmax(scale · QKᵀ + mask)V with heads that share keys, a cache of earlier keys,
/// a soft cap and windows (ONNX specification, Attention-25, of which the older two are parts). A row whose every key is masked is zero.
/// </summary>
internal static class AttentionUpgrade
{
    public static IEnumerable<UpgradeRule> Rules =>
    [
        UpgradeRule.Always("Attention", Attention),
        UpgradeRule.Always("ai.onnx.preview.FlexAttention", FlexAttention),
    ];

    private static void Attention(NodeUpgrade node)
    {
        var (b, a) = (node.B, node.Attributes);
        var (q, k, v) = (node.Input(0), node.Input(1), node.Input(2));
        var isPacked = node.ShapeOf(0).Rank == 3;
        if (isPacked)
        {
            var keyHeads = a.Int("kv_num_heads");
            (q, k, v) = (Heads.Split(b, q, a.Int("q_num_heads")), Heads.Split(b, k, keyHeads), Heads.Split(b, v, keyHeads));
        }
        var pastLength = node.TryInput(4) is { } past ? Extents.Of(b, past, 2) : null;
        if (pastLength is not null)
        {
            k = b.Concat([node.Input(4), k], 2);
            v = b.Concat([node.Input(5), v], 2);
        }
        var (presentKey, presentValue) = (k, v);
        var heads = NodeUpgrade.Known(q.Shape![1], "the number of heads");
        var sharedHeads = NodeUpgrade.Known(k.Shape![1], "the number of heads");
        (k, v) = (Heads.Repeat(b, k, sharedHeads, heads / sharedHeads), Heads.Repeat(b, v, sharedHeads, heads / sharedHeads));

        var scale = a.Has("scale") ? a.Float("scale") : 1 / Math.Sqrt(NodeUpgrade.Known(q.Shape[3], "the size of a head"));
        var raw = b.MatMul(q * scale, b.TransposeMatrix(k));
        var cap = a.Float("softcap");
        var capped = cap > 0 ? b.Tanh(raw / cap) * cap : raw;
        var mask = new AttentionMask(b, q, k);
        if (a.Flag("is_causal") || a.Int("left_window_size", -1) >= 0 || a.Int("right_window_size", -1) >= 0)
            mask.Window(pastLength, node.TryInput(6), a.Int("left_window_size", -1), a.Flag("is_causal") ? 0 : a.Int("right_window_size", -1));
        if (node.TryInput(6) is { } lengths)
            mask.Lengths(lengths);
        if (node.TryInput(3) is { } given)
            mask.Add(given);
        var masked = mask.Apply(capped);
        var precision = (ElementType)a.Int("softmax_precision", (long)masked.Type);
        var shares = mask.Clear(b.Cast(b.Softmax(b.Cast(mask.Safe(masked), precision)), v.Type));
        var y = b.Cast(b.MatMul(shares, v), q.Type);
        var scores = a.Int("qk_matmul_output_mode") switch { 0 => raw, 1 => capped, 2 => masked, _ => b.Cast(shares, q.Type) };
        node.FinishWith(isPacked ? Heads.Merge(b, y) : y, presentKey, presentValue, scores);
    }

    /// <summary>The same without masks, with graphs of the file's own for the scores and for the shares (opset ai.onnx.preview 1).</summary>
    private static void FlexAttention(NodeUpgrade node)
    {
        var (b, a) = (node.B, node.Attributes);
        var (q, k, v) = (node.Input(0), node.Input(1), node.Input(2));
        var heads = NodeUpgrade.Known(node.ShapeOf(0)[1], "the number of heads");
        var sharedHeads = NodeUpgrade.Known(node.ShapeOf(1)[1], "the number of heads");
        (k, v) = (Heads.Repeat(b, k, sharedHeads, heads / sharedHeads), Heads.Repeat(b, v, sharedHeads, heads / sharedHeads));
        var precision = (ElementType)a.Int("softmax_precision", (long)(q.Type == ElementType.Double ? ElementType.Double : ElementType.Float));
        var scale = a.Has("scale") ? a.Float("scale") : 1 / Math.Sqrt(NodeUpgrade.Known(q.Shape![3], "the size of a head"));
        var scores = node.Inline("score_mod", b.Cast(b.MatMul(q, b.TransposeMatrix(k)), precision) * scale);
        var shares = node.Inline("prob_mod", b.Softmax(scores));
        node.FinishWith(b.Cast(b.MatMul(shares, b.Cast(v, precision)), q.Type));
    }
}
