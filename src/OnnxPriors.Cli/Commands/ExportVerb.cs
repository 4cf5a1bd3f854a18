using System.CommandLine;
using System.Globalization;
using OnnxPriors.Cli.Datasets;
using OnnxPriors.Cli.Display;
using OnnxPriors.Cli.Training;
using OnnxPriors.Data;
using OnnxPriors.Runtime.Export;
using OnnxPriors.Runtime.Training;
using Spectre.Console;
using static OnnxPriors.Cli.Commands.TrainingChoices;

namespace OnnxPriors.Cli.Commands;

/// <summary><c>export RUN -o MODEL.onnx</c>: the fine-tuned model, or the average over the samples, as one file, checked against the run.</summary>
internal sealed class ExportVerb : IVerb
{
    private const int MostExamples = 64;

    private readonly Argument<string> target = new("RUN") { Description = "A run's folder." };
    private readonly Option<string> output = new("--output", "-o") { Description = "The file to write.", Required = true };
    private readonly Option<string?> state = Optional<string>("--state", "Samples, best or last. Default: the first of these the run has.");
    private readonly Option<string?> data = Optional<string>("--data", $"Data to compare file and run on, up to {MostExamples} examples. Default: the run's own, else random numbers.");
    private readonly ComputeOptions compute = new();

    /// <inheritdoc/>
    public string Name => "export";

    /// <inheritdoc/>
    public string Summary => "Writes a run as one ONNX file that takes the prepared tensor and gives what the task predicts: class probabilities, of each pixel or label too, or numbers.";

    /// <inheritdoc/>
    public IReadOnlyList<Example> Examples { get; } =
    [
        new("export run -o model.onnx", "Write the average over a run's samples, or its best state"),
        new("export run -o model.onnx --state last", "Write the state after the last step"),
    ];

    /// <inheritdoc/>
    public void Declare(Command command)
    {
        command.Add(target);
        foreach (var option in (Option[])[output, state, data])
            command.Add(option);
        compute.AddTo(command);
    }

    /// <inheritdoc/>
    public int Run(ParseResult given, Terminal terminal, CancellationToken cancellation)
    {
        var file = OutputPath.File(given.GetValue(output)!);
        var run = RunFolder.Open(given.GetValue(target)!);
        var origin = RunOrigin.Parse(run.ReadOrigin());
        var path = given.GetValue(data) ?? (origin is not null && (File.Exists(origin.Data) || Directory.Exists(origin.Data)) ? origin.Data : null);
        if (path is null)
            terminal.Remark("The run's data is no longer there; the export is compared on random numbers.");
        using var source = path is null ? null : DataSource.Open(path, new DataSourceOptions { LabelColumn = origin?.LabelColumn, Targets = ModelInput.TargetsOf(run.Manifest.Task) });
        var result = Exporter.Export(
            run, file, State(given.GetValue(state)), source is null ? null : Batches(run, source),
            compute.Read(given));
        var report = new ExportReport(result.Path, result.Samples, result.MaxAbsDifference, result.Examples, source is null ? "random" : "data");
        terminal.Show(report, CliJson.Default.ExportReport, console => console.WriteLine(string.Create(
            CultureInfo.InvariantCulture,
            $"'{report.Path}': {(report.Samples == 1 ? "one state" : $"the average of {report.Samples} samples")}; predictions agree with the run's within {report.MaxAbsDifference:G2} on {report.Examples} {(source is null ? "random inputs" : "examples")}.")));
        return ExitCode.Done;
    }

    private static StreamSource Batches(RunFolder run, IDataset source)
    {
        var input = ModelInput.Of(run.Manifest);
        // Spread over the data, so that every class is met.
        var step = Math.Max(1, source.Count / MostExamples);
        var view = DatasetView.Of(source, Enumerable.Range(0, source.Count).Where(i => i % step == 0).Take(MostExamples));
        return input.Evaluation(view, input.PreprocessingFor(source, new DataSettings { Path = source.Name }), source.Targets == TargetKind.Mask ? 4 : 16, 0);
    }
}
