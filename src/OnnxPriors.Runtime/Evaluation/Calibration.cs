using System.Numerics.Tensors;

namespace OnnxPriors.Runtime.Evaluation;

/// <summary>How good a model's class probabilities are.</summary>
public sealed record EvaluationResult
{
    /// <summary>The share of examples whose most probable class is the label, 0 … 1.</summary>
    public required double Accuracy { get; init; }

    /// <summary>The mean of −ln p(label), in nats.</summary>
    public required double Nll { get; init; }

    /// <summary>
    /// The expected calibration error over 15 bins of equal width of the largest probability (Guo, Pleiss, Sun and Weinberger,
    /// 'On calibration of modern neural networks', ICML 2017, equation 3), 0 … 1.
    /// </summary>
    public required double Ece { get; init; }

    /// <summary>The mean of Σ (p − y)² over the classes (Brier 1950), 0 … 2.</summary>
    public required double Brier { get; init; }

    /// <summary>The number of examples.</summary>
    public required int Examples { get; init; }

    /// <summary>The number of states whose probabilities were averaged.</summary>
    public required int Samples { get; init; }

    /// <summary>The bins of the reliability diagram, by rising confidence; none for regression.</summary>
    public required IReadOnlyList<ReliabilityBin> Bins { get; init; }

    /// <summary>The measures of a segmentation, whose accuracy, NLL, ECE and Brier score are those of its counted pixels; null for other tasks.</summary>
    public SegmentationMeasures? Segmentation { get; init; }

    /// <summary>The measures of multi-label predictions, whose accuracy, ECE and Brier score are those of single labels; null for other tasks.</summary>
    public MultiLabelMeasures? MultiLabel { get; init; }

    /// <summary>The measures of a regression, which has no accuracy, ECE and Brier score (not a number); null for other tasks.</summary>
    public RegressionMeasures? Regression { get; init; }

    /// <summary>What each example's prediction was, in the order of the data: what adaptive bins, risk-coverage and detection are made of.</summary>
    public IReadOnlyList<Prediction> Predictions { get; init; } = [];
}

/// <summary>The examples whose largest probability lies in (Low, High].</summary>
/// <param name="Low">The bin's lower end.</param>
/// <param name="High">The bin's upper end.</param>
/// <param name="Count">The examples in it.</param>
/// <param name="Confidence">Their mean largest probability; 0 for an empty bin.</param>
/// <param name="Accuracy">The share of them that is right; 0 for an empty bin.</param>
public sealed record ReliabilityBin(double Low, double High, int Count, double Confidence, double Accuracy);

/// <summary>Sums up predictions as they come; of an example it keeps three numbers.</summary>
/// <param name="keepsPredictions">Whether what each prediction was is kept as well.</param>
public sealed class Calibration(bool keepsPredictions = true)
{
    /// <summary>The bins of the reliability diagram.</summary>
    public const int BinCount = 15;

    private readonly int[] binCounts = new int[BinCount];
    private readonly int[] binRight = new int[BinCount];
    private readonly double[] binConfidence = new double[BinCount];
    private readonly List<Prediction> predictions = [];
    private double logLikelihood, brier;
    private int examples, right;

    /// <summary>Takes one example.</summary>
    /// <param name="probabilities">The classes' probabilities [C]; they sum to 1.</param>
    /// <param name="logProbability">ln p of the label, which stays exact where p itself is too small for a number.</param>
    /// <param name="label">The label, 0 … C − 1.</param>
    public void Add(ReadOnlySpan<double> probabilities, double logProbability, int label)
    {
        var best = TensorPrimitives.IndexOfMax(probabilities);
        var confidence = probabilities[best];
        var isRight = best == label;
        examples++;
        right += isRight ? 1 : 0;
        logLikelihood += logProbability;
        brier += TensorPrimitives.SumOfSquares(probabilities) - (2 * probabilities[label]) + 1;
        var bin = Math.Clamp((int)Math.Ceiling(confidence * BinCount) - 1, 0, BinCount - 1);
        binCounts[bin]++;
        binRight[bin] += isRight ? 1 : 0;
        binConfidence[bin] += confidence;
        if (keepsPredictions)
            predictions.Add(new Prediction(confidence, Prediction.EntropyOf(probabilities), isRight));
    }

    /// <summary>What came out.</summary>
    /// <param name="samples">The number of states whose probabilities were averaged.</param>
    /// <exception cref="EvaluationException">There was no example.</exception>
    public EvaluationResult Result(int samples)
    {
        if (examples == 0)
            throw new EvaluationException("There is no example to evaluate on; check the data and its split.");
        var bins = new ReliabilityBin[BinCount];
        var error = 0.0;
        for (var i = 0; i < BinCount; i++)
        {
            var count = Math.Max(binCounts[i], 1);
            bins[i] = new ReliabilityBin((double)i / BinCount, (i + 1.0) / BinCount, binCounts[i], binConfidence[i] / count, (double)binRight[i] / count);
            error += Math.Abs(binConfidence[i] - binRight[i]) / examples;
        }
        return new EvaluationResult
        {
            Accuracy = (double)right / examples,
            Nll = -logLikelihood / examples,
            Ece = error,
            Brier = brier / examples,
            Examples = examples,
            Samples = samples,
            Bins = bins,
            Predictions = predictions,
        };
    }
}
