namespace OnnxPriors.Runtime.Evaluation;

/// <summary>How well a segmentation's classes lie on the true ones.</summary>
public sealed record SegmentationMeasures
{
    /// <summary>The mean over classes of intersection over union, 0 … 1; classes that neither truth nor prediction has are left out.</summary>
    public required double MeanIou { get; init; }

    /// <summary>The mean over the classes of the truth of the share of their pixels that is right, 0 … 1.</summary>
    public required double MeanClassAccuracy { get; init; }

    /// <summary>The counted pixels.</summary>
    public required long Pixels { get; init; }

    /// <summary>Each class.</summary>
    public required IReadOnlyList<ClassOverlap> Classes { get; init; }
}

/// <summary>One class of a segmentation.</summary>
/// <param name="Iou">TP/(TP + FP + FN) over all pictures together (the Jaccard index, as PASCAL VOC counts it), 0 … 1; null where neither truth nor prediction has the class.</param>
/// <param name="Truth">Its pixels in the truth.</param>
/// <param name="Predicted">The pixels taken for it.</param>
public sealed record ClassOverlap(double? Iou, long Truth, long Predicted);

/// <summary>How often each true class was taken for each other one.</summary>
/// <param name="classes">The number of classes C.</param>
public sealed class ConfusionMatrix(int classes)
{
    private readonly long[] counts = new long[classes * classes];

    /// <summary>The times a class was taken for another.</summary>
    /// <param name="truth">The true class.</param>
    /// <param name="predicted">What it was taken for.</param>
    public long this[int truth, int predicted] => counts[truth * classes + predicted];

    /// <summary>Counts one pixel.</summary>
    /// <param name="truth">Its true class.</param>
    /// <param name="predicted">What it was taken for.</param>
    public void Add(int truth, int predicted) => counts[truth * classes + predicted]++;

    /// <summary>The measures of all that was counted.</summary>
    public SegmentationMeasures Measures()
    {
        var all = Enumerable.Range(0, classes).Select(c =>
        {
            var truth = Enumerable.Range(0, classes).Sum(p => this[c, p]);
            var predicted = Enumerable.Range(0, classes).Sum(t => this[t, c]);
            var union = truth + predicted - this[c, c];
            return new ClassOverlap(union == 0 ? null : (double)this[c, c] / union, truth, predicted);
        }).ToArray();
        return new()
        {
            MeanIou = all.Average(c => c.Iou) ?? 0,
            MeanClassAccuracy = all.Select((c, i) => c.Truth == 0 ? (double?)null : (double)this[i, i] / c.Truth).Average() ?? 0,
            Pixels = counts.Sum(),
            Classes = all,
        };
    }
}
