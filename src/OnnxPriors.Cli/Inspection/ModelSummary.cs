using System.Text.Json.Serialization;
using OnnxPriors.Graphs;
using OnnxPriors.Importing;
using OnnxPriors.Normalization;

namespace OnnxPriors.Cli.Inspection;

/// <summary>A model as <c>inspect</c> shows it; its JSON has these names.</summary>
internal sealed record ModelSummary
{
    public required string Model { get; init; }

    public required string Sha256 { get; init; }

    public required string Producer { get; init; }

    public required long IrVersion { get; init; }

    /// <summary>The version of each operator domain; the standard one is called <c>ai.onnx</c>.</summary>
    public required IReadOnlyDictionary<string, long> Opsets { get; init; }

    public required IReadOnlyList<TensorSummary> Inputs { get; init; }

    public required IReadOnlyList<TensorSummary> Outputs { get; init; }

    /// <summary>The elements of all float tensors in the file.</summary>
    public required long Parameters { get; init; }

    /// <summary>The elements of the tensors that train.</summary>
    public long? Trainable { get; init; }

    public required IReadOnlyDictionary<string, int> Operators { get; init; }

    /// <summary>What is not supported, by operator: every node of the file at once.</summary>
    public required IReadOnlyList<UnsupportedSummary> Unsupported { get; init; }

    /// <summary>Why the model cannot be imported; absent where it can.</summary>
    public string? Problem { get; init; }

    /// <summary>The suggested split; absent where none is clear.</summary>
    public SplitSummary? Split { get; init; }

    /// <summary>Why there is no split; absent where there is one.</summary>
    public string? SplitProblem { get; init; }

    public IReadOnlyList<RoleSummary> Tensors { get; init; } = [];

    public IReadOnlyList<PassReport> Passes { get; init; } = [];

    /// <summary>What training it would take; absent where the model cannot be imported.</summary>
    public TrainingOutlook? Training { get; init; }

    public required IReadOnlyDictionary<string, string> Metadata { get; init; }

    public static ModelSummary Of(ModelSurvey survey, string path, TrainingOutlook? training)
    {
        var model = survey.Model;
        var imported = survey.Imported;
        return new()
        {
            Model = Path.GetFileName(path),
            Sha256 = model.Sha256,
            Producer = $"{model.Producer} {model.ProducerVersion}".Trim(),
            IrVersion = model.IrVersion,
            Opsets = model.Opsets.ToDictionary(o => o.Key.Length == 0 ? "ai.onnx" : o.Key, o => o.Value),
            Inputs = [.. model.Graph.Inputs.Select(TensorSummary.Of)],
            Outputs = [.. (imported?.Graph ?? model.Graph).Outputs.Select(TensorSummary.Of)],
            Parameters = survey.Elements,
            Trainable = imported?.Trainable.Sum(t => t.Count),
            Operators = survey.Operators.ToDictionary(o => o.Op, o => o.Count),
            Unsupported = UnsupportedSummary.Of(survey.Unsupported.Select(n => (n.Op, n.Node, n.Reason, n.Advice))),
            Problem = survey.Problem.Length > 0 ? survey.Problem : null,
            Split = imported?.Split is { } split ? SplitSummary.Of(split) : null,
            SplitProblem = imported?.SplitProblem is { Length: > 0 } problem ? problem : null,
            Tensors = [.. (imported?.Tensors ?? []).Select(RoleSummary.Of)],
            Passes = [.. imported?.Passes ?? []],
            Training = training,
            Metadata = model.Metadata,
        };
    }
}

/// <summary>An input or output: extents are numbers, names, or <c>?</c>; no shape where the rank is unknown.</summary>
internal sealed record TensorSummary(string Name, string Type, IReadOnlyList<object>? Shape)
{
    public static TensorSummary Of(Value value) => new(value.Name, TypeName(value.Type), Extents(value.Shape));

    public static IReadOnlyList<object>? Extents(Shape? shape) =>
        shape is null ? null : [.. shape.Select(d => d.Value is { } number ? (object)number : d.ToString())];

    public static string TypeName(ElementType type) => type == ElementType.Undefined ? "?" : type.ToString().ToLowerInvariant();
}

/// <summary>Where the features end, and the layer behind them that is the head.</summary>
internal sealed record SplitSummary(string Features, IReadOnlyList<object>? Shape, string? Layer)
{
    public static SplitSummary Of(FeatureSplit split) =>
        new(split.Features.Name, TensorSummary.Extents(split.Features.Shape), split.Layer?.Title);
}

/// <summary>A float tensor's role.</summary>
internal sealed record RoleSummary(string Name, IReadOnlyList<long> Shape, long Count, string Role, string Part, string Reason)
{
    public static RoleSummary Of(TensorRole role) => new(
        role.Name, [.. role.Tensor.Data!.Dimensions], role.Count, role.Use.ToString().ToLowerInvariant(), role.Part.ToString().ToLowerInvariant(), role.Reason);
}

/// <summary>The JSON of summaries, without reflection.</summary>
[JsonSourceGenerationOptions(PropertyNamingPolicy = JsonKnownNamingPolicy.CamelCase, DefaultIgnoreCondition = JsonIgnoreCondition.WhenWritingNull)]
[JsonSerializable(typeof(ModelSummary))]
[JsonSerializable(typeof(ImportSummary))]
[JsonSerializable(typeof(long))]
[JsonSerializable(typeof(string))]
internal sealed partial class InspectionJson : JsonSerializerContext;
