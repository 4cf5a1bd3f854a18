using OnnxPriors.Graphs;

namespace OnnxPriors.Normalization.Upgrades.Attention;

/// <summary>
/// Which keys a query may look at: conditions that must all hold, and numbers added to the scores. What is masked takes −∞ by selection,
/// never by multiplication, so that neither value nor gradient becomes NaN.
/// </summary>
/// <param name="b">The graph under construction.</param>
/// <param name="q">The queries [N, H, L, D].</param>
/// <param name="k">The keys [N, H, S, D].</param>
internal sealed class AttentionMask(GraphBuilder b, Value q, Value k)
{
    private Value? allowed;
    private Value? added;

    // Whether every row may look at something whatever the inputs.
    private bool isNeverEmpty = true;
    private Value? empty;

    /// <summary>
    /// Keeps a query at position p to the keys from p − left to p + right (−1: no bound). The first query's position is the number of
    /// cached keys, or follows from the number of keys that are no padding, or is 0.
    /// </summary>
    public void Window(Value? cached, Value? lengths, long left, long right)
    {
        var positions = b.Unsqueeze(Extents.Count(b, Extents.Of(b, q, 2)), 1);
        if (cached is not null)
            positions += cached;
        else if (lengths is not null)
            positions += b.Reshape(lengths, [-1, 1, 1, 1]) - Extents.Of(b, q, 2);
        // Without padding the key at a query's own position is there where there are as many keys as positions.
        isNeverEmpty &= lengths is null && left < 0;
        var keys = Extents.Count(b, Extents.Of(b, k, 2));
        if (right >= 0)
            Allow(b.LessOrEqual(keys, right > 0 ? positions + b.Scalar(right, ElementType.Int64) : positions));
        if (left >= 0)
            Allow(b.GreaterOrEqual(keys, positions - b.Scalar(left, ElementType.Int64)));
    }

    /// <summary>Hides the keys of an example after its length [N].</summary>
    public void Lengths(Value lengths)
    {
        isNeverEmpty = false;
        Allow(b.Less(Extents.Count(b, Extents.Of(b, k, 2)), b.Reshape(lengths, [-1, 1, 1, 1])));
    }

    /// <summary>Takes a mask that the file gives: true where a key may be looked at, or numbers to add; a shorter one hides the keys after it.</summary>
    public void Add(Value mask)
    {
        isNeverEmpty = false;
        var isCondition = mask.Type == ElementType.Bool;
        if (!isCondition)
            mask = b.Cast(mask, q.Type);
        var (given, keys) = (mask.Shape is { } s ? s[s.Rank - 1] : Dimension.Unknown, k.Shape![2]);
        if (given.IsStatic && keys.IsStatic && given != keys)
        {
            var pads = b.Ints([.. Enumerable.Repeat(0L, 2 * mask.Rank - 1), keys.Value!.Value - given.Value!.Value]);
            mask = isCondition
                ? b.Cast(b.Pad(b.Cast(mask, ElementType.Int32), pads), ElementType.Bool)
                : b.Pad(mask, pads, b.Scalar(double.NegativeInfinity, mask.Type));
        }
        if (isCondition)
            Allow(mask);
        else
            added = added is null ? mask : added + mask;
    }

    /// <summary>The scores with what is masked at −∞.</summary>
    public Value Apply(Value scores)
    {
        if (added is not null)
            scores += added;
        if (allowed is not null)
            scores = b.Where(allowed, scores, b.Scalar(double.NegativeInfinity, scores.Type));
        if (!isNeverEmpty)
        {
            var none = b.Scalar(double.NegativeInfinity, q.Type);
            var bias = added ?? b.Scalar(0, q.Type);
            empty = b.Equal(b.ReduceMax(allowed is null ? bias : b.Where(allowed, bias, none), [-1]), none);
        }
        return scores;
    }

    /// <summary>Masked scores that a softmax can take: zeros where a row is all masked.</summary>
    public Value Safe(Value masked) => empty is null ? masked : b.Where(empty, b.Scalar(0, masked.Type), masked);

    /// <summary>Shares with zeros where a row is all masked.</summary>
    public Value Clear(Value shares) => empty is null ? shares : b.Where(empty, b.Scalar(0, shares.Type), shares);

    private void Allow(Value condition) => allowed = allowed is null ? condition : b.And(allowed, condition);
}
