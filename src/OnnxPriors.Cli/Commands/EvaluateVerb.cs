using System.CommandLine;
using System.Globalization;
using OnnxPriors.Cli.Datasets;
using OnnxPriors.Cli.Display;
using OnnxPriors.Cli.Training;
using OnnxPriors.Data;
using OnnxPriors.Runtime.Evaluation;
using OnnxPriors.Runtime.Steps;
using OnnxPriors.Runtime.Training;
using Spectre.Console;
using static OnnxPriors.Cli.Commands.TrainingChoices;

namespace OnnxPriors.Cli.Commands;

/// <summary><c>evaluate RUN|MODEL --data DATA</c>: accuracy, likelihood and calibration of a run or of any ONNX classifier.</summary>
internal sealed class EvaluateVerb : IVerb
{
    private readonly Argument<string[]> target = new("RUN|MODEL") { Description = "A run's folder, several runs', whose probabilities are averaged, or an ONNX file of one input that gives class scores.", Arity = ArgumentArity.OneOrMore };
    private readonly DataOptions data = new(DataUse.Measure);
    private readonly Option<string?> state = Optional<string>("--state", "A run's samples, best or last state. Default: the first of these it has.");
    private readonly Option<int> batch = Option("--batch", "Examples at a time.", 32);
    private readonly ComputeOptions compute = new();

    /// <inheritdoc/>
    public string Name => "evaluate";

    /// <inheritdoc/>
    public string Summary => "Measures accuracy, likelihood and calibration of a run or of an ONNX classifier.";

    /// <inheritdoc/>
    public IReadOnlyList<Example> Examples { get; } =
    [
        new("evaluate run --data animals.zip", "Measure a run on what it has not seen"),
        new("evaluate run-1 run-2 run-3 --data animals.zip", "Measure a deep ensemble: the average over runs of several seeds"),
        new("evaluate model.onnx --data cifar10.zip --json", "Measure an exported model on the data's test part, as JSON"),
    ];

    /// <inheritdoc/>
    public void Declare(Command command)
    {
        command.Add(target);
        data.AddTo(command);
        command.Add(state);
        command.Add(batch);
        compute.AddTo(command);
    }

    /// <inheritdoc/>
    public int Run(ParseResult given, Terminal terminal, CancellationToken cancellation)
    {
        var options = compute.Read(given);
        var paths = given.GetValue(target)!;
        var settings = data.Read(given);
        using var source = settings.Open();
        var report = paths.Length > 1 || Directory.Exists(paths[0])
            ? OfRuns(paths, source, settings, given, terminal, options, cancellation)
            : OfFile(paths[0], source, settings, given, terminal, options, cancellation);
        terminal.Show(report, CliJson.Default.EvaluationReport, console =>
        {
            console.WriteLine($"{report.Examples} examples ({report.Part}), {(report.Samples == 1 ? "one state" : $"{report.Samples} states averaged")}");
            console.WriteLine(string.Create(CultureInfo.InvariantCulture, $"accuracy {report.Accuracy:P2}   nll {report.Nll:F4}   ece {report.Ece:F4}   brier {report.Brier:F4}"));
        });
        return ExitCode.Done;
    }

    private EvaluationReport OfRuns(
        string[] paths, IDataset source, DataSettings settings, ParseResult given, Terminal terminal, StepOptions options, CancellationToken cancellation)
    {
        RunFolder[] runs = [.. paths.Select(RunFolder.Open)];
        var run = runs[0];
        var (view, name) = Part(source, settings, [.. runs.Select(one => RunOrigin.Parse(one.ReadOrigin())).OfType<RunOrigin>()]);
        var batches = Batches(ModelInput.Of(run.Manifest), source, view, settings, given);
        using var ensemble = Ensemble.Open(runs, State(given.GetValue(state)), options);
        return terminal.Track("evaluating", view.Count, "examples", report => EvaluationReport.Of(
            Evaluator.Evaluate(ensemble, new Watched(batches, report), cancellation), name));
    }

    private EvaluationReport OfFile(
        string path, IDataset source, DataSettings settings, ParseResult given, Terminal terminal, StepOptions options, CancellationToken cancellation)
    {
        if (!File.Exists(path))
            throw new EvaluationException($"There is no run and no file '{path}'.");
        using var model = new ClassifierModel(path, options);
        var (view, name) = Part(source, settings, []);
        var batches = Batches(ModelInput.Of(model.InputShape, model.Metadata, model.Classes), source, view, settings, given);
        return terminal.Track("evaluating", view.Count, "examples", report => EvaluationReport.Of(
            model.Evaluate(new Watched(batches, report), cancellation), name));
    }

    private StreamSource Batches(ModelInput input, IDataset source, DatasetView view, DataSettings settings, ParseResult given) =>
        input.Evaluation(view, input.PreprocessingFor(source, settings), given.GetValue(batch), settings.Threads);

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
