using System.CommandLine;
using OnnxPriors.Artifacts.OrtTraining;
using OnnxPriors.Cli.Display;
using OnnxPriors.Onnx;
using Spectre.Console;

namespace OnnxPriors.Cli.Commands.Devices;

/// <summary><c>checkpoint export FILE --package DIR -o MODEL.onnx</c>: what a device trained as one model.</summary>
internal sealed class CheckpointExportVerb : IVerb
{
    private readonly Argument<string> file = CheckpointArguments.File();
    private readonly Option<string?> package = CheckpointArguments.Package(isRequired: true);
    private readonly Option<string> output = new("--output", "-o") { Description = "The model to write.", Required = true, HelpName = "MODEL.onnx" };

    /// <inheritdoc/>
    public string Name => "export";

    /// <inheritdoc/>
    public string Summary => "Writes what a device trained as one ONNX file: the preprocessed tensor in, class probabilities out.";

    /// <inheritdoc/>
    public IReadOnlyList<Example> Examples { get; } = [new("checkpoint export trained --package package -o personal.onnx", "Write the personalised model")];

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
        var path = OutputPath.File(given.GetRequiredValue(output));
        var checkpoint = DeviceCheckpoint.Open(given.GetRequiredValue(file), given.GetValue(package)!);
        OnnxFile.Save(checkpoint.Export(), path);
        var report = new CheckpointExportReport(path, checkpoint.Manifest.Classes, checkpoint.Source?.Optimizer?.Step);
        terminal.Show(report, CheckpointJson.Default.CheckpointExportReport, console => console.WriteLine($"'{path}' gives the probabilities of {report.Classes} classes."));
        return ExitCode.Done;
    }
}

/// <summary>What <c>checkpoint export --json</c> prints.</summary>
/// <param name="Path">The model.</param>
/// <param name="Classes">The number of classes.</param>
/// <param name="Step">The updates made on the device; null where the file does not say.</param>
internal sealed record CheckpointExportReport(string Path, int Classes, long? Step);
