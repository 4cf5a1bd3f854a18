using System.CommandLine;
using System.Globalization;
using System.Text.Json.Serialization;
using OnnxPriors.Artifacts;
using OnnxPriors.Artifacts.OrtTraining;
using OnnxPriors.Cli.Display;
using OnnxPriors.Graphs;
using Spectre.Console;

namespace OnnxPriors.Cli.Commands.Devices;

/// <summary><c>checkpoint info FILE</c>: what a device's checkpoint holds, and how far it is from another.</summary>
internal sealed class CheckpointInfoVerb : IVerb
{
    private readonly Argument<string> file = CheckpointArguments.File();
    private readonly Option<string?> package = CheckpointArguments.Package(isRequired: false);
    private readonly Option<string?> compare = new("--compare") { Description = "Another checkpoint of the same package: shows how far each tensor is from it", HelpName = "OTHER" };
    private readonly Option<bool> tensors = new("--tensors") { Description = "Show a line for each tensor too" };

    /// <inheritdoc/>
    public string Name => "info";

    /// <inheritdoc/>
    public string Summary => "Shows what a device's checkpoint holds, and how far it is from another.";

    /// <inheritdoc/>
    public IReadOnlyList<Example> Examples { get; } =
    [
        new("checkpoint info checkpoint --tensors", "Show parameters, optimizer state and properties"),
        new("checkpoint info trained --compare package/checkpoint", "Show how far training moved each tensor"),
    ];

    /// <inheritdoc/>
    public void Declare(Command command)
    {
        command.Add(file);
        foreach (var option in (Option[])[package, compare, tensors])
            command.Add(option);
    }

    /// <inheritdoc/>
    public int Run(ParseResult given, Terminal terminal, CancellationToken cancellation)
    {
        var (path, folder) = (given.GetRequiredValue(file), given.GetValue(package));
        var (trainable, source) = Read(path, folder);
        var other = given.GetValue(compare) is { } second ? Read(second, folder).Trainable.ToDictionary(t => t.Name, StringComparer.Ordinal) : null;
        var described = trainable.Select(t => Describe(t, other, given.GetValue(compare)!)).ToList();
        cancellation.ThrowIfCancellationRequested();
        var frozen = source?.Frozen ?? [];
        var report = new CheckpointReport(
            path, source?.Version, source?.IsNominal ?? false, trainable.Count, trainable.Sum(t => t.Count), frozen.Count, frozen.Sum(t => t.Count),
            source?.Optimizer is { } o ? new(o.Step, o.InitialLearningRate, o.States.Count > 0 ? o.States[0].Moments.Count : 0) : null,
            Properties(source), other is null ? null : Math.Sqrt(described.Sum(t => t.SquaredDistance!.Value) / Math.Max(described.Sum(t => t.OtherSquare!.Value), double.Epsilon)), described);
        terminal.Show(report, CheckpointJson.Default.CheckpointReport, screen => Print(screen, report, given.GetValue(tensors)));
        return ExitCode.Done;
    }

    private static (IReadOnlyList<CheckpointTensor> Trainable, TrainingCheckpoint? Source) Read(string path, string? folder)
    {
        if (folder is not null)
        {
            var checkpoint = DeviceCheckpoint.Open(path, folder);
            return (checkpoint.Parameters, checkpoint.Source);
        }
        var source = TrainingCheckpointFile.Read(path);
        return (source.Trainable, source);
    }

    private static CheckpointTensorReport Describe(CheckpointTensor tensor, Dictionary<string, CheckpointTensor>? others, string name)
    {
        var values = tensor.Type == ElementType.Float ? tensor.ToSingles() : [];
        var square = values.Sum(v => (double)v * v);
        if (others is null)
            return new(tensor.Name, [.. tensor.Dimensions], Math.Sqrt(square / Math.Max(1, values.Length)), Array.TrueForAll(values, float.IsFinite), null, null);
        if (!others.TryGetValue(tensor.Name, out var other) || !other.Dimensions.SequenceEqual(tensor.Dimensions))
            throw new ArtifactException($"'{name}' has no tensor '{tensor.Name}' of shape [{string.Join(", ", tensor.Dimensions)}]; compare checkpoints of one package.");
        var theirs = other.Type == ElementType.Float ? other.ToSingles() : [];
        var distance = values.Zip(theirs, (a, b) => ((double)a - b) * ((double)a - b)).Sum();
        return new(tensor.Name, [.. tensor.Dimensions], Math.Sqrt(square / Math.Max(1, values.Length)), Array.TrueForAll(values, float.IsFinite), distance, theirs.Sum(v => (double)v * v));
    }

    private static SortedDictionary<string, string> Properties(TrainingCheckpoint? source)
    {
        var all = new SortedDictionary<string, string>(StringComparer.Ordinal);
        foreach (var (name, value) in source?.Integers ?? new Dictionary<string, long>())
            all[name] = value.ToString(CultureInfo.InvariantCulture);
        foreach (var (name, value) in source?.Numbers ?? new Dictionary<string, float>())
            all[name] = value.ToString(CultureInfo.InvariantCulture);
        foreach (var (name, value) in source?.Texts ?? new Dictionary<string, string>())
            all[name] = value;
        return all;
    }

    private static void Print(IAnsiConsole screen, CheckpointReport report, bool tensors)
    {
        Line("format", report.Version is { } version ? $"checkpoint of version {version}{(report.IsNominal ? ", nominal: names without values" : "")}" : (FormattableString)$"parameter buffer");
        Line("trained", $"{report.TrainableElements:N0} parameters in {report.TrainableTensors} tensors");
        Line("frozen", $"{report.FrozenElements:N0} numbers in {report.FrozenTensors} tensors");
        if (report.Optimizer is { } optimizer)
            Line("optimizer", $"step {optimizer.Step}, {optimizer.Moments} moments a parameter");
        foreach (var (name, value) in report.Properties)
            Line(name, $"{value}");
        if (report.RelativeDistance is { } distance)
            Line("distance", $"{distance:G4} of the other's norm");
        if (!tensors)
            return;
        foreach (var tensor in report.Tensors)
            screen.WriteLine(FormattableString.Invariant(
                $"{tensor.RootMeanSquare,12:G4} {(tensor.IsFinite ? "" : "NOT FINITE ")}{(tensor.SquaredDistance is { } d ? FormattableString.Invariant($"{Math.Sqrt(d / Math.Max(tensor.OtherSquare!.Value, double.Epsilon)),12:G4}") : "")}  {tensor.Name} [{string.Join(", ", tensor.Shape)}]"));

        void Line(string name, FormattableString text) => screen.WriteLine($"{name,-20} {FormattableString.Invariant(text)}");
    }
}

/// <summary>What the verbs on checkpoints share.</summary>
internal static class CheckpointArguments
{
    /// <summary>The checkpoint.</summary>
    public static Argument<string> File() => new("CHECKPOINT") { Description = "A checkpoint that ONNX Runtime Training saved; with --package also the parameter buffer that its JavaScript API hands out" };

    /// <summary>The package it was trained from.</summary>
    public static Option<string?> Package(bool isRequired) => new("--package") { Description = "The package it was trained from", Required = isRequired, HelpName = "DIR" };
}

/// <summary>What <c>checkpoint info --json</c> prints.</summary>
/// <param name="File">The file.</param>
/// <param name="Version">The format's version; null for a bare buffer.</param>
/// <param name="IsNominal">Whether tensors are names without values.</param>
/// <param name="TrainableTensors">How many tensors train.</param>
/// <param name="TrainableElements">How many numbers they hold.</param>
/// <param name="FrozenTensors">How many do not train, the prior's among them.</param>
/// <param name="FrozenElements">How many numbers they hold.</param>
/// <param name="Optimizer">The optimizer's state; null where there is none.</param>
/// <param name="Properties">The application's properties.</param>
/// <param name="RelativeDistance">‖a − b‖ / ‖b‖ over all trained tensors, b being the other checkpoint; null without one.</param>
/// <param name="Tensors">The trained tensors.</param>
internal sealed record CheckpointReport(
    string File,
    int? Version,
    bool IsNominal,
    int TrainableTensors,
    long TrainableElements,
    int FrozenTensors,
    long FrozenElements,
    CheckpointOptimizerReport? Optimizer,
    IReadOnlyDictionary<string, string> Properties,
    double? RelativeDistance,
    IReadOnlyList<CheckpointTensorReport> Tensors);

/// <summary>The optimizer's state in a report.</summary>
/// <param name="Step">The updates made.</param>
/// <param name="InitialLearningRate">What the session began with.</param>
/// <param name="Moments">Moments a parameter.</param>
internal sealed record CheckpointOptimizerReport(long Step, float InitialLearningRate, int Moments);

/// <summary>A trained tensor in a report.</summary>
/// <param name="Name">Its name.</param>
/// <param name="Shape">Its extents.</param>
/// <param name="RootMeanSquare">The root of its mean square.</param>
/// <param name="IsFinite">Whether all its values are finite.</param>
/// <param name="SquaredDistance">‖a − b‖²; null without another checkpoint.</param>
/// <param name="OtherSquare">‖b‖²; null without another checkpoint.</param>
internal sealed record CheckpointTensorReport(string Name, long[] Shape, double RootMeanSquare, bool IsFinite, double? SquaredDistance, double? OtherSquare);

[JsonSourceGenerationOptions(PropertyNamingPolicy = JsonKnownNamingPolicy.CamelCase, WriteIndented = true, NumberHandling = JsonNumberHandling.AllowNamedFloatingPointLiterals)]
[JsonSerializable(typeof(CheckpointReport))]
[JsonSerializable(typeof(CheckpointExportReport))]
[JsonSerializable(typeof(CheckpointResumeReport))]
internal sealed partial class CheckpointJson : JsonSerializerContext;
