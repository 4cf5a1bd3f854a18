namespace OnnxPriors.Runtime.Evaluation;

/// <summary>
/// How well a score tells examples of the model's task from others (Hendrycks and Gimpel, 'A baseline for detecting misclassified and
/// out-of-distribution examples', ICLR 2017).
/// </summary>
/// <param name="MaxProbability">The AUROC of the largest probability, 0 … 1; ½ is chance.</param>
/// <param name="Entropy">The AUROC of the predictive entropy, its sign turned.</param>
public sealed record Detection(double MaxProbability, double Entropy)
{
    /// <summary>Measures both scores.</summary>
    /// <param name="inside">What the model said of its own task's examples; at least one.</param>
    /// <param name="outside">What it said of others; at least one.</param>
    /// <exception cref="EvaluationException">One of them is empty.</exception>
    public static Detection Of(IReadOnlyList<Prediction> inside, IReadOnlyList<Prediction> outside) => new(
        Auroc([.. inside.Select(one => one.Confidence)], [.. outside.Select(one => one.Confidence)]),
        Auroc([.. inside.Select(one => -one.Entropy)], [.. outside.Select(one => -one.Entropy)]));

    /// <summary>
    /// The area under the ROC curve: the probability that a positive example's score is above a negative one's, an equal one counting
    /// half (Mann and Whitney 1947), by ranks.
    /// </summary>
    /// <param name="positive">The positive examples' scores.</param>
    /// <param name="negative">The negative examples' scores.</param>
    /// <exception cref="EvaluationException">One of them is empty, or a score is not a number.</exception>
    public static double Auroc(IReadOnlyList<double> positive, IReadOnlyList<double> negative)
    {
        ArgumentNullException.ThrowIfNull(positive);
        ArgumentNullException.ThrowIfNull(negative);
        if (positive.Count == 0 || negative.Count == 0)
            throw new EvaluationException("Telling examples from others needs some of both; check the data and its split.");
        if (positive.Concat(negative).Any(double.IsNaN))
            throw new EvaluationException("A score is not a number; the weights have diverged.");
        var all = positive.Select(score => (Score: score, IsPositive: true)).Concat(negative.Select(score => (Score: score, IsPositive: false)))
            .OrderBy(one => one.Score).ToArray();
        var ranks = 0.0;
        for (var first = 0; first < all.Length;)
        {
            var end = first + 1;
            while (end < all.Length && all[end].Score == all[first].Score)
                end++;
            // Ranks count from 1; equals share the mean of theirs.
            var rank = (first + 1 + end) / 2.0;
            for (; first < end; first++)
                if (all[first].IsPositive)
                    ranks += rank;
        }
        var count = (double)positive.Count;
        return (ranks - (count * (count + 1) / 2)) / (count * negative.Count);
    }
}
