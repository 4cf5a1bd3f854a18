using System.CommandLine;
using OnnxPriors.Cli.Datasets;
using OnnxPriors.Cli.Display;
using OnnxPriors.Cli.Training;
using OnnxPriors.Data;
using OnnxPriors.Objectives;
using OnnxPriors.Runtime.Evaluation;
using OnnxPriors.Runtime.Steps;
using OnnxPriors.Runtime.Training;
using Spectre.Console;
using static OnnxPriors.Cli.Commands.TrainingChoices;

namespace OnnxPriors.Cli.Commands;

/// <summary><c>evaluate RUN|MODEL --data DATA</c>: accuracy, likelihood and calibration of a run or of any ONNX classifier, and the measures of other tasks.</summary>
internal sealed class EvaluateVerb : IVerb
{
    private readonly Argument<string> target = new("RUN|MODEL") { Description = "A run's folder, or an ONNX file of one input that gives class scores." };
    private readonly DataOptions data = new(DataUse.Measure);
    private readonly Option<string?> state = Optional<string>("--state", "A run's samples, best or last state. Default: the first of these it has.");
    private readonly Option<int?> batch = Optional<int?>("--batch", "Examples at a time. Default: 32, of a segmentation 8.");
    private readonly Option<string?> overlays = Optional<string>("--overlays", "A folder to make, for pictures of a segmentation: image, truth and prediction side by side.");
    private readonly Option<int> overlayCount = Option("--overlay-count", "How many pictures --overlays writes at most; 0: all.", 24);
    private readonly ComputeOptions compute = new();

    /// <inheritdoc/>
    public string Name => "evaluate";

    /// <inheritdoc/>
    public string Summary => "Measures accuracy, likelihood and calibration of a run or of an ONNX classifier.";

    /// <inheritdoc/>
    public IReadOnlyList<Example> Examples { get; } =
    [
        new("evaluate run --data animals.zip", "Measure a run on what it has not seen"),
        new("evaluate run --data camvid.zip --overlays pictures", "Measure a segmentation, and see it"),
        new("evaluate model.onnx --data cifar10.zip --json", "Measure an exported model on the data's test part, as JSON"),
    ];

    /// <inheritdoc/>
    public void Declare(Command command)
    {
        command.Add(target);
        data.AddTo(command);
        command.Add(state);
        command.Add(batch);
        command.Add(overlays);
        command.Add(overlayCount);
        compute.AddTo(command);
    }

    /// <inheritdoc/>
    public int Run(ParseResult given, Terminal terminal, CancellationToken cancellation)
    {
        var options = compute.Read(given);
        var path = given.GetValue(target)!;
        var settings = data.Read(given);
        using var file = Directory.Exists(path) ? null : File.Exists(path) ? new ClassifierModel(path, options) : throw new EvaluationException($"There is no run and no file '{path}'.");
        // The task decides what is looked for in the data.
        var task = file?.Task ?? RunFolder.Open(path).Manifest.Task;
        settings = settings with { Targets = ModelInput.TargetsOf(task) };
        if (given.GetValue(overlays) is { } folder)
            CheckOverlays(folder, task, given.GetValue(overlayCount));
        using var source = settings.Open();
        var report = file is null
            ? OfRun(path, source, settings, given, terminal, options, cancellation)
            : OfFile(file, source, settings, given, terminal, cancellation);
        terminal.Show(report, CliJson.Default.EvaluationReport, console =>
        {
            console.WriteLine($"{report.Examples} examples ({report.Part}), {(report.Samples == 1 ? "one state" : $"{report.Samples} samples averaged")}");
            TaskLines.Show(console, report, null);
        });
        return ExitCode.Done;
    }

    private EvaluationReport OfRun(
        string path, IDataset source, DataSettings settings, ParseResult given, Terminal terminal, StepOptions options, CancellationToken cancellation)
    {
        var run = RunFolder.Open(path);
        var (view, name) = Part(source, settings, RunOrigin.Parse(run.ReadOrigin()));
        var input = ModelInput.Of(run.Manifest);
        var batches = Batches(input, source, view, settings, given);
        using var pictures = Overlaid(input, source, view, settings, given);
        using var model = run.OpenModel(options);
        var states = run.OpenStates(State(given.GetValue(state)));
        try
        {
            return Finished(pictures, terminal, terminal.Track("evaluating", view.Count, "examples", report => EvaluationReport.Of(
                Evaluator.Evaluate(model, states, new Watched(batches, report), pictures is null ? null : pictures.Take, cancellation), name)));
        }
        finally
        {
            foreach (var one in states)
                one.Dispose();
        }
    }

    private EvaluationReport OfFile(
        ClassifierModel model, IDataset source, DataSettings settings, ParseResult given, Terminal terminal, CancellationToken cancellation)
    {
        var (view, name) = Part(source, settings, null);
        var input = ModelInput.Of(model.InputShape, model.Metadata, model.Classes);
        var batches = Batches(input, source, view, settings, given);
        using var pictures = Overlaid(input, source, view, settings, given);
        return Finished(pictures, terminal, terminal.Track("evaluating", view.Count, "examples", report => EvaluationReport.Of(
            model.Evaluate(new Watched(batches, report), pictures is null ? null : pictures.Take, cancellation), name)));
    }

    private static void CheckOverlays(string folder, TaskChoice task, int count)
    {
        if (task.Kind() != LearningTask.Segmentation)
            throw new EvaluationException($"--overlays shows a segmentation, and the model's task is {task.Name}; leave it out.");
        if (count < 0)
            throw new EvaluationException($"--overlay-count is {count}; give a number of pictures, or 0 for all.");
        _ = OutputPath.Folder(folder);
        if (Directory.Exists(folder) && Directory.EnumerateFileSystemEntries(folder).Any())
            throw new OutputException($"--overlays is '{folder}', which is not empty; name another folder, or empty it.");
    }

    private Overlays? Overlaid(ModelInput input, IDataset source, DatasetView view, DataSettings settings, ParseResult given) =>
        given.GetValue(overlays) is not { } folder ? null
        : new Overlays(folder, view, input.PreprocessingFor(source, settings)!, input.Masks!, given.GetValue(overlayCount));

    private static EvaluationReport Finished(Overlays? pictures, Terminal terminal, EvaluationReport report)
    {
        if (pictures is not null)
            terminal.Remark($"{pictures.Commit()} pictures written: image, truth and prediction side by side.");
        return report;
    }

    private StreamSource Batches(ModelInput input, IDataset source, DatasetView view, DataSettings settings, ParseResult given) =>
        input.Evaluation(view, input.PreprocessingFor(source, settings), given.GetValue(batch) ?? (source.Targets == TargetKind.Mask ? 8 : 32), settings.Threads);

    // On its own data a run knows what it trained on, chose by and never saw; the parts of another source are its folders.
    private static (DatasetView View, string Name) Part(IDataset source, DataSettings settings, RunOrigin? origin)
    {
        var hasTest = source.Splits.Contains(DataSplit.Test);
        (Func<DatasetSplits, DatasetView> View, string Name)? drawn = settings.Part switch
        {
            DataPart.Train => (splits => splits.Train, "train"),
            DataPart.Validation => (splits => splits.Validation, "validation"),
            null when !hasTest => (splits => splits.HeldOut, "held out"),
            _ => null,
        };
        if (drawn is { } part && origin is not null && Path.GetFullPath(settings.Path) == origin.Data
            && part.View(DatasetSplits.Of(source, origin.Splits())) is { Count: > 0 } own)
            return (own, part.Name);
        var name = settings.Part?.ToString().ToLowerInvariant() ?? (hasTest ? "test" : "all");
        return (settings.Measured(source), name);
    }

    /// <summary>Tells how far the reading is.</summary>
    private sealed class Watched(IBatchSource inner, IProgressReport report) : IBatchSource
    {
        public int ExampleCount => inner.ExampleCount;

        public int BatchSize => inner.BatchSize;

        public string Fingerprint => inner.Fingerprint;

        public IEnumerable<Batch> Read(int epoch, int firstBatch, CancellationToken cancellation)
        {
            var done = 0L;
            foreach (var batch in inner.Read(epoch, firstBatch, cancellation))
            {
                yield return batch;
                report.Report(done += batch.Count);
            }
        }
    }
}
