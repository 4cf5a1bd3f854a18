namespace OnnxPriors.Runtime.Evaluation;

/// <summary>
/// Calibration over bins of equal mass (Nguyen and O'Connor, 'Posterior calibration and exploratory analysis for natural language
/// processing models', EMNLP 2015): as many examples in each, so that bins stand where the confidences are.
/// </summary>
public static class AdaptiveCalibration
{
    /// <summary>The reliability diagram over bins of equal mass, by rising confidence; a bin's ends are its least and its largest confidence.</summary>
    /// <param name="predictions">The predictions, N of them; at least one.</param>
    /// <param name="bins">The number of bins; with fewer examples there are as many as examples. Bin b begins at example ⌊N b / bins⌋.</param>
    /// <exception cref="EvaluationException">There is no prediction.</exception>
    public static IReadOnlyList<ReliabilityBin> Bins(IReadOnlyList<Prediction> predictions, int bins = Calibration.BinCount)
    {
        ArgumentOutOfRangeException.ThrowIfLessThan(bins, 1);
        var ranked = new RankedPredictions(predictions);
        var (confidence, right) = (ranked.Confidence.Reverse().ToArray(), ranked.Right.Reverse().ToArray());
        bins = Math.Min(bins, confidence.Length);
        return [.. Enumerable.Range(0, bins).Select(bin =>
        {
            var (first, end) = ((int)((long)confidence.Length * bin / bins), (int)((long)confidence.Length * (bin + 1) / bins));
            return new ReliabilityBin(confidence[first], confidence[end - 1], end - first, confidence[first..end].Average(), right[first..end].Average());
        })];
    }

    /// <summary>The expected calibration error over these bins: Σ count · |accuracy − confidence| / N, 0 … 1.</summary>
    /// <param name="predictions">The predictions; at least one.</param>
    /// <param name="bins">The number of bins.</param>
    /// <exception cref="EvaluationException">There is no prediction.</exception>
    public static double Error(IReadOnlyList<Prediction> predictions, int bins = Calibration.BinCount) =>
        Bins(predictions, bins).Sum(bin => bin.Count * Math.Abs(bin.Accuracy - bin.Confidence)) / predictions.Count;
}
