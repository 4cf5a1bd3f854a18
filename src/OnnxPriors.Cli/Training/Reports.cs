using OnnxPriors.Runtime.Evaluation;
using OnnxPriors.Runtime.Training;

namespace OnnxPriors.Cli.Training;

/// <summary>What <c>evaluate --json</c> prints.</summary>
/// <param name="Accuracy">The share that is right, 0 … 1.</param>
/// <param name="Nll">The mean negative log-likelihood, in nats.</param>
/// <param name="Ece">The expected calibration error over 15 bins.</param>
/// <param name="Brier">The Brier score, 0 … 2.</param>
/// <param name="Examples">The number of examples.</param>
/// <param name="Samples">The number of states averaged.</param>
/// <param name="Part">Which part of the data was measured.</param>
/// <param name="Bins">The reliability diagram.</param>
internal sealed record EvaluationReport(
    double? Accuracy, double Nll, double? Ece, double? Brier, int Examples, int Samples, string Part, IReadOnlyList<ReliabilityBin> Bins)
{
    /// <summary>The measures of a segmentation.</summary>
    public SegmentationMeasures? Segmentation { get; init; }

    /// <summary>The measures of multi-label predictions.</summary>
    public MultiLabelMeasures? MultiLabel { get; init; }

    /// <summary>The measures of a regression.</summary>
    public RegressionMeasures? Regression { get; init; }

    public static EvaluationReport Of(EvaluationResult result, string part) =>
        new(Known(result.Accuracy), result.Nll, Known(result.Ece), Known(result.Brier), result.Examples, result.Samples, part, result.Bins)
        {
            Segmentation = result.Segmentation,
            MultiLabel = result.MultiLabel,
            Regression = result.Regression,
        };

    // JSON has no word for what is not a number.
    private static double? Known(double measure) => double.IsNaN(measure) ? null : measure;
}

/// <summary>What <c>export --json</c> prints.</summary>
/// <param name="Path">The model.</param>
/// <param name="Samples">The states in it.</param>
/// <param name="MaxAbsDifference">The largest difference of a probability from the run's own.</param>
/// <param name="Examples">The examples compared.</param>
/// <param name="Compared">What they were: <c>data</c> or <c>random</c>.</param>
internal sealed record ExportReport(string Path, int Samples, double MaxAbsDifference, int Examples, string Compared);

/// <summary>What <c>train --json</c> prints at the end.</summary>
/// <param name="Run">The run's folder.</param>
/// <param name="Steps">The steps made.</param>
/// <param name="BestEpoch">The best epoch, from 1; 0 without validation data.</param>
/// <param name="Samples">The samples collected.</param>
/// <param name="Seconds">The time trained.</param>
/// <param name="TrainExamples">The examples trained on.</param>
/// <param name="ValidationExamples">The examples validated on.</param>
/// <param name="Epochs">Each epoch's metrics.</param>
internal sealed record TrainingReport(
    string Run, long Steps, int BestEpoch, int Samples, double Seconds, int TrainExamples, int ValidationExamples, IReadOnlyList<EpochMetrics> Epochs);
