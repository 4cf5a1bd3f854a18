using System.Text.Json.Serialization;
using OnnxPriors.Runtime.Evaluation;

namespace OnnxPriors.Runtime.Training;

/// <summary>Where training is after a step.</summary>
/// <param name="Epoch">The epoch, from 1.</param>
/// <param name="Epochs">All epochs.</param>
/// <param name="Step">The steps made.</param>
/// <param name="Steps">All steps.</param>
/// <param name="Loss">The mean cross-entropy over the step's examples, in nats.</param>
/// <param name="LearningRate">The learning rate.</param>
/// <param name="PriorEnergy">−log p(θ) up to a constant, in nats, before the step.</param>
/// <param name="GradientNorm">The norm of the data gradient before clipping.</param>
/// <param name="IsSampling">Whether the step had the sampler's noise.</param>
/// <param name="ExamplesPerSecond">The throughput since this process began to train.</param>
/// <param name="Remaining">The time that remains at that throughput.</param>
public readonly record struct TrainingProgress(
    int Epoch, int Epochs, long Step, long Steps, double Loss, double LearningRate, double PriorEnergy, double GradientNorm,
    bool IsSampling, double ExamplesPerSecond, TimeSpan Remaining);

/// <summary>What an epoch came to; a line of <c>metrics.jsonl</c>.</summary>
public sealed record EpochMetrics
{
    /// <summary>The epoch, from 1.</summary>
    public required int Epoch { get; init; }

    /// <summary>The steps made so far.</summary>
    public required long Step { get; init; }

    /// <summary>The learning rate of the epoch's last step.</summary>
    public required double LearningRate { get; init; }

    /// <summary>The mean of the objective over the training examples as they were trained on, in nats: cross-entropy, or the task's own.</summary>
    public required double TrainLoss { get; init; }

    /// <summary>The share of the training examples (of the counted pixels or labels, where a task has them) that was right as they were trained on; null for regression.</summary>
    public required double? TrainAccuracy { get; init; }

    /// <summary>½(Σ aδ² − ‖Bᵀδ‖²) after the epoch, summed in float64; null without a prior.</summary>
    public double? PriorEnergy { get; init; }

    /// <summary>How the state after the epoch does on the validation data; null without any.</summary>
    public ValidationMetrics? Validation { get; init; }

    /// <summary>What is learned of the prior's scale; null where it is given.</summary>
    public LearnedScale? Scale { get; init; }

    /// <summary>Whether it is the best so far.</summary>
    public bool IsBest { get; init; }

    /// <summary>The samples collected so far.</summary>
    public int Samples { get; init; }

    /// <summary>The time trained so far, in seconds.</summary>
    public required double Seconds { get; init; }
}

/// <summary>How a state does on the validation data; the fields are <see cref="EvaluationResult"/>'s.</summary>
/// <param name="Accuracy">The share that is right.</param>
/// <param name="Nll">The mean negative log-likelihood, in nats.</param>
/// <param name="Ece">The expected calibration error.</param>
/// <param name="Brier">The Brier score.</param>
/// <param name="Examples">The number of examples.</param>
public sealed record ValidationMetrics(double? Accuracy, double Nll, double? Ece, double? Brier, int Examples)
{
    /// <summary>The mean intersection over union of a segmentation; null for other tasks.</summary>
    public double? MeanIou { get; init; }

    /// <summary>The root mean squared error of a regression; null for other tasks.</summary>
    public double? Rmse { get; init; }
}

/// <summary>What a run came to.</summary>
public sealed record TrainingResult
{
    /// <summary>The steps made.</summary>
    public required long Steps { get; init; }

    /// <summary>Each epoch's metrics, those of earlier processes included.</summary>
    public required IReadOnlyList<EpochMetrics> Epochs { get; init; }

    /// <summary>The best epoch, from 1; 0 without validation data.</summary>
    public required int BestEpoch { get; init; }

    /// <summary>The samples collected.</summary>
    public required int Samples { get; init; }

    /// <summary>The time trained, in seconds.</summary>
    public required double Seconds { get; init; }
}

[JsonSourceGenerationOptions(PropertyNamingPolicy = JsonKnownNamingPolicy.CamelCase, DefaultIgnoreCondition = JsonIgnoreCondition.WhenWritingNull)]
[JsonSerializable(typeof(EpochMetrics))]
[JsonSerializable(typeof(LearnedScale))]
internal sealed partial class MetricsJson : JsonSerializerContext;
