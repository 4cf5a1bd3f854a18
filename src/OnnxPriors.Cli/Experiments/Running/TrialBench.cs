using OnnxPriors.Cli.Datasets;
using OnnxPriors.Cli.Experiments.Definition;
using OnnxPriors.Cli.Trials;
using OnnxPriors.Data;
using OnnxPriors.Data.Batches;
using OnnxPriors.Runtime.Steps;
using OnnxPriors.Runtime.Training;

namespace OnnxPriors.Cli.Experiments.Running;

/// <summary>A trial to do.</summary>
/// <param name="Method">The method with its grid.</param>
/// <param name="Setting">The setting.</param>
/// <param name="Settings">All that its result depends on.</param>
/// <param name="Hash">Its name.</param>
internal sealed record TrialTask(MethodPlan Method, Setting Setting, TrialSettings Settings, string Hash)
{
    /// <summary>Whether it samples.</summary>
    public bool Samples => Settings.Sampler is not null;
}

/// <summary>Where one worker does trials, one after the other; the step of the last stays open for the next.</summary>
/// <param name="plan">The experiment.</param>
/// <param name="sources">What it works on.</param>
/// <param name="shelf">The steps.</param>
/// <param name="head">Gives the head that a trial starts from.</param>
internal sealed class TrialBench(ExperimentPlan plan, ExperimentSources sources, StepShelf shelf, Func<TrialSettings, HeadTensors> head) : IDisposable
{
    // Large enough for the processor, small enough for its caches.
    private const int EvaluationBatch = 50;

    private (string Folder, StepSession Session)? open;

    /// <summary>Does a trial.</summary>
    /// <param name="task">The trial.</param>
    /// <param name="cancellation">Stops after the step under way.</param>
    public TrialResult Do(TrialTask task, CancellationToken cancellation)
    {
        var (folder, features) = shelf.Find(task.Method, task.Setting, task.Samples);
        var session = Open(folder);
        var settings = task.Settings;
        var (training, validation, test) = sources.Draw(settings.LabelsPerClass, settings.Seed);
        var examples = Batches(features, training, settings.Batch, settings.Seed);
        var validating = Batches(features, validation, EvaluationBatch, seed: null);
        var trained = StepTraining.Train(session, head(settings), examples, task.Samples ? null : validating, Options(task, examples.BatchCount()), cancellation);
        if (trained is not { Run: { } run, Result: { } result })
            return new TrialResult { Settings = settings };
        var state = task.Samples ? RunState.Samples : plan.Training.KeepsBest ? RunState.Best : RunState.Last;
        var validated = task.Samples ? Sampled(session, run, validating, cancellation) : result.Epochs[plan.Training.KeepsBest ? result.BestEpoch - 1 : ^1].Validation;
        return new TrialResult
        {
            Settings = settings,
            Validation = validated,
            BestEpoch = task.Samples || !plan.Training.KeepsBest ? 0 : result.BestEpoch,
            Test = settings.IsFinal ? TestMetrics.Of(StepTraining.Measure(session.Eval, run, state, Batches(features, test, EvaluationBatch, seed: null), cancellation)) : null,
            Head = settings.IsFinal && task.Method.Method.TrainsHeadAlone ? Head(session, run, state) : null,
        };
    }

    /// <summary>Closes the step.</summary>
    public void Dispose() => open?.Session.Dispose();

    private StepSession Open(string folder)
    {
        if (open is { } now && now.Folder == folder)
            return now.Session;
        open?.Session.Dispose();
        open = null;
        // Baked by this process a moment ago: nothing to compare with its manifest.
        var session = StepSession.Open(folder, StepTraining.OneThread with { VerifyFiles = false });
        open = (folder, session);
        return session;
    }

    private static ValidationMetrics Sampled(StepSession session, MemoryRun run, IBatchSource validation, CancellationToken cancellation)
    {
        var measured = StepTraining.Measure(session.Eval, run, RunState.Samples, validation, cancellation);
        return new ValidationMetrics(measured.Accuracy, measured.Nll, measured.Ece, measured.Brier, measured.Examples);
    }

    private static Dictionary<string, byte[]> Head(StepSession session, MemoryRun run, RunState state)
    {
        using var only = run.OpenStates(state)[0];
        return HeadTensors.Of(session, only).Values.ToDictionary(
            pair => pair.Key, pair => System.Runtime.InteropServices.MemoryMarshal.AsBytes(pair.Value.AsSpan()).ToArray(), StringComparer.Ordinal);
    }

    private IBatchSource Batches(FeatureCache? features, DatasetView view, int size, int? seed)
    {
        var options = new BatchOptions { BatchSize = size, Shuffle = seed is not null, Seed = (ulong)(seed ?? 0), Preprocessing = sources.Preprocessing, Threads = 1 };
        return features?.Batches(view, options) ?? (IBatchSource)new StreamSource(new BatchStream(view, options), options);
    }

    private TrainingOptions Options(TrialTask task, int batches)
    {
        var epochs = Math.Max(1, (int)Math.Round((double)task.Settings.Steps / batches, MidpointRounding.AwayFromZero));
        var sampler = task.Samples ? plan.Sampler : null;
        return new TrainingOptions
        {
            Epochs = epochs,
            Schedule = new Schedule
            {
                Kind = sampler is null ? ScheduleKind.Cosine : ScheduleKind.CyclicalCosine,
                LearningRate = task.Setting.LearningRate,
                Cycles = sampler?.Cycles ?? 1,
                ExplorationShare = sampler?.ExplorationShare ?? 0.8,
            },
            Momentum = task.Settings.Momentum,
            ClipNorm = task.Settings.ClipNorm,
            Friction = sampler?.Friction ?? 0.1,
            Temperature = sampler?.Temperature ?? 1,
            SamplesPerCycle = sampler?.SamplesPerCycle ?? 1,
            Seed = (ulong)task.Settings.Seed,
            ValidationInterval = Math.Max(1, epochs / task.Settings.Validations),
        };
    }
}
