using System.Text.Json;
using System.Text.Json.Serialization;
using OnnxPriors.Cli.Experiments.Running;

namespace OnnxPriors.Cli.Experiments.Results;

/// <summary>A row of the results table: one method at one number of labels and one seed, with the setting it chose.</summary>
internal sealed record ResultRow
{
    /// <summary>The experiment's name.</summary>
    public required string Experiment { get; init; }

    /// <summary>Its place in the whole experiment's table, from 0: shards are merged by it.</summary>
    public required int Place { get; init; }

    /// <summary>The method's name.</summary>
    public required string Method { get; init; }

    /// <summary>What it ended in: <c>map</c> (one state) or <c>sghmc</c> (an average over samples).</summary>
    public required string Inference { get; init; }

    /// <summary>The labels of each class that trained.</summary>
    public required int LabelsPerClass { get; init; }

    /// <summary>The seed.</summary>
    public required int Seed { get; init; }

    /// <summary>The settings tried.</summary>
    public required int Tried { get; init; }

    /// <summary>How many of them diverged.</summary>
    public required int Diverged { get; init; }

    /// <summary>Whether all methods tried as many.</summary>
    public required bool EqualBudgets { get; init; }

    /// <summary>The learning rate chosen; null where all settings diverged.</summary>
    public double? LearningRate { get; init; }

    /// <summary>The strength chosen, as a variance; null for a method without.</summary>
    public double? Variance { get; init; }

    /// <summary>λ.</summary>
    public double? Scale { get; init; }

    /// <summary>ε.</summary>
    public double? Epsilon { get; init; }

    /// <summary>Where the choice lies at an end of its grid: <c>rate-low</c>, <c>rate-high</c>, <c>variance-low</c>, <c>variance-high</c>, with spaces between.</summary>
    public string Edge { get; init; } = "";

    /// <summary>The validation NLL it was chosen by.</summary>
    public double? ValidationNll { get; init; }

    /// <summary>The validation accuracy.</summary>
    public double? ValidationAccuracy { get; init; }

    /// <summary>The test results; null where all settings diverged.</summary>
    public TestMetrics? Test { get; init; }

    /// <summary>The validation NLL of each setting, in the grid's order; null where it diverged. Of the seed that chose.</summary>
    public IReadOnlyList<double?> Grid { get; init; } = [];
}

/// <summary>A row of the times.</summary>
/// <param name="Experiment">The experiment's name.</param>
/// <param name="Method">The method's name.</param>
/// <param name="Inference">Its inference.</param>
/// <param name="LabelsPerClass">The labels of each class.</param>
/// <param name="Trials">The trials whose time is known.</param>
/// <param name="Seconds">How long they took together.</param>
internal sealed record TimeRow(string Experiment, string Method, string Inference, int LabelsPerClass, int Trials, double Seconds);

/// <summary>An experiment's files as JSON, without reflection.</summary>
[JsonSourceGenerationOptions(PropertyNamingPolicy = JsonKnownNamingPolicy.CamelCase, DefaultIgnoreCondition = JsonIgnoreCondition.WhenWritingNull)]
[JsonSerializable(typeof(TrialSettings))]
[JsonSerializable(typeof(TrialResult))]
[JsonSerializable(typeof(ResultRow))]
[JsonSerializable(typeof(TimeRow))]
internal sealed partial class ExperimentJson : JsonSerializerContext
{
    /// <summary>One line each.</summary>
    public static ExperimentJson Compact { get; } = new(new JsonSerializerOptions
    {
        PropertyNamingPolicy = JsonNamingPolicy.CamelCase,
        DefaultIgnoreCondition = JsonIgnoreCondition.WhenWritingNull,
        MaxDepth = 16,
    });
}
