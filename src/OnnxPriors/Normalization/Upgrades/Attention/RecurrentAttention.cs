using OnnxPriors.Graphs;

namespace OnnxPriors.Normalization.Upgrades.Attention;

/// <summary>The pieces of recurrent and rotary attention (opsets 23 to 28): a linear recurrence, a causal convolution, rotated pairs, a cache.</summary>
internal static class RecurrentAttention
{
    // The recurrence becomes a dozen nodes for each place of the sequence.
    private const long MaxSteps = 1024;

    public static IEnumerable<UpgradeRule> Rules =>
    [
        UpgradeRule.Always("LinearAttention", LinearAttention),
        UpgradeRule.Always("CausalConvWithState", CausalConvolution),
        UpgradeRule.Always("RotaryEmbedding", RotaryEmbedding),
        UpgradeRule.Always("TensorScatter", TensorScatter),
    ];

    /// <summary>
    /// S ← exp(g)S, v ← β(v − Sᵀk) by the rule's name, S ← S + kvᵀ, o = scale · Sᵀq, place by place (LinearAttention-27). Queries
    /// [N, T, H·K], keys [N, T, h·K], values [N, T, h·V], the state [N, h, K, V].
    /// </summary>
    private static void LinearAttention(NodeUpgrade node)
    {
        var (b, a) = (node.B, node.Attributes);
        var (heads, sharedHeads) = (a.Int("q_num_heads"), a.Int("kv_num_heads"));
        var rule = a.String("update_rule", "gated_delta");
        var steps = NodeUpgrade.Known(node.ShapeOf(0)[1], "the length of the sequence");
        if (steps > MaxSteps)
            throw NodeUpgrade.Refuse($"its sequence of {steps} places is longer than the {MaxSteps} that are unrolled", "Give the model's inputs a shorter sequence with --shape");
        var type = node.Input(0).Type;
        var (q, k, v) = (Wide(Heads.Split(b, node.Input(0), heads)), Wide(Heads.Split(b, node.Input(1), sharedHeads)), Wide(Heads.Split(b, node.Input(2), sharedHeads)));
        var depth = NodeUpgrade.Known(q.Shape![3], "the size of a head");
        var width = NodeUpgrade.Known(v.Shape![3], "the size of a head");
        q *= a.Float("scale") is var scale and not 0 ? scale : 1 / Math.Sqrt(depth);
        var decay = rule.StartsWith("gated", StringComparison.Ordinal) ? Wide(b.Exp(b.Transpose(b.Reshape(node.Input(4), [0, 0, sharedHeads, -1]), 0, 2, 1, 3))) : null;
        // One rate for all heads has one column.
        var rate = rule.EndsWith("delta", StringComparison.Ordinal) ? Wide(b.Unsqueeze(b.Transpose(node.Input(5), 0, 2, 1), 3)) : null;
        var past = node.TryInput(3);
        var state = past is not null ? Wide(past)
            : b.Filled(b.Concat([b.ShapeOf(node.Input(0), 0, 1), b.Ints(sharedHeads, depth, width)], 0), 0);
        var outputs = new List<Value>();
        for (var t = 0; t < steps; t++)
        {
            // A key as a column [N, h, K, 1], a value as a row [N, h, 1, V].
            var key = b.TransposeMatrix(At(k, t));
            var value = At(v, t);
            if (decay is not null)
                state *= b.TransposeMatrix(At(decay, t));
            if (rate is not null)
                value = At(rate, t) * (value - b.MatMul(At(k, t), state));
            state += b.MatMul(key, value);
            outputs.Add(b.MatMul(At(q, t), Heads.Repeat(b, state, sharedHeads, heads / sharedHeads)));
        }
        node.FinishWith(b.Cast(Heads.Merge(b, b.Concat(outputs, 2)), type), b.Cast(state, past?.Type ?? type));

        Value Wide(Value x) => b.Cast(x, ElementType.Float);

        Value At(Value x, int place) => steps == 1 ? x : b.Slice(x, 2, place, place + 1);
    }

    /// <summary>A depthwise convolution of [N, C, L] that looks back alone, over the end of an earlier piece or zeros (CausalConvWithState-27).</summary>
    private static void CausalConvolution(NodeUpgrade node)
    {
        var b = node.B;
        var (x, kernel) = (node.Input(0), node.Input(1));
        var channels = NodeUpgrade.Known(node.ShapeOf(1)[0], "the number of channels");
        var reach = NodeUpgrade.Known(node.ShapeOf(1)[2], "the length of the kernel") - 1;
        var whole = node.TryInput(3) is { } past ? b.Concat([past, x], 2) : b.Pad(x, b.Ints(0, 0, reach, 0, 0, 0));
        var y = b.Conv(whole, kernel, node.TryInput(2), Attributes.None.With("group", channels).With("kernel_shape", (long[])[reach + 1]));
        if (node.Attributes.String("activation", "none") is "silu" or "swish")
            y *= b.Sigmoid(y);
        // The last places, counted from the end; none at all for a kernel of one.
        node.FinishWith(y, !node.HasOutput(1) ? null : b.Slice(whole, 2, reach == 0 ? long.MaxValue : -reach, long.MaxValue));
    }

    /// <summary>
    /// Pairs (x₁, x₂) of the first elements of a head turned by the angle of their place (RotaryEmbedding-23): [N, H, L, D] or
    /// [N, L, H·D], tables [places, R/2] read at position_ids or [N, L, R/2] as they are.
    /// </summary>
    private static void RotaryEmbedding(NodeUpgrade node)
    {
        var (b, a) = (node.B, node.Attributes);
        var isPacked = node.ShapeOf(0).Rank == 3;
        var x = isPacked ? Heads.Split(b, node.Input(0), a.Int("num_heads")) : node.Input(0);
        var (cos, sin) = (node.Input(1), node.Input(2));
        if (node.TryInput(3) is { } places)
            (cos, sin) = (b.Gather(cos, places, 0), b.Gather(sin, places, 0));
        var y = Rotate(b, x, b.Unsqueeze(cos, 1), b.Unsqueeze(sin, 1), a.Int("rotary_embedding_dim"), a.Flag("interleaved"));
        node.FinishWith(isPacked ? Heads.Merge(b, y) : y);
    }

    /// <summary>Turns the pairs of [N, H, L, D] by angles [N, 1, L, R/2].</summary>
    public static Value Rotate(GraphBuilder b, Value x, Value cos, Value sin, long turned, bool areNeighbours)
    {
        var size = NodeUpgrade.Known(x.Shape![3], "the size of a head");
        turned = turned == 0 ? size : turned;
        var half = turned / 2;
        var (first, second) = areNeighbours
            ? (b.Slice(x, 3, 0, turned, 2), b.Slice(x, 3, 1, turned, 2))
            : (b.Slice(x, 3, 0, half), b.Slice(x, 3, half, turned));
        var real = first * cos - second * sin;
        var imaginary = first * sin + second * cos;
        var parts = areNeighbours
            ? [b.Reshape(b.Concat([b.Unsqueeze(real, 4), b.Unsqueeze(imaginary, 4)], 4), [0, 0, 0, turned])]
            : new List<Value> { real, imaginary };
        if (turned < size)
            parts.Add(b.Slice(x, 3, turned, size));
        return b.Concat(parts, 3);
    }

    /// <summary>New rows of a cache, written from each example's own place on (TensorScatter-24).</summary>
    private static void TensorScatter(NodeUpgrade node)
    {
        var b = node.B;
        var (cache, update) = (node.Input(0), node.Input(1));
        var axis = node.ShapeOf(0).Axis(node.Attributes.Int("axis", -2));
        var column = new long[update.Rank];
        Array.Fill(column, 1);
        column[axis] = -1;
        var places = b.Reshape(Extents.Count(b, Extents.Of(b, update, axis)), column);
        if (node.TryInput(2) is { } starts)
            places += b.Reshape(starts, [-1, .. Enumerable.Repeat(1L, update.Rank - 1)]);
        if (node.Attributes.String("mode", "linear") == "circular")
            places = b.Mod(places, Extents.Of(b, cache, axis));
        node.Finish("ScatterElements", [cache, b.Expand(places, b.ShapeOf(update)), update], Attributes.None.With("axis", (long)axis));
    }
}
