using OnnxPriors.Runtime.Evaluation;
using OnnxPriors.Runtime.Training;

namespace OnnxPriors.Cli.Experiments.Running;

/// <summary>What a trial came to; its file in <c>trials/</c>.</summary>
internal sealed record TrialResult
{
    /// <summary>What it depends on.</summary>
    public required TrialSettings Settings { get; init; }

    /// <summary>How it does on the validation data; null where it diverged.</summary>
    public ValidationMetrics? Validation { get; init; }

    /// <summary>The epoch whose state it is, from 1; 0 for the last.</summary>
    public int BestEpoch { get; init; }

    /// <summary>How it does on the test data, where it is final and did not diverge.</summary>
    public TestMetrics? Test { get; init; }

    /// <summary>The head it ended with, base64 of float32 by tensor, where others start from it.</summary>
    public IReadOnlyDictionary<string, byte[]>? Head { get; init; }
}

/// <summary>How a state, or an average over samples, does on the test data.</summary>
/// <param name="Accuracy">The share that is right, 0 … 1.</param>
/// <param name="Nll">The mean negative log-likelihood, in nats.</param>
/// <param name="Brier">The Brier score, 0 … 2.</param>
/// <param name="Ece">The expected calibration error over 15 bins of equal width.</param>
/// <param name="AdaptiveEce">The same over bins of equal mass.</param>
/// <param name="Aurc">The area under the risk-coverage curve.</param>
/// <param name="Examples">The number of examples.</param>
/// <param name="Samples">The states averaged.</param>
/// <param name="Bins">The reliability diagram.</param>
internal sealed record TestMetrics(
    double Accuracy, double Nll, double Brier, double Ece, double AdaptiveEce, double Aurc, int Examples, int Samples, IReadOnlyList<ReliabilityBin> Bins)
{
    /// <summary>Takes what was measured.</summary>
    public static TestMetrics Of(EvaluationResult result) => new(
        result.Accuracy, result.Nll, result.Brier, result.Ece, AdaptiveCalibration.Error(result.Predictions), RiskCoverage.Of(result.Predictions).Area,
        result.Examples, result.Samples, result.Bins);
}
