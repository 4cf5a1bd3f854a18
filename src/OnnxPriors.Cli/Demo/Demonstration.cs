using System.Diagnostics;
using System.Globalization;
using System.Text.Json;
using OnnxPriors.Cli.Display;
using OnnxPriors.Cli.Reports;
using OnnxPriors.Cli.Trials;
using OnnxPriors.Data;
using OnnxPriors.Importing;
using OnnxPriors.Onnx;
using OnnxPriors.Runtime.Evaluation;
using OnnxPriors.Runtime.Export;
using OnnxPriors.Runtime.Steps;
using OnnxPriors.Runtime.Training;

namespace OnnxPriors.Cli.Demo;

/// <summary>
/// The main job on the embedded model and data, in one process: import, fit, bake, train, evaluate and export, for five ways of using
/// the source task. Each way's hyperparameters are chosen on validation data; the test data is met once, by what was chosen.
/// </summary>
/// <param name="plan">How much is done.</param>
/// <param name="threads">Training runs side by side; 0 takes one a core.</param>
/// <param name="terminal">Where progress goes.</param>
internal sealed class Demonstration(DemoPlan plan, int threads, Terminal terminal)
{
    private readonly int threads = threads > 0 ? threads : Environment.ProcessorCount;

    /// <summary>Does all of it.</summary>
    /// <param name="folder">The working folder.</param>
    /// <param name="cancellation">Ends the work at the next step.</param>
    /// <exception cref="DataException">The folder holds something else.</exception>
    /// <exception cref="IOException">A file cannot be written.</exception>
    public DemoResult Run(string folder, CancellationToken cancellation)
    {
        var clock = Stopwatch.StartNew();
        var assets = DemoAssets.Unpack(folder);
        var model = OnnxFile.Load(assets.Model);
        var preprocessing = Preprocessing.FromJson(model.Metadata[MetadataKeys.Preprocess]);
        terminal.Remark(Imported(model));
        var prior = assets.In("prior.safetensors");
        var fit = terminal.Track("fitting", plan.Fit.Steps, "steps", report => SourceFit.Run(model, assets.Source, preprocessing, plan, prior, report, cancellation));
        terminal.Remark(string.Create(CultureInfo.InvariantCulture, $"source accuracy {fit.OwnAccuracy:P1} as it came, {fit.FittedAccuracy:P1} at the fitted mean"));

        using var data = DemoData.Open(assets.Target, preprocessing, plan);
        var trials = new DemoTrials(model, assets, data, plan, prior);
        terminal.Track("baking", trials.StepCount, "steps", report => trials.Bake(report, cancellation));
        var runs = terminal.Track("training", trials.Count, "runs", report => trials.Train(threads, report, cancellation));
        var chosen = plan.Ways.Select(way => Choose(way, runs)).ToList();
        var tested = terminal.Track("evaluating", chosen.Sum(way => way.Count), "runs", report =>
            trials.Evaluate([.. chosen.SelectMany(way => way)], threads, report, cancellation)).Chunk(plan.Seeds.Count).ToList();
        var exported = terminal.Track("exporting", 1, "models", _ => Export(trials, chosen, data, assets, cancellation));

        var ways = plan.Ways.Select((way, index) => (Way: way, Result: Summary(way, chosen[index], tested[index]))).ToList();
        var conclusions = Conclusions.Of(ways);
        var report = assets.In("report.html");
        var page = new DemoPage(plan, model, fit, exported, clock.Elapsed, threads);
        HtmlReport.Write(report, page.Of([.. ways.Select((one, index) => (one.Way, chosen[index], (IReadOnlyList<EvaluationResult>)tested[index]))], conclusions));
        return new DemoResult
        {
            Ways = [.. ways.Select(one => one.Result)],
            Conclusions = conclusions,
            Export = exported,
            Report = report,
            Seconds = Math.Round(clock.Elapsed.TotalSeconds, 1),
        };
    }

    private string Imported(Model model)
    {
        var imported = ModelImporter.Import(model, new ImportOptions { Form = ImportForm.OwnHead });
        return $"{DemoAssets.ModelName}: {imported.Trainable.Sum(tensor => tensor.Count)} weights, features end at '{imported.Split?.Features.Name}'; "
            + $"{plan.Ways.Count} ways, {plan.Seeds.Count} seeds, {plan.TrainPerLabel} examples a label";
    }

    private static List<Trial> Choose(Way way, IReadOnlyList<Trial> runs) =>
        [.. runs.Where(run => run.Way == way).GroupBy(run => run.Seed).Select(ofSeed =>
        {
            var all = ofSeed.ToList();
            var best = Selection.Best([.. all.Select(run => run.Validation)])
                ?? throw new TrainingFailedException($"{way.Title} diverged with every setting on seed {ofSeed.Key.Seed}.");
            return all[best];
        })];

    private static WayResult Summary(Way way, IReadOnlyList<Trial> chosen, IReadOnlyList<EvaluationResult> tested) => new(
        way.Name,
        Figure.Of([.. tested.Select(result => result.Accuracy)]),
        Figure.Of([.. tested.Select(result => result.Nll)]),
        Figure.Of([.. tested.Select(result => result.Ece)]),
        [.. chosen.Select(trial => trial.Setting)]);

    private static ExportedModel Export(DemoTrials trials, List<List<Trial>> chosen, DemoData data, DemoAssets assets, CancellationToken cancellation)
    {
        var best = chosen[Selection.BestWay([.. chosen.Select(way => way.Select(trial => trial.Validation!).ToArray())])][0];
        var folder = assets.In("run");
        if (Directory.Exists(folder))
            Directory.Delete(folder, recursive: true);
        var metadata = new Dictionary<string, string>
        {
            [MetadataKeys.Preprocess] = data.Preprocessing.ToJson(),
            [MetadataKeys.Classes] = JsonSerializer.Serialize([.. data.ClassNames], Training.CliJson.Default.StringArray),
        };
        var run = trials.Keep(best, folder, new RunDescription { ClassNames = data.ClassNames, Metadata = metadata }, cancellation);
        var path = assets.In("model.onnx");
        var result = Exporter.Export(run, path, RunState.Last, data.Test, new StepOptions { Threads = 1 });
        return new ExportedModel(path, result.MaxAbsDifference, best.Way.Name, best.Seed.Seed);
    }
}
