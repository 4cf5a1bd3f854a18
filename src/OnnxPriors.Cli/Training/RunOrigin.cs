using System.Text.Json;
using System.Text.Json.Serialization;
using OnnxPriors.Data;

namespace OnnxPriors.Cli.Training;

/// <summary>How a run came to be: kept beside it as <c>run.json</c>, so that it can be evaluated on what it did not see.</summary>
internal sealed record RunOrigin
{
    /// <summary>The step folder's full path.</summary>
    public required string Step { get; init; }

    /// <summary>The training data's full path.</summary>
    public required string Data { get; init; }

    /// <summary>The CSV column of the labels, where it was given.</summary>
    public string? LabelColumn { get; init; }

    /// <summary>The share that validates, where it was given.</summary>
    public double? ValidationShare { get; init; }

    /// <summary>The examples of each class that train, where it was given.</summary>
    public int? ExamplesPerClass { get; init; }

    /// <summary>What draws, order, augmentation and noise depend on.</summary>
    public required ulong Seed { get; init; }

    /// <summary>The command line, for people.</summary>
    public required string CommandLine { get; init; }

    /// <summary>How the data was divided.</summary>
    public SplitOptions Splits() => new() { ValidationShare = ValidationShare, ExamplesPerClass = ExamplesPerClass, Seed = Seed };

    /// <summary>Reads what a run remembers.</summary>
    /// <returns>The origin, or null where the run has none or one that cannot be read.</returns>
    public static RunOrigin? Parse(string? json)
    {
        try
        {
            return json is null ? null : JsonSerializer.Deserialize(json, CliJson.Default.RunOrigin);
        }
        catch (JsonException)
        {
            return null;
        }
    }
}

/// <summary>What the verbs that train and measure write and read as JSON.</summary>
[JsonSourceGenerationOptions(WriteIndented = true, PropertyNamingPolicy = JsonKnownNamingPolicy.CamelCase, DefaultIgnoreCondition = JsonIgnoreCondition.WhenWritingNull)]
[JsonSerializable(typeof(RunOrigin))]
[JsonSerializable(typeof(string[]))]
[JsonSerializable(typeof(EvaluationReport))]
[JsonSerializable(typeof(ExportReport))]
[JsonSerializable(typeof(TrainingReport))]
internal sealed partial class CliJson : JsonSerializerContext;
