using OnnxPriors.Runtime.Training;

namespace OnnxPriors.Cli.Training;

/// <summary>What <c>export --json</c> prints.</summary>
/// <param name="Path">The model.</param>
/// <param name="Samples">The states in it.</param>
/// <param name="MaxAbsDifference">The largest difference of a probability from the run's own.</param>
/// <param name="Examples">The examples compared.</param>
/// <param name="Compared">What they were: <c>data</c> or <c>random</c>.</param>
/// <param name="Divergence">Of a distilled model: the mean divergence of its probabilities from the average's, in nats.</param>
/// <param name="Agreement">Of a distilled model: the share of examples on which it names the class that the average names.</param>
internal sealed record ExportReport(
    string Path, int Samples, double MaxAbsDifference, int Examples, string Compared, double? Divergence = null, double? Agreement = null);

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
    string Run, long Steps, int BestEpoch, int Samples, double Seconds, int TrainExamples, int ValidationExamples, IReadOnlyList<EpochMetrics> Epochs)
{
    /// <summary>What was learned of the prior's scale; null where it was given.</summary>
    public LearnedScale? Scale => Epochs.Count > 0 ? Epochs[^1].Scale : null;
}
