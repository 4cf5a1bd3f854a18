using System.Runtime.ExceptionServices;
using OnnxPriors.Artifacts;
using OnnxPriors.Cli.Display;
using OnnxPriors.Cli.Trials;
using OnnxPriors.Importing;
using OnnxPriors.Onnx;
using OnnxPriors.Optimizers;
using OnnxPriors.Runtime.Evaluation;
using OnnxPriors.Runtime.Steps;
using OnnxPriors.Runtime.Training;

namespace OnnxPriors.Cli.Demo;

/// <summary>
/// Bakes the steps of all settings and trains them on every seed. Settings that differ in the learning rate alone share a step; a step's
/// sessions serve all seeds. Runs are independent, so they go side by side on one thread each and their bits do not depend on the order.
/// </summary>
/// <param name="model">The pretrained model as read.</param>
/// <param name="assets">The working folder.</param>
/// <param name="data">The downstream task.</param>
/// <param name="plan">What is tried.</param>
/// <param name="prior">The prior file.</param>
internal sealed class DemoTrials(Model model, DemoAssets assets, DemoData data, DemoPlan plan, string prior)
{
    /// <summary>The number of runs.</summary>
    public int Count => plan.Ways.Sum(way => way.Settings.Count) * plan.Seeds.Count;

    private IReadOnlyList<(Way Way, Setting Setting)> All => [.. plan.Ways.SelectMany(way => way.Settings.Select(setting => (way, setting)))];

    private IReadOnlyList<(Way Way, Setting Setting)> Steps => [.. All.DistinctBy(one => one.Setting.StepName(one.Way))];

    /// <summary>The number of steps to bake.</summary>
    public int StepCount => Steps.Count;

    /// <summary>Bakes every step into the working folder.</summary>
    /// <param name="report">Told of each.</param>
    /// <param name="cancellation">Stops between two.</param>
    public void Bake(IProgressReport report, CancellationToken cancellation)
    {
        var done = 0;
        foreach (var (way, setting) in Steps)
        {
            cancellation.ThrowIfCancellationRequested();
            var options = new BakeOptions
            {
                Prior = new PriorChoice { Kind = way.Prior, Path = way.Prior == PriorKind.Learned ? prior : null, Rescaling = setting.Rescaling, HeadVariance = plan.HeadVariance },
                Optimizer = new Sgd { Nesterov = true },
                ClassNames = data.ClassNames,
                SourceFileName = Path.GetFileName(assets.Model),
            };
            StepBaker.Bake(ModelImporter.Import(model, ImportOptions(seed: 0) with { Train = way.Train }), options, Folder(way, setting), cancellation);
            report.Report(++done, way.Name);
        }
    }

    /// <summary>Trains every setting on every seed.</summary>
    /// <param name="threads">How many run side by side.</param>
    /// <param name="report">Told of each run.</param>
    /// <param name="cancellation">Stops after the training steps under way.</param>
    /// <returns>The runs, in the order of ways, settings and seeds.</returns>
    public IReadOnlyList<Trial> Train(int threads, IProgressReport report, CancellationToken cancellation)
    {
        var all = All;
        var heads = data.Seeds.Select(Head).ToArray();
        var results = new Trial[all.Count * data.Seeds.Count];
        var done = 0;
        SideBySide(all.Count, threads, index =>
        {
            var (way, setting) = all[index];
            using var session = StepSession.Open(Folder(way, setting), StepTraining.OneThread);
            for (var i = 0; i < data.Seeds.Count; i++)
            {
                results[(index * data.Seeds.Count) + i] = Train(session, way, setting, data.Seeds[i], heads[i], cancellation);
                report.Report(Interlocked.Increment(ref done), $"{way.Name}: {setting}");
            }
        }, cancellation);
        return results;
    }

    /// <summary>Measures chosen runs on the test data.</summary>
    /// <param name="chosen">The runs.</param>
    /// <param name="threads">How many are measured side by side.</param>
    /// <param name="report">Told of each run.</param>
    /// <param name="cancellation">Stops between batches.</param>
    /// <returns>A result for each, in their order.</returns>
    public IReadOnlyList<EvaluationResult> Evaluate(IReadOnlyList<Trial> chosen, int threads, IProgressReport report, CancellationToken cancellation)
    {
        var results = new EvaluationResult[chosen.Count];
        var done = 0;
        SideBySide(chosen.Count, threads, index =>
        {
            var trial = chosen[index];
            var folder = Folder(trial.Way, trial.Setting);
            using var eval = new EvalSession(folder, ManifestFile.Read(folder), StepTraining.OneThread);
            results[index] = StepTraining.Measure(eval, trial.Run!, RunState.Last, data.Test, cancellation);
            report.Report(Interlocked.Increment(ref done), trial.Way.Name);
        }, cancellation);
        return results;
    }

    /// <summary>Does a run again in a folder, where other verbs can take it up; it ends in the same state.</summary>
    /// <param name="trial">The run.</param>
    /// <param name="folder">The run's folder; it is not there yet.</param>
    /// <param name="description">What the run should remember.</param>
    /// <param name="cancellation">Stops after the step under way.</param>
    public RunFolder Keep(Trial trial, string folder, RunDescription description, CancellationToken cancellation)
    {
        using var session = StepSession.Open(Folder(trial.Way, trial.Setting), StepTraining.OneThread);
        Head(trial.Seed).SetIn(session);
        // Without validation data, so that the run's one state is the last, as in the comparison.
        new Trainer(session, trial.Seed.Training, validation: null, Options(trial.Setting, trial.Seed.Seed)) { Description = description, Threads = StepTraining.OneThread.Threads }
            .Run(folder, resume: false, cancellation);
        return RunFolder.Open(folder);
    }

    private static void SideBySide(int count, int threads, Action<int> work, CancellationToken cancellation)
    {
        try
        {
            Parallel.For(0, count, new ParallelOptions { MaxDegreeOfParallelism = threads, CancellationToken = cancellation }, work);
        }
        catch (AggregateException failures)
        {
            // What fails on one thread fails on the others too; one message says it.
            ExceptionDispatchInfo.Throw(failures.InnerExceptions[0]);
        }
    }

    private Trial Train(StepSession session, Way way, Setting setting, SeedData seed, HeadTensors head, CancellationToken cancellation)
    {
        var trained = StepTraining.Train(session, head, seed.Training, seed.Validation, Options(setting, seed.Seed), cancellation);
        return new Trial(way, setting, seed, trained.Run, trained.Result?.Epochs ?? []);
    }

    private TrainingOptions Options(Setting setting, int seed) => new()
    {
        Epochs = plan.Epochs,
        Schedule = new Schedule { Kind = ScheduleKind.Cosine, LearningRate = setting.LearningRate },
        Momentum = plan.Momentum,
        ClipNorm = plan.ClipNorm,
        Seed = (ulong)seed,
    };

    private ImportOptions ImportOptions(int seed) => new() { Form = ImportForm.NewHead, Classes = data.ClassNames.Count, Seed = (ulong)seed };

    private HeadTensors Head(SeedData seed) => HeadTensors.Fresh(model, ImportOptions(seed.Seed));

    private string Folder(Way way, Setting setting) => assets.In("steps", setting.StepName(way));
}
