using OnnxPriors.Runtime.Evaluation;

namespace OnnxPriors.Cli.Training;

/// <summary>What <c>evaluate --json</c> prints.</summary>
/// <param name="Accuracy">The share that is right, 0 … 1.</param>
/// <param name="Nll">The mean negative log-likelihood, in nats.</param>
/// <param name="Ece">The expected calibration error over 15 bins of equal width.</param>
/// <param name="Brier">The Brier score, 0 … 2.</param>
/// <param name="Examples">The number of examples.</param>
/// <param name="Samples">The number of states averaged.</param>
/// <param name="Part">Which part of the data was measured.</param>
/// <param name="Bins">The reliability diagram.</param>
internal sealed record EvaluationReport(
    double? Accuracy, double Nll, double? Ece, double? Brier, int Examples, int Samples, string Part, IReadOnlyList<ReliabilityBin> Bins)
{
    // Enough for a curve to look smooth, few enough to read.
    private const int CurvePoints = 100;

    /// <summary>The expected calibration error over 15 bins of equal mass.</summary>
    public double AdaptiveEce { get; init; }

    /// <summary>The area under the risk-coverage curve.</summary>
    public double Aurc { get; init; }

    /// <summary>The reliability diagram over bins of equal mass.</summary>
    public IReadOnlyList<ReliabilityBin> AdaptiveBins { get; init; } = [];

    /// <summary>The risk-coverage curve, thinned to a hundred points.</summary>
    public IReadOnlyList<RiskPoint> RiskCoverage { get; init; } = [];

    /// <summary>How well the model's scores tell the data from other data, where any was given.</summary>
    public OodReport? Ood { get; init; }

    /// <summary>What the same examples come to when they are corrupted, where that was asked for.</summary>
    public IReadOnlyList<CorruptionReport>? Corruptions { get; init; }

    /// <summary>The measures of a segmentation.</summary>
    public SegmentationMeasures? Segmentation { get; init; }

    /// <summary>The measures of multi-label predictions.</summary>
    public MultiLabelMeasures? MultiLabel { get; init; }

    /// <summary>The measures of a regression.</summary>
    public RegressionMeasures? Regression { get; init; }

    public static EvaluationReport Of(EvaluationResult result, string part)
    {
        // Pixels, labels and numbers keep no prediction each.
        if (result.Predictions.Count == 0)
            return new(Known(result.Accuracy), result.Nll, Known(result.Ece), Known(result.Brier), result.Examples, result.Samples, part, result.Bins)
            {
                Segmentation = result.Segmentation,
                MultiLabel = result.MultiLabel,
                Regression = result.Regression,
            };
        var curve = Runtime.Evaluation.RiskCoverage.Of(result.Predictions);
        return new(Known(result.Accuracy), result.Nll, Known(result.Ece), Known(result.Brier), result.Examples, result.Samples, part, result.Bins)
        {
            AdaptiveEce = AdaptiveCalibration.Error(result.Predictions),
            Aurc = curve.Area,
            AdaptiveBins = AdaptiveCalibration.Bins(result.Predictions),
            RiskCoverage = curve.Thinned(CurvePoints),
        };
    }

    // JSON has no word for what is not a number.
    private static double? Known(double measure) => double.IsNaN(measure) ? null : measure;
}

/// <summary>Out-of-distribution detection.</summary>
/// <param name="Data">The other data.</param>
/// <param name="Examples">How many examples of it.</param>
/// <param name="AurocMaxProbability">The AUROC of the largest probability, 0 … 1; ½ is chance.</param>
/// <param name="AurocEntropy">The AUROC of the predictive entropy.</param>
internal sealed record OodReport(string Data, int Examples, double AurocMaxProbability, double AurocEntropy);

/// <summary>What corrupted examples come to.</summary>
/// <param name="Name">The kind.</param>
/// <param name="Strength">1 to 5.</param>
/// <param name="Accuracy">The share that is right, 0 … 1.</param>
/// <param name="Nll">The mean negative log-likelihood, in nats.</param>
/// <param name="Brier">The Brier score, 0 … 2.</param>
/// <param name="Ece">The expected calibration error over 15 bins of equal width.</param>
internal sealed record CorruptionReport(string Name, int Strength, double Accuracy, double Nll, double Brier, double Ece);
