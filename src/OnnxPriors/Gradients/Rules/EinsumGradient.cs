using OnnxPriors.Graphs;

namespace OnnxPriors.Gradients.Rules;

/// <summary>
/// Einsum (Einstein summation, as in NumPy). The gradient for one term is the sum of the products of dY with the other terms, over the labels the term
/// lacks; labels only that term has were summed and are repeated, and a label it has twice took the diagonal.
/// </summary>
internal static class EinsumGradient
{
    // Einsum of the specification has letters alone as labels; the axes an ellipsis hides get ones that are free.
    private const string Letters = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz";

    public static void Rule(GradientCall c)
    {
        var equation = c.Attributes.String("equation").Replace(" ", "", StringComparison.Ordinal);
        var sides = equation.Split("->");
        var terms = sides[0].Split(',');
        var free = string.Concat(Letters.Where(l => !equation.Contains(l, StringComparison.Ordinal)));
        var hidden = terms.Select((t, i) => t.Contains("...", StringComparison.Ordinal) ? c.X(i).Rank - (t.Length - 3) : 0).ToArray();
        var most = hidden.Max();
        string Spell(string term, int axes) => term.Replace("...", free.Substring(most - axes, axes), StringComparison.Ordinal);
        var result = sides.Length > 1 ? Spell(sides[1], most)
            : free[..most] + string.Concat(sides[0].Where(char.IsLetter).GroupBy(l => l).Where(g => g.Count() == 1).Select(g => g.Key).Order());
        string[] labels = [.. terms.Select((t, i) => Spell(t, hidden[i]))];
        for (var i = 0; i < labels.Length; i++)
        {
            var term = i;
            c.Give(term, () => For(c, labels, term, result));
        }
    }

    private static Value For(GradientCall c, string[] labels, int term, string result)
    {
        var others = Enumerable.Range(0, labels.Length).Where(i => i != term).ToArray();
        // Labels that only this term has are absent from the product, and those of extent 1 that broadcast against others come back too large.
        var elsewhere = result + string.Concat(others.Select(i => labels[i]));
        var kept = string.Concat(labels[term].Distinct().Where(l => elsewhere.Contains(l, StringComparison.Ordinal)));
        var product = c.B.Einsum($"{string.Join(',', others.Select(i => labels[i]).Prepend(result))}->{kept}", [c.Dy(), .. others.Select(i => c.X(i))]);
        var x = c.X(term);
        var own = labels[term];
        // A label's second axis repeats the first and counts on the diagonal alone.
        bool IsAgain(int axis) => own.IndexOf(own[axis], StringComparison.Ordinal) < axis;
        long[] lost = [.. Enumerable.Range(0, own.Length).Where(i => IsAgain(i) || !kept.Contains(own[i], StringComparison.Ordinal)).Select(i => (long)i)];
        if (lost.Length == 0)
            return product;
        var spread = c.B.ExpandLike(c.B.Unsqueeze(product, lost), x);
        foreach (var axis in Enumerable.Range(0, own.Length).Where(IsAgain))
            spread *= c.B.Mask(c.B.Equal(Along(c.B, x, axis), Along(c.B, x, own.IndexOf(own[axis], StringComparison.Ordinal))), x);
        return spread;
    }

    // 0, 1, … along one axis of a value.
    private static Value Along(GraphBuilder b, Value x, int axis)
    {
        var numbers = b.Range(b.Scalar(0, ElementType.Int64), b.Squeeze(b.Extent(x, axis), 0), b.Scalar(1, ElementType.Int64));
        return b.Reshape(numbers, [.. Enumerable.Range(0, x.Rank).Select(i => i == axis ? -1L : 1)]);
    }
}
