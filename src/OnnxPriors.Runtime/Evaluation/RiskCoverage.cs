namespace OnnxPriors.Runtime.Evaluation;

/// <summary>A point of a risk-coverage curve.</summary>
/// <param name="Coverage">The share of examples that is answered, the most confident ones, above 0 and up to 1.</param>
/// <param name="Risk">The share of those that is wrong, 0 … 1.</param>
public readonly record struct RiskPoint(double Coverage, double Risk);

/// <summary>
/// Selective prediction by confidence (El-Yaniv and Wiener, JMLR 2010; Geifman and El-Yaniv, NeurIPS 2017): what share is wrong where the
/// model answers only its most confident examples.
/// </summary>
/// <param name="Points">The risk at each coverage 1/N, 2/N … 1.</param>
/// <param name="Area">The area under the curve, AURC: the mean of the risks, 0 … 1; smaller is better.</param>
public sealed record RiskCoverage(IReadOnlyList<RiskPoint> Points, double Area)
{
    /// <summary>The curve of predictions.</summary>
    /// <param name="predictions">The predictions; at least one.</param>
    /// <exception cref="EvaluationException">There is no prediction.</exception>
    public static RiskCoverage Of(IReadOnlyList<Prediction> predictions)
    {
        var ranked = new RankedPredictions(predictions);
        var points = new RiskPoint[ranked.Right.Length];
        var wrong = 0.0;
        for (var i = 0; i < points.Length; i++)
        {
            wrong += 1 - ranked.Right[i];
            points[i] = new RiskPoint((i + 1.0) / points.Length, wrong / (i + 1));
        }
        return new RiskCoverage(points, points.Average(point => point.Risk));
    }

    /// <summary>About as many of the points as are asked for, evenly spread, the last among them.</summary>
    /// <param name="count">How many; at least 1.</param>
    public IReadOnlyList<RiskPoint> Thinned(int count)
    {
        ArgumentOutOfRangeException.ThrowIfLessThan(count, 1);
        return Points.Count <= count ? Points : [.. Enumerable.Range(1, count).Select(i => Points[(int)((long)Points.Count * i / count) - 1])];
    }
}
