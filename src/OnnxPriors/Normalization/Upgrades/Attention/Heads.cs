using OnnxPriors.Graphs;

namespace OnnxPriors.Normalization.Upgrades.Attention;

/// <summary>Tensors of attention, whose heads lie side by side in the last axis or have an axis of their own.</summary>
internal static class Heads
{
    /// <summary>[N, L, H·D] → [N, H, L, D].</summary>
    public static Value Split(GraphBuilder b, Value x, long heads) => b.Transpose(b.Reshape(x, [0, 0, heads, -1]), 0, 2, 1, 3);

    /// <summary>[N, H, L, D] → [N, L, H·D].</summary>
    public static Value Merge(GraphBuilder b, Value x)
    {
        // The width is written out where it is known: −1 has to stay free for the batch or the length.
        var width = x.Shape is { Rank: 4 } s && (s[1] * s[3]).Value is { } n ? n : -1;
        return b.Reshape(b.Transpose(x, 0, 2, 1, 3), [0, 0, width]);
    }

    /// <summary>Each head as often in a row as there are groups: [N, H, L, D] → [N, H·groups, L, D].</summary>
    public static Value Repeat(GraphBuilder b, Value x, long heads, long groups)
    {
        if (groups == 1)
            return x;
        var spread = b.Expand(b.Unsqueeze(x, 2), b.Ints(1, 1, groups, 1, 1));
        return b.Reshape(spread, b.Concat([b.ShapeOf(x, 0, 1), b.Ints(heads * groups), b.ShapeOf(x, 2, 4)], 0));
    }
}
