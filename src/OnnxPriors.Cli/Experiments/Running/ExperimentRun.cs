using System.Collections.Concurrent;
using System.Diagnostics;
using System.Runtime.ExceptionServices;
using OnnxPriors.Cli.Display;
using OnnxPriors.Cli.Experiments.Definition;
using OnnxPriors.Cli.Experiments.Results;
using OnnxPriors.Cli.Trials;

namespace OnnxPriors.Cli.Experiments.Running;

/// <summary>How an experiment is run; nothing of it changes a result.</summary>
/// <param name="Folder">Where results go, and where earlier ones are found.</param>
/// <param name="Parallel">Trials side by side, each on one thread.</param>
/// <param name="Shard">Which share of the units is done, from 0.</param>
/// <param name="Shards">How many shares there are.</param>
/// <param name="CacheBytes">The most memory for features.</param>
internal sealed record ExperimentOptions(string Folder, int Parallel, int Shard, int Shards, long CacheBytes)
{
    /// <summary>What the names of a shard's files have before their ending.</summary>
    public string Suffix => Shards == 1 ? "" : $"-{Shard + 1}-of-{Shards}";
}

/// <summary>
/// Runs an experiment's trials. First the linear probes, whose heads the others may start from; then every setting of every method, from
/// which each is chosen by validation NLL; last the chosen settings again, to the same bits, this time measured on the test data, which
/// nothing else ever meets. Whatever is finished already is taken as it is.
/// </summary>
/// <param name="plan">The experiment.</param>
/// <param name="options">How it is run.</param>
/// <param name="terminal">Where progress goes.</param>
/// <param name="sources">What all trials work on.</param>
/// <param name="shelf">The steps they train.</param>
internal sealed class ExperimentRun(ExperimentPlan plan, ExperimentOptions options, Terminal terminal, ExperimentSources sources, StepShelf shelf)
{
    private readonly TrialStore store = new(options.Folder);
    private readonly TrialPlanner planner = new(plan, sources);
    private readonly Dictionary<ExperimentUnit, int> places = TrialPlanner.Units(plan).Select((unit, index) => (unit, index)).ToDictionary();
    private readonly ConcurrentDictionary<string, HeadTensors> heads = new(StringComparer.Ordinal);

    /// <summary>Runs an experiment to its end and writes the tables.</summary>
    /// <param name="plan">The experiment.</param>
    /// <param name="options">How it is run.</param>
    /// <param name="terminal">Where progress goes.</param>
    /// <param name="cancellation">Stops after the training steps under way; what is finished stays.</param>
    /// <returns>The rows of this shard.</returns>
    /// <exception cref="ExperimentException">The plan cannot be run.</exception>
    /// <exception cref="IOException">A file cannot be written.</exception>
    public static IReadOnlyList<ResultRow> Run(ExperimentPlan plan, ExperimentOptions options, Terminal terminal, CancellationToken cancellation)
    {
        using var sources = ExperimentSources.Open(plan, options.Folder, terminal, cancellation);
        using var shelf = new StepShelf(plan, sources, Path.Combine(options.Folder, "steps" + options.Suffix), options.CacheBytes);
        return new ExperimentRun(plan, options, terminal, sources, shelf).Run(cancellation);
    }

    private List<ResultRow> Run(CancellationToken cancellation)
    {
        var units = TrialPlanner.Units(plan).Where((_, index) => index % options.Shards == options.Shard).ToList();
        if (units.Count == 0)
            throw new ExperimentException($"The experiment has {TrialPlanner.Units(plan).Count} methods and numbers of labels to share out, fewer than {options.Shards} shards.");

        // A shard needs the probes of its labels whether or not they are its own; they come out alike in every shard.
        var probes = plan.Methods.Where(one => one.Method.TrainsHeadAlone && plan.StartsFromProbe)
            .SelectMany(probe => units.Select(unit => unit.Labels).Distinct().Select(labels => new ExperimentUnit(probe, labels, Samples: false))).ToList();
        var finished = Finish(probes, "linear probes", (_, _) => null, cancellation);
        var starts = finished.ToDictionary(one => (one.Unit.Labels, one.Seed), one => one.Final?.Task.Hash);
        var others = units.Except(probes).ToList();
        finished.AddRange(Finish(others, "trials", (unit, seed) => unit.Method.Method.TrainsHeadAlone || !plan.StartsFromProbe
            ? null
            : starts[(unit.Labels, seed)] ?? throw new ExperimentException($"Every linear probe diverged at {unit.Labels} labels, seed {seed}; give it smaller learning rates."), cancellation));

        var outcomes = units.SelectMany(unit => plan.Seeds.Select(seed => finished.Single(one => one.Unit == unit && one.Seed == seed))).ToList();
        var rows = outcomes.ConvertAll(Row);
        ResultsTable.Write(options.Folder, options.Suffix, rows, [.. outcomes.GroupBy(one => one.Unit).Select(Time)]);
        if (shelf.CachedExamples > 0)
            terminal.Remark($"{shelf.CachedExamples} examples passed a frozen part of the network once and were kept.");
        return rows;
    }

    // Tunes units, chooses, and does what was chosen once more for the test.
    private List<Outcome> Finish(List<ExperimentUnit> units, string title, Func<ExperimentUnit, int, string?> start, CancellationToken cancellation)
    {
        if (units.Count == 0)
            return [];
        var choosing = plan.EachSeedChooses ? plan.Seeds : [plan.Seeds[0]];
        var grids = units.ToDictionary(unit => unit, unit => choosing.ToDictionary(seed => seed, seed => planner.Tuning(unit, seed, start(unit, seed))));
        var tuned = Do($"tuning {title}", [.. grids.Values.SelectMany(grid => grid.Values).SelectMany(tasks => tasks)], cancellation);
        var chosen = new List<(ExperimentUnit Unit, int Seed, IReadOnlyList<TrialTask> Grid, TrialTask? Final)>();
        foreach (var unit in units)
            foreach (var seed in plan.Seeds)
            {
                var grid = grids[unit][plan.EachSeedChooses ? seed : choosing[0]];
                var best = Selection.Best([.. grid.Select(task => tuned[task.Hash].Validation)]);
                chosen.Add((unit, seed, grid, best is { } index ? planner.Task(unit, grid[index].Setting, seed, start(unit, seed), isFinal: true) : null));
            }
        var tested = Do($"testing {title}", [.. chosen.Select(one => one.Final).OfType<TrialTask>()], cancellation);
        return [.. chosen.Select(one => new Outcome(
            one.Unit, one.Seed, [.. one.Grid.Select(task => (task, tuned[task.Hash]))], one.Final is { } final ? (final, tested[final.Hash]) : null))];
    }

    private Dictionary<string, TrialResult> Do(string title, List<TrialTask> tasks, CancellationToken cancellation)
    {
        var results = new ConcurrentDictionary<string, TrialResult>(StringComparer.Ordinal);
        var missing = new List<TrialTask>();
        foreach (var task in tasks.DistinctBy(task => task.Hash))
            if (store.Find(task.Hash) is { } known)
                results[task.Hash] = known;
            else
                missing.Add(task);
        if (missing.Count > 0)
            terminal.Track(title, missing.Count, "trials", report => Work(missing, results, report, cancellation));
        return new Dictionary<string, TrialResult>(results, StringComparer.Ordinal);
    }

    private void Work(List<TrialTask> tasks, ConcurrentDictionary<string, TrialResult> results, IProgressReport report, CancellationToken cancellation)
    {
        // Trials of one step one after the other, so that a worker opens it once for all of them.
        var queue = new ConcurrentQueue<TrialTask>(tasks.GroupBy(task => (task.Method.Method.Name, task.Setting.Variance, task.Samples)).SelectMany(group => group));
        using var failing = CancellationTokenSource.CreateLinkedTokenSource(cancellation);
        var done = 0;
        var failures = new ConcurrentQueue<Exception>();
        var workers = Enumerable.Range(0, Math.Min(options.Parallel, tasks.Count)).Select(number => new Thread(Serve) { Name = $"trials {number}" }).ToList();
        workers.ForEach(worker => worker.Start());
        workers.ForEach(worker => worker.Join());
        if (failures.FirstOrDefault(error => error is not OperationCanceledException) is { } failure)
            ExceptionDispatchInfo.Throw(failure);
        cancellation.ThrowIfCancellationRequested();

        void Serve()
        {
            try
            {
                using var bench = new TrialBench(plan, sources, shelf, Head);
                while (!failing.IsCancellationRequested && queue.TryDequeue(out var task))
                {
                    var clock = Stopwatch.StartNew();
                    var result = bench.Do(task, failing.Token);
                    store.Keep(task.Hash, result, clock.Elapsed.TotalSeconds);
                    results[task.Hash] = result;
                    report.Report(Interlocked.Increment(ref done), $"{task.Settings.Method}, {task.Settings.LabelsPerClass} labels, seed {task.Settings.Seed}");
                }
            }
            catch (Exception error)
            {
                failures.Enqueue(error);
                failing.Cancel();
            }
        }
    }

    private HeadTensors Head(TrialSettings settings) => settings.Start is not { } probe
        ? heads.GetOrAdd($"seed {settings.Seed}", _ => HeadTensors.Fresh(sources.Model, sources.Import(settings.Seed)))
        : heads.GetOrAdd(probe, hash => store.Find(hash)?.Head is { } head
            ? new HeadTensors(head.ToDictionary(pair => pair.Key, pair => System.Runtime.InteropServices.MemoryMarshal.Cast<byte, float>(pair.Value).ToArray(), StringComparer.Ordinal))
            : throw new ExperimentException($"The trial '{hash}' has no head to start from; delete its file, and it is done again."));

    private ResultRow Row(Outcome outcome)
    {
        var (unit, final) = (outcome.Unit, outcome.Final);
        var setting = final?.Task.Setting;
        return new ResultRow
        {
            Experiment = plan.Name,
            Place = (places[unit] * plan.Seeds.Count) + plan.Seeds.TakeWhile(seed => seed != outcome.Seed).Count(),
            Method = unit.Method.Method.Name,
            Inference = unit.Inference,
            LabelsPerClass = unit.Labels,
            Seed = outcome.Seed,
            Tried = outcome.Grid.Count,
            Diverged = outcome.Grid.Count(one => one.Result.Validation is null),
            EqualBudgets = plan.EqualBudgets,
            LearningRate = setting?.LearningRate,
            Variance = setting?.Variance,
            Scale = setting?.Scale,
            Epsilon = setting?.Epsilon,
            Edge = setting is null ? "" : string.Join(' ', Edges("rate", unit.Method.LearningRates, setting.LearningRate).Concat(Edges("variance", unit.Method.Variances, setting.Variance))),
            ValidationNll = final?.Result.Validation?.Nll,
            ValidationAccuracy = final?.Result.Validation?.Accuracy,
            Test = final?.Result.Test,
            Grid = [.. outcome.Grid.Select(one => one.Result.Validation?.Nll)],
        };
    }

    private static IEnumerable<string> Edges(string name, IReadOnlyList<double> grid, double? chosen)
    {
        if (grid.Count > 1 && chosen == grid.Min())
            yield return name + "-low";
        if (grid.Count > 1 && chosen == grid.Max())
            yield return name + "-high";
    }

    private TimeRow Time(IGrouping<ExperimentUnit, Outcome> outcomes)
    {
        var hashes = outcomes.SelectMany(one => one.Grid.Select(trial => trial.Task.Hash).Append(one.Final?.Task.Hash)).OfType<string>().Distinct();
        var seconds = hashes.Select(store.Seconds).OfType<double>().ToList();
        return new TimeRow(plan.Name, outcomes.Key.Method.Method.Name, outcomes.Key.Inference, outcomes.Key.Labels, seconds.Count, seconds.Sum());
    }

    /// <summary>What a unit came to with a seed.</summary>
    private sealed record Outcome(ExperimentUnit Unit, int Seed, IReadOnlyList<(TrialTask Task, TrialResult Result)> Grid, (TrialTask Task, TrialResult Result)? Final);
}
