using System.CommandLine;
using System.Globalization;
using OnnxPriors.Cli.Datasets;
using OnnxPriors.Cli.Display;
using OnnxPriors.Cli.Training;
using OnnxPriors.Data;
using OnnxPriors.Runtime.Evaluation;
using OnnxPriors.Runtime.Export;
using OnnxPriors.Runtime.Training;
using Spectre.Console;
using static OnnxPriors.Cli.Commands.Steps.TrainingChoices;

namespace OnnxPriors.Cli.Commands.Results;

/// <summary><c>export RUN -o MODEL.onnx</c>: the fine-tuned model, or the average over the samples, as one file, checked against the run.</summary>
internal sealed class ExportVerb : IVerb
{
    private const int MostExamples = 64;

    private readonly Argument<string[]> target = PathList.Of("RUN", "A run's folder, or several runs', whose states are averaged alike.");
    private readonly Option<string> output = new("--output", "-o") { Description = "The file to write.", Required = true };
    private readonly Option<string?> state = Optional<string>("--state", "Samples, best or last. Default: the first of these the run has.");
    private readonly Option<string?> data = Optional<string>("--data", $"Data to compare file and run on, up to {MostExamples} examples. Default: the run's own, else random numbers.");
    private readonly DistillArguments distill = new();
    private readonly ComputeOptions compute = new();

    /// <inheritdoc/>
    public string Name => "export";

    /// <inheritdoc/>
    public string Summary => "Writes a run, or the average of several, as one ONNX file that takes the prepared tensor and gives what the task predicts: class probabilities, of each pixel or label too, or numbers.";

    /// <inheritdoc/>
    public IReadOnlyList<Example> Examples { get; } =
    [
        new("export run -o model.onnx", "Write the average over a run's samples, or its best state"),
        new("export run-1 run-2 run-3 -o model.onnx", "Write a deep ensemble: the average over runs of several seeds"),
        new("export run -o small.onnx --distill step --data animals.zip", "Train one model to give the average's probabilities, and write that"),
        new("export run -o model.onnx --state last", "Write the state after the last step"),
    ];

    /// <inheritdoc/>
    public void Declare(Command command)
    {
        command.Add(target);
        foreach (var option in (Option[])[output, state, data])
            command.Add(option);
        distill.AddTo(command);
        compute.AddTo(command);
    }

    /// <inheritdoc/>
    public int Run(ParseResult given, Terminal terminal, CancellationToken cancellation)
    {
        var file = OutputPath.File(given.GetValue(output)!);
        RunFolder[] runs = [.. given.GetValue(target)!.Select(RunFolder.Open)];
        var run = runs[0];
        var origin = RunOrigin.Parse(run.ReadOrigin());
        var path = given.GetValue(data) ?? (origin is not null && (File.Exists(origin.Data) || Directory.Exists(origin.Data)) ? origin.Data : null);
        if (path is null)
            terminal.Remark("The run's data is no longer there; the export is compared on random numbers.");
        using var source = path is null ? null : DataSource.Open(path, new DataSourceOptions { LabelColumn = origin?.LabelColumn, Targets = ModelInput.TargetsOf(run.Manifest.Task) });
        var options = compute.Read(given);
        var check = source is null ? null : Batches(run, source);
        (double Divergence, double Agreement)? followed = null;
        ExportResult result;
        if (distill.IsGiven(given))
        {
            if (run.Manifest.Task.Name != "classification")
                throw new ExportException($"--distill trains a classifier, and the run's task is {run.Manifest.Task.Name}; leave it out.");
            if (source is null)
                throw new ExportException("--distill needs examples, and the run's data is no longer there; give --data.");
            using var folder = new TemporaryRun(file);
            using var teacher = Ensemble.Open(runs, State(given.GetValue(state)), options);
            var student = distill.Train(given, terminal, teacher, source, origin, folder.Path, options, cancellation);
            using (var one = Ensemble.Open([student], RunState.Last, options))
                followed = teacher.Compare(one, check!, cancellation);
            result = Exporter.Export(student, file, RunState.Last, check, options);
        }
        else
        {
            result = Exporter.Export(runs, file, State(given.GetValue(state)), check, options);
        }
        var report = new ExportReport(result.Path, result.Samples, result.MaxAbsDifference, result.Examples, source is null ? "random" : "data", followed?.Divergence, followed?.Agreement);
        terminal.Show(report, CliJson.Default.ExportReport, console => console.WriteLine(string.Create(
            CultureInfo.InvariantCulture,
            $"'{report.Path}': {(report.Samples == 1 ? "one state" : $"the average of {report.Samples} states")}; predictions agree with the run's within {report.MaxAbsDifference:G2} on {report.Examples} {(source is null ? "random inputs" : "examples")}.")));
        if (followed is { } close)
            terminal.Remark(string.Create(CultureInfo.InvariantCulture, $"On {report.Examples} examples the distilled model diverges from the average by {close.Divergence:G3} nats, and names the same class on {close.Agreement:P1}."));
        return ExitCode.Done;
    }

    /// <summary>A folder beside the file for the student's run, which goes when the export is done.</summary>
    private sealed class TemporaryRun(string file) : IDisposable
    {
        public string Path { get; } = System.IO.Path.Combine(System.IO.Path.GetDirectoryName(System.IO.Path.GetFullPath(file))!, $".{System.IO.Path.GetFileName(file)}.{System.IO.Path.GetRandomFileName()}.partial");

        public void Dispose()
        {
            if (Directory.Exists(Path))
                Directory.Delete(Path, recursive: true);
        }
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
