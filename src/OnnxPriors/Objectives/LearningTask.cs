using System.Text.Json.Serialization;

namespace OnnxPriors.Objectives;

/// <summary>What a model is trained to say of an example.</summary>
public enum LearningTask
{
    /// <summary>One class of C: labels int64 [batch], softmax, <see cref="CrossEntropy"/>.</summary>
    Classification,

    /// <summary>One class of C for each pixel: labels int64 [batch, H, W], softmax over the channels, <see cref="PixelCrossEntropy"/>.</summary>
    Segmentation,

    /// <summary>Each of C labels, yes or no: labels float [batch, C], sigmoid, <see cref="BinaryCrossEntropy"/>.</summary>
    MultiLabel,

    /// <summary>D numbers: labels float [batch, D], the outputs are means, <see cref="GaussianLikelihood"/>.</summary>
    Regression,
}

/// <summary>
/// Task and objective as one choice, as manifests write it and exported models carry it: a task's labels, its objective, its predictive
/// distribution and its measures go together, and cannot be mixed.
/// </summary>
public sealed record TaskChoice
{
    /// <summary>One class for each example.</summary>
    public static TaskChoice Classification { get; } = new();

    /// <summary><c>classification</c>, <c>segmentation</c>, <c>multilabel</c> or <c>regression</c>.</summary>
    [JsonRequired]
    public string Name { get; init; } = "classification";

    /// <summary>Segmentation: the label of pixels that do not count; null for other tasks.</summary>
    public long? IgnoreIndex { get; init; }

    /// <summary>Segmentation: the weight of each class's pixels in the loss, C values of 0 or above; null: 1 each.</summary>
    public IReadOnlyList<double>? ClassWeights { get; init; }

    /// <summary>Regression: σ, the standard deviation of the numbers around the model's means, above 0; null for other tasks.</summary>
    public double? Deviation { get; init; }

    /// <summary>The names a task can have.</summary>
    public static IReadOnlyList<string> Names { get; } = ["classification", "segmentation", "multilabel", "regression"];

    /// <summary>The task.</summary>
    /// <exception cref="ObjectiveException">There is none of that name.</exception>
    public LearningTask Kind() => Name switch
    {
        "classification" => LearningTask.Classification,
        "segmentation" => LearningTask.Segmentation,
        "multilabel" => LearningTask.MultiLabel,
        "regression" => LearningTask.Regression,
        _ => throw new ObjectiveException($"There is no task '{Name}'; there are {string.Join(", ", Names)}."),
    };

    /// <summary>The objective of the task.</summary>
    /// <exception cref="ObjectiveException">The choice contradicts itself.</exception>
    public IObjective Objective()
    {
        var kind = Kind();
        if (IgnoreIndex is not null != (kind == LearningTask.Segmentation) || (ClassWeights is not null && kind != LearningTask.Segmentation)
            || Deviation is not null != (kind == LearningTask.Regression))
            throw new ObjectiveException($"The task {Name} does not go with its settings: an ignored label and class weights belong to segmentation, a deviation to regression.");
        return kind switch
        {
            LearningTask.Segmentation => new PixelCrossEntropy(IgnoreIndex!.Value, ClassWeights),
            LearningTask.MultiLabel => new BinaryCrossEntropy(),
            LearningTask.Regression => new GaussianLikelihood(Deviation!.Value),
            _ => new CrossEntropy(),
        };
    }
}
