namespace OnnxPriors.Runtime.Evaluation;

/// <summary>
/// Predictions by falling confidence. Among equals no order is better than another, so each counts as right by the share of them that is:
/// what follows does not depend on the order in which the examples came.
/// </summary>
internal sealed class RankedPredictions
{
    /// <summary>Sorts predictions.</summary>
    /// <param name="predictions">The predictions; at least one.</param>
    /// <exception cref="EvaluationException">There is none.</exception>
    public RankedPredictions(IReadOnlyList<Prediction> predictions)
    {
        ArgumentNullException.ThrowIfNull(predictions);
        if (predictions.Count == 0)
            throw new EvaluationException("There is no example to evaluate on; check the data and its split.");
        var sorted = predictions.OrderByDescending(one => one.Confidence).ToArray();
        Confidence = [.. sorted.Select(one => one.Confidence)];
        Right = new double[sorted.Length];
        for (var first = 0; first < sorted.Length;)
        {
            var end = first + 1;
            while (end < sorted.Length && sorted[end].Confidence == sorted[first].Confidence)
                end++;
            Right.AsSpan(first, end - first).Fill((double)sorted.AsSpan(first, end - first).ToArray().Count(one => one.IsRight) / (end - first));
            first = end;
        }
    }

    /// <summary>The confidences, falling.</summary>
    public double[] Confidence { get; }

    /// <summary>How far each is right: 0 or 1, or between where several have its confidence.</summary>
    public double[] Right { get; }
}
