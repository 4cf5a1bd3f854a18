using System.CommandLine;
using System.Globalization;
using OnnxPriors.Cli.Datasets;
using OnnxPriors.Cli.Display;
using OnnxPriors.Cli.Reports;
using OnnxPriors.Cli.Training;
using OnnxPriors.Data;
using OnnxPriors.Data.Corruptions;
using OnnxPriors.Objectives;
using OnnxPriors.Runtime.Evaluation;
using OnnxPriors.Runtime.Steps;
using Spectre.Console;
using static OnnxPriors.Cli.Commands.Steps.TrainingChoices;

namespace OnnxPriors.Cli.Commands.Results;

/// <summary><c>evaluate RUN|MODEL --data DATA</c>: accuracy, likelihood and calibration of a run or of any ONNX classifier, and the measures of other tasks.</summary>
internal sealed class EvaluateVerb : IVerb
{
    private readonly Argument<string[]> target = PathList.Of("RUN|MODEL", "A run's folder, several runs', whose probabilities are averaged, or an ONNX file of one input that gives class scores.");
    private readonly DataOptions data = new(DataUse.Measure);
    private readonly Option<string?> state = Optional<string>("--state", "A run's samples, best or last state. Default: the first of these it has.");
    private readonly Option<string?> ood = new("--ood") { Description = "Data of another task: how well confidence and entropy tell the model's data from it (AUROC). Its labels do not count.", HelpName = "SRC" };
    private readonly Option<string?> corruption = new("--corruption")
    {
        Description = $"Measures again on corrupted pictures, the kinds and strengths of CIFAR-10-C: NAME:STRENGTH (1 to 5), NAME or all. {string.Join(", ", Corruption.Names)}; frost is a generated texture.",
        HelpName = "NAME:STRENGTH|all",
    };

    private readonly Option<ulong> seed = Option("--corruption-seed", "What the corruptions draw depends on.", 0UL);
    private readonly Option<string?> report = new("--report") { Description = "An HTML file to write: measures, reliability diagrams, risk-coverage curve.", HelpName = "FILE.html" };
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
        new("evaluate run-1 run-2 run-3 --data animals.zip", "Measure a deep ensemble: the average over runs of several seeds"),
        new("evaluate model.onnx --data cifar10.zip --json", "Measure an exported model on the data's test part, as JSON"),
        new("evaluate run --data cifar10.zip --ood animals.zip --report run.html", "How well it tells other pictures from its own, and a page with the diagrams"),
        new("evaluate run --data cifar10.zip --corruption all", "All fifteen corruptions at all five strengths"),
    ];

    /// <inheritdoc/>
    public void Declare(Command command)
    {
        command.Add(target);
        data.AddTo(command);
        foreach (var option in (Option[])[state, ood, corruption, seed, report, batch, overlays, overlayCount])
            command.Add(option);
        compute.AddTo(command);
    }

    /// <inheritdoc/>
    public int Run(ParseResult given, Terminal terminal, CancellationToken cancellation)
    {
        var paths = given.GetValue(target)!;
        var settings = data.Read(given);
        var corruptions = given.GetValue(corruption) is { } names ? Corruption.Parse(names) : [];
        var page = given.GetValue(this.report) is { } file ? OutputPath.File(file) : null;
        using var model = EvaluatedModel.Open(paths, State(given.GetValue(state)), compute.Read(given));
        CheckTask(model.Input.Task, given);
        settings = settings with { Targets = ModelInput.TargetsOf(model.Input.Task) };
        using var source = settings.Open();
        var (view, part) = Part(source, settings, model.Origins);
        using var pictures = given.GetValue(overlays) is not { } folder ? null
            : new Overlays(folder, view, model.Input.PreprocessingFor(source, settings)!, model.Input.Masks!, given.GetValue(overlayCount));
        var result = Measure(model, Batches(model.Input, source, view, settings, given), "evaluating", terminal, cancellation, pictures is null ? null : pictures.Take);
        var report = EvaluationReport.Of(result, part) with
        {
            Ood = given.GetValue(ood) is { } other ? Outside(model, result, settings with { Path = other, Part = null }, given, terminal, cancellation) : null,
            Corruptions = corruptions.IsEmpty ? null : [.. corruptions.Select(one => Corrupted(one))],
        };
        if (page is not null)
            Page.Write(page, EvaluationPage.Render(string.Join(", ", paths.Select(NameOf)), NameOf(settings.Path), report));
        if (pictures is not null)
            terminal.Remark($"{pictures.Commit()} pictures written: image, truth and prediction side by side.");
        terminal.Show(report, CliJson.Default.EvaluationReport, console => Show(report, console));
        return ExitCode.Done;

        CorruptionReport Corrupted(Corruption one)
        {
            using var changed = new CorruptedDataset(source, one, given.GetValue(seed));
            var batches = Batches(model.Input, changed, DatasetView.Of(changed, view.Indices), settings, given);
            var measured = Measure(model, batches, one.ToString(), terminal, cancellation);
            return new CorruptionReport(one.Name, one.Strength, measured.Accuracy, measured.Nll, measured.Brier, measured.Ece);
        }
    }

    private OodReport Outside(EvaluatedModel model, EvaluationResult inside, DataSettings settings, ParseResult given, Terminal terminal, CancellationToken cancellation)
    {
        using var source = settings.Open();
        var batches = Batches(model.Input, source, settings.Measured(source).Unlabelled(), settings, given);
        var outside = Measure(model, batches, "measuring other data", terminal, cancellation);
        var detection = Detection.Of(inside.Predictions, outside.Predictions);
        return new OodReport(settings.Path, outside.Examples, detection.MaxProbability, detection.Entropy);
    }

    private static EvaluationResult Measure(EvaluatedModel model, StreamSource batches, string title, Terminal terminal, CancellationToken cancellation, Evaluator.PixelsPredicted? predicted = null) =>
        terminal.Track(title, batches.ExampleCount, "examples", report => model.Evaluate(new Watched(batches, report), predicted, cancellation));

    // What is measured of examples with one class each, and what of pixels alone.
    private void CheckTask(TaskChoice task, ParseResult given)
    {
        if (task.Kind() != LearningTask.Classification && (given.GetValue(ood) ?? given.GetValue(corruption) ?? given.GetValue(report)) is not null)
            throw new EvaluationException($"--ood, --corruption and --report measure a classifier, and the model's task is {task.Name}; leave them out.");
        if (given.GetValue(overlays) is not { } folder)
            return;
        if (task.Kind() != LearningTask.Segmentation)
            throw new EvaluationException($"--overlays shows a segmentation, and the model's task is {task.Name}; leave it out.");
        if (given.GetValue(overlayCount) < 0)
            throw new EvaluationException($"--overlay-count is {given.GetValue(overlayCount)}; give a number of pictures, or 0 for all.");
        _ = OutputPath.Folder(folder);
        if (Directory.Exists(folder) && Directory.EnumerateFileSystemEntries(folder).Any())
            throw new OutputException($"--overlays is '{folder}', which is not empty; name another folder, or empty it.");
    }

    private static string NameOf(string path) => Path.GetFileName(Path.TrimEndingDirectorySeparator(Path.GetFullPath(path)));

    private static void Show(EvaluationReport report, IAnsiConsole console)
    {
        Line($"{report.Examples} examples ({report.Part}), {(report.Samples == 1 ? "one state" : $"{report.Samples} states averaged")}");
        if (report.Segmentation is not null || report.MultiLabel is not null || report.Regression is not null)
        {
            TaskLines.Show(console, report, null);
            return;
        }
        Line($"accuracy {report.Accuracy:P2}   nll {report.Nll:F4}   ece {report.Ece:F4}   adaptive ece {report.AdaptiveEce:F4}   brier {report.Brier:F4}   aurc {report.Aurc:F4}");
        if (report.Ood is { } ood)
            Line($"against {ood.Examples} examples of '{ood.Data}': auroc {ood.AurocMaxProbability:F4} by the largest probability, {ood.AurocEntropy:F4} by the predictive entropy");
        if (report.Corruptions is not { } corruptions)
            return;
        var table = new Table().AddColumns("corruption", "strength", "accuracy", "nll", "brier", "ece");
        foreach (var one in corruptions)
            table.AddRow(((FormattableString[])[$"{one.Name}", $"{one.Strength}", $"{one.Accuracy:P1}", $"{one.Nll:F3}", $"{one.Brier:F3}", $"{one.Ece:F3}"]).Select(cell => cell.ToString(CultureInfo.InvariantCulture)).ToArray());
        console.Write(table);
        Line($"mean over the corruptions: accuracy {corruptions.Average(one => one.Accuracy):P2}, nll {corruptions.Average(one => one.Nll):F4}");

        void Line(FormattableString text) => console.WriteLine(text.ToString(CultureInfo.InvariantCulture));
    }

    private StreamSource Batches(ModelInput input, IDataset source, DatasetView view, DataSettings settings, ParseResult given) =>
        input.Evaluation(view, input.PreprocessingFor(source, settings), given.GetValue(batch) ?? (source.Targets == TargetKind.Mask ? 8 : 32), settings.Threads);

    // On its own data a run knows what it trained on, chose by and never saw, of several runs what all of them did; the parts of another
    // source are its folders.
    private static (DatasetView View, string Name) Part(IDataset source, DataSettings settings, IReadOnlyList<RunOrigin> origins)
    {
        var hasTest = source.Splits.Contains(DataSplit.Test);
        (Func<DatasetSplits, DatasetView> View, string Name)? drawn = settings.Part switch
        {
            DataPart.Train => (splits => splits.Train, "train"),
            DataPart.Validation => (splits => splits.Validation, "validation"),
            null when !hasTest => (splits => splits.HeldOut, "held out"),
            _ => null,
        };
        if (drawn is { } part)
        {
            DatasetView[] views =
                [.. origins.Where(origin => origin.Data == Path.GetFullPath(settings.Path)).Select(origin => part.View(DatasetSplits.Of(source, origin.Splits())))];
            if (views.Any(view => view.Count > 0))
                return (Shared(source, views, part.Name), part.Name);
        }
        var name = settings.Part?.ToString().ToLowerInvariant() ?? (hasTest ? "test" : "all");
        return (settings.Measured(source), name);
    }

    private static DatasetView Shared(IDataset source, DatasetView[] views, string name)
    {
        if (views.Length == 1)
            return views[0];
        var shared = views.Select(view => view.Indices.AsEnumerable()).Aggregate((a, b) => a.Intersect(b)).Order().ToArray();
        return shared.Length > 0 ? DatasetView.Of(source, shared)
            : throw new EvaluationException($"The runs drew their examples differently and share none that is '{name}' to all; measure on data that none has seen (--split test, or another file).");
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
