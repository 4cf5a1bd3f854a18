using OnnxPriors.Graphs;

namespace OnnxPriors.Normalization.Upgrades.Attention;

/// <summary>
/// Attention of com.microsoft, which ONNX Runtime's optimizer writes, in primitive operators. Masked scores are lowered by a large
/// number, as the runtime does, not set to −∞.
/// </summary>
internal static class VendorAttention
{
    private const string Domain = "com.microsoft.";

    public static IEnumerable<UpgradeRule> Rules =>
    [
        UpgradeRule.Always(Domain + "Attention", Attention),
        UpgradeRule.Always(Domain + "QAttention", QuantisedAttention),
        UpgradeRule.Always(Domain + "MultiHeadAttention", MultiHead),
        UpgradeRule.Always(Domain + "RotaryEmbedding", Rotary),
    ];

    /// <summary>One product makes queries, keys and values of [N, L, D].</summary>
    private static void Attention(NodeUpgrade node)
    {
        var all = node.B.MatMul(node.Input(0), node.Input(1));
        Look(node, node.TryInput(2) is { } bias ? all + bias : all, node.TryInput(3), node.TryInput(4), node.TryInput(5));
    }

    /// <summary>The same with input and weights as integers, whose product becomes float before the bias.</summary>
    private static void QuantisedAttention(NodeUpgrade node)
    {
        var b = node.B;
        var product = b.Apply("MatMulInteger", [node.Input(0), node.Input(1), node.TryInput(6), node.TryInput(7)]);
        Look(node, b.Cast(product, ElementType.Float) * (node.Input(3) * node.Input(4)) + node.Input(2), node.TryInput(5), node.TryInput(8), null);
    }

    /// <summary>Queries, keys and values side by side [N, L, 3·D]; a cache holds earlier keys and values [2, N, H, P, E].</summary>
    private static void Look(NodeUpgrade node, Value all, Value? mask, Value? past, Value? added)
    {
        var (b, a) = (node.B, node.Attributes);
        if (a.Flag("do_rotary") || a.Flag("past_present_share_buffer"))
            throw NodeUpgrade.Refuse("it turns its keys by their places or shares a buffer with its cache", "Use the model as exported, before a runtime's optimizer");
        var width = NodeUpgrade.Known(node.ShapeOf(1)[1], "the width of the weights") / 3;
        var parts = b.Split(all, a.Ints("qkv_hidden_sizes") is { Length: 3 } sizes ? sizes : [width, width, width], -1);
        var heads = a.Int("num_heads");
        var (q, k, v) = (Heads.Split(b, parts[0], heads), Heads.Split(b, parts[1], heads), Heads.Split(b, parts[2], heads));
        if (past is not null)
        {
            k = b.Concat([b.Gather(past, b.Scalar(0, ElementType.Int64), 0), k], 2);
            v = b.Concat([b.Gather(past, b.Scalar(1, ElementType.Int64), 0), v], 2);
        }
        var present = node.HasOutput(1) ? b.Concat([b.Unsqueeze(k, 0), b.Unsqueeze(v, 0)], 0) : null;
        node.FinishWith(Heads.Merge(b, Look(node, q, k, v, mask, added).Result), present);
    }

    /// <summary>
    /// Queries [N, L, D] with keys and values [N, S, D], or keys and values [N, H, S, E] that another node has made, or all three in
    /// one [N, L, H, 3, E], or the last two in one [N, S, H, 2, E].
    /// </summary>
    private static void MultiHead(NodeUpgrade node)
    {
        var b = node.B;
        var heads = node.Attributes.Int("num_heads");
        var biases = node.TryInput(3) is { } bias ? Biases(bias) : null;
        Value q, k, v;
        if (node.ShapeOf(0).Rank == 5)
            (q, k, v) = (Part(node.Input(0), 0, 0), Part(node.Input(0), 1, 1), Part(node.Input(0), 2, 2));
        else
        {
            q = Separate(node.Input(0), 0);
            if (node.ShapeOf(1).Rank == 5)
                (k, v) = (Part(node.Input(1), 0, 1), Part(node.Input(1), 1, 2));
            else
                (k, v) = (Separate(node.Input(1), 1), Separate(node.Input(2), 2));
        }
        if (node.TryInput(6) is { } pastKey)
            (k, v) = (b.Concat([pastKey, k], 2), b.Concat([node.Input(7), v], 2));
        var (result, scores) = Look(node, q, k, v, node.TryInput(4), node.TryInput(5));
        node.FinishWith(Heads.Merge(b, result), k, v, scores);

        Value[] Biases(Value all)
        {
            // As wide as what each is added to.
            var width = node.ShapeOf(0) is { Rank: 3 } s ? NodeUpgrade.Known(s[2], "the width of the queries") : NodeUpgrade.Known(all.Shape![0], "the width of the bias") / 3;
            var whole = NodeUpgrade.Known(all.Shape![0], "the width of the bias");
            return [.. b.Split(all, [width, width, whole - 2 * width], 0)];
        }

        Value Separate(Value x, int which) => x.Rank == 4 ? x : Heads.Split(b, biases is null ? x : x + biases[which], heads);

        Value Part(Value x, int place, int which)
        {
            var part = b.Gather(x, b.Scalar(place, ElementType.Int64), 3);
            return b.Transpose(biases is null ? part : part + b.Reshape(biases[which], [heads, -1]), 0, 2, 1, 3);
        }
    }

    private static (Value Result, Value Scores) Look(NodeUpgrade node, Value q, Value k, Value v, Value? mask, Value? added)
    {
        var (b, a) = (node.B, node.Attributes);
        var scale = a.Float("scale") is var given and not 0 ? given : 1 / Math.Sqrt(NodeUpgrade.Known(q.Shape![3], "the size of a head"));
        var scores = b.MatMul(q * scale, b.TransposeMatrix(k));
        var lowered = b.Scalar(a.Float("mask_filter_value", -10000), scores.Type);
        var zero = b.Scalar(0, scores.Type);
        var (queries, keys) = (Extents.Of(b, q, 2), Extents.Of(b, k, 2));
        if (mask is not null)
            scores += b.Where(Kept(mask), zero, lowered);
        if (a.Flag("unidirectional"))
        {
            // The last query stands at the last key.
            var places = b.Unsqueeze(Extents.Count(b, queries), 1) + (keys - queries);
            scores = b.Where(b.LessOrEqual(Extents.Count(b, keys), places), scores, b.Scalar(-3.4e38, scores.Type));
        }
        if (added is not null)
            scores += added;
        return (b.MatMul(b.Softmax(scores), v), scores);

        // Which keys may be looked at [N, …, S]: by the number of them, by where they end and start, or one by one.
        Value Kept(Value given)
        {
            var shape = given.Shape ?? throw NodeUpgrade.Refuse("the shape of its mask is not known", "Give the model's inputs fixed shapes");
            if (shape.Rank > 1)
            {
                var isKept = b.Greater(given, b.Scalar(0, given.Type));
                return shape.Rank switch { 2 => b.Unsqueeze(isKept, [1, 2]), 3 => b.Unsqueeze(isKept, 1), _ => Windowed(isKept) };
            }
            var places = b.Cast(Extents.Count(b, keys), given.Type);
            if (shape[0] == q.Shape![0])
                return b.Less(places, b.Reshape(given, [-1, 1, 1, 1]));
            if (shape[0] != q.Shape[0] * 2)
                throw NodeUpgrade.Refuse($"its mask of shape {shape} is not one for each example", "Use the model as exported, before a runtime's optimizer");
            var both = b.Reshape(given, [2, -1, 1, 1, 1]);
            return b.And(b.Less(places, Row(both, 0)), b.GreaterOrEqual(places, Row(both, 1)));
        }

        Value Row(Value x, long row) => b.Gather(x, b.Scalar(row, ElementType.Int64), 0);

        // Of a mask for the longest sequence [N, 1, M, M] the rows and columns in use.
        Value Windowed(Value isKept) =>
            b.Slice(isKept, b.Concat([b.Unsqueeze(keys - queries, 0), b.Ints(0)], 0), b.Concat([b.Unsqueeze(keys, 0), b.Unsqueeze(keys, 0)], 0), b.Ints(2, 3));
    }

    /// <summary>The rotation of the standard operator, with the places before the tables: one for each element, or the first one's.</summary>
    private static void Rotary(NodeUpgrade node)
    {
        var (b, a) = (node.B, node.Attributes);
        if (a.Flag("is_packed_batching"))
            throw NodeUpgrade.Refuse("its batch is packed", "Export the model without packing");
        var (x, places) = (node.Input(0), node.Input(1));
        var isPacked = node.ShapeOf(0).Rank == 3;
        if (isPacked)
        {
            var size = a.Int("rotary_embedding_dim") > 0 ? 0 : 2 * NodeUpgrade.Known(node.ShapeOf(2)[1], "the width of the tables");
            x = a.Int("num_heads") > 0 ? Heads.Split(b, x, a.Int("num_heads")) : b.Transpose(b.Reshape(x, [0, 0, -1, size]), 0, 2, 1, 3);
        }
        if (node.ShapeOf(1).Rank == 1)
            places = b.Unsqueeze(Extents.Count(b, Extents.Of(b, x, 2)) + places, 0);
        var (cos, sin) = (b.Unsqueeze(b.Gather(node.Input(2), places, 0), 1), b.Unsqueeze(b.Gather(node.Input(3), places, 0), 1));
        var y = RecurrentAttention.Rotate(b, x, cos, sin, a.Int("rotary_embedding_dim"), a.Flag("interleaved"));
        if (a.Float("scale", 1) is var scale and not 1)
            y *= scale;
        node.FinishWith(isPacked ? Heads.Merge(b, y) : y);
    }
}
