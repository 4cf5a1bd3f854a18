using System.CommandLine;
using System.Globalization;
using OnnxPriors.Artifacts;
using OnnxPriors.Artifacts.OrtTraining;
using OnnxPriors.Cli.Display;
using Spectre.Console;

namespace OnnxPriors.Cli.Commands.Devices;

/// <summary><c>checkpoint resume FILE --package DIR -o STEP</c>: a step that goes on where a device stopped.</summary>
internal sealed class CheckpointResumeVerb : IVerb
{
    private readonly Argument<string> file = CheckpointArguments.File();
    private readonly Option<string?> package = CheckpointArguments.Package(isRequired: true);
    private readonly Option<string> output = new("--output", "-o") { Description = "The step folder to make.", Required = true, HelpName = "STEP" };

    /// <inheritdoc/>
    public string Name => "resume";

    /// <inheritdoc/>
    public string Summary => "Makes a step that goes on where a device stopped: its parameters, and its optimizer's moments where the file has them.";

    /// <inheritdoc/>
    public IReadOnlyList<Example> Examples { get; } = [new("checkpoint resume trained --package package -o step", "Go on here, for example with: onnxpriors train step …")];

    /// <inheritdoc/>
    public void Declare(Command command)
    {
        command.Add(file);
        command.Add(package);
        command.Add(output);
    }

    /// <inheritdoc/>
    public int Run(ParseResult given, Terminal terminal, CancellationToken cancellation)
    {
        var folder = OutputPath.Folder(given.GetRequiredValue(output));
        var checkpoint = DeviceCheckpoint.Open(given.GetRequiredValue(file), given.GetValue(package)!);
        var manifest = checkpoint.Resume(folder);
        var hasMoments = manifest.Files.Any(f => f.Name == StepFiles.States);
        if (!hasMoments && manifest.Optimizer.States.Count > 0)
            terminal.Remark("The optimizer's state begins at zero: the file has none that the step's rule takes.");
        var report = new CheckpointResumeReport(folder, manifest.Optimizer.InitialStep, hasMoments);
        terminal.Show(report, CheckpointJson.Default.CheckpointResumeReport, console => console.WriteLine(string.Create(
            CultureInfo.InvariantCulture, $"'{folder}' begins after {report.Step} updates{(hasMoments ? ", with the optimizer's moments" : "")}.")));
        return ExitCode.Done;
    }
}

/// <summary>What <c>checkpoint resume --json</c> prints.</summary>
/// <param name="Folder">The step folder made.</param>
/// <param name="Step">The updates made before.</param>
/// <param name="HasMoments">Whether the optimizer's moments go on too.</param>
internal sealed record CheckpointResumeReport(string Folder, long Step, bool HasMoments);
