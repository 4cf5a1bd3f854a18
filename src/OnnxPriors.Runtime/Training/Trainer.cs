using System.Diagnostics;
using System.Numerics.Tensors;
using OnnxPriors.Artifacts;
using OnnxPriors.Objectives;
using OnnxPriors.Runtime.Evaluation;
using OnnxPriors.Runtime.Steps;

namespace OnnxPriors.Runtime.Training;

/// <summary>
/// Trains a step, or samples from its posterior: epochs of micro-batches, one update for every few of them, validation after each
/// epoch, samples where the schedule says so. With a run folder it can be killed at any moment and resumed to the same bits (with the
/// same data, runtime, provider and number of threads).
/// </summary>
/// <param name="session">The step, at the state to begin with.</param>
/// <param name="training">The examples to train on.</param>
/// <param name="validation">The examples that choose the best epoch, or null; never the test data.</param>
/// <param name="options">How to train.</param>
public sealed class Trainer(StepSession session, IBatchSource training, IBatchSource? validation, TrainingOptions options)
{
    private readonly Stopwatch clock = new();
    private readonly List<EpochMetrics> epochs = [];
    private Progress progress = Progress.Start();
    private RunFolder? folder;
    private RunStore store = new MemoryRun();
    private TimeSpan lastCheckpoint;
    private double secondsBefore;
    private long examplesHere;
    private ScaleLearning? scale;

    /// <summary>Called after each step.</summary>
    public Action<TrainingProgress>? StepDone { get; init; }

    /// <summary>Called after each epoch.</summary>
    public Action<EpochMetrics>? EpochDone { get; init; }

    /// <summary>Called with what a user should know and need not act on.</summary>
    public Action<string>? Notice { get; init; }

    /// <summary>What the run folder should remember beyond the step.</summary>
    public RunDescription Description { get; init; } = new();

    /// <summary>The threads the session was opened with, as a checkpoint notes them.</summary>
    public int Threads { get; init; }

    private bool IsSampler => session.Manifest.Optimizer.Name is "sgld" or "sghmc";

    private long StepsPerEpoch => (training.BatchCount() + options.Accumulate - 1L) / options.Accumulate;

    private long TotalSteps => StepsPerEpoch * options.Epochs;

    /// <summary>Trains in memory.</summary>
    /// <param name="run">Takes the states.</param>
    /// <param name="cancellation">Stops after the step under way.</param>
    /// <exception cref="RunException">The options and the data make no run.</exception>
    /// <exception cref="TrainingFailedException">The loss diverged.</exception>
    /// <exception cref="StepException">A batch does not fit the model, or the runtime fails.</exception>
    /// <exception cref="OperationCanceledException">It was cancelled.</exception>
    public TrainingResult Run(MemoryRun run, CancellationToken cancellation = default)
    {
        ArgumentNullException.ThrowIfNull(run);
        Check();
        (progress, folder, store) = (Progress.Start(), null, run);
        epochs.Clear();
        return Go(cancellation);
    }

    /// <summary>Trains in a run folder.</summary>
    /// <param name="path">The folder; made where it is not there.</param>
    /// <param name="resume">Whether to go on from the folder's checkpoint. A folder whose run was killed before its first one begins anew.</param>
    /// <param name="cancellation">Stops after the step under way, with a checkpoint.</param>
    /// <exception cref="RunException">The folder holds a run and shall not be resumed, or holds none and shall; its options or data are others; another process trains in it.</exception>
    /// <exception cref="TrainingFailedException">The loss diverged, or the disk is full; the last checkpoint stands.</exception>
    /// <exception cref="StepException">A batch does not fit the model, or the runtime fails.</exception>
    /// <exception cref="OperationCanceledException">It was cancelled; the checkpoint is written.</exception>
    public TrainingResult Run(string path, bool resume, CancellationToken cancellation = default)
    {
        ArgumentException.ThrowIfNullOrEmpty(path);
        Check();
        RunFolder.CheckPlace(path, resume);
        var checkpoint = Path.Combine(path, RunFolder.Checkpoint);
        var isDiscarded = false;
        try
        {
            using var held = RunLock.Take(path);
            var begins = !(resume && File.Exists(checkpoint));
            try
            {
                return Run(path, begins ? null : checkpoint, cancellation);
            }
            catch (IOException error) when (!File.Exists(checkpoint))
            {
                isDiscarded = true;
                throw new TrainingFailedException($"Training could not begin, since '{path}' cannot be written: {error.Message.TrimEnd('.')}. Make room, or give another folder.", error);
            }
            catch (IOException error)
            {
                throw new TrainingFailedException(
                    $"Training stopped after step {progress.Step}, since '{path}' cannot be written: {error.Message.TrimEnd('.')}. The last checkpoint is whole; make room and go on with --resume.", error);
            }
            catch (OnnxPriorsException error) when (begins && progress.Epoch == 0 && error is not TrainingFailedException)
            {
                // A broken example, say, which the first epoch meets at the latest. Over data put right it is another run: nothing here can be resumed.
                isDiscarded = true;
                throw;
            }
            finally
            {
                if (isDiscarded)
                    RunFolder.Discard(path);
            }
        }
        finally
        {
            if (isDiscarded)
                RunFolder.DiscardLock(path);
        }
    }

    private TrainingResult Run(string path, string? checkpoint, CancellationToken cancellation)
    {
        if (checkpoint is not null)
        {
            store = folder = RunFolder.Open(path);
            folder.RemovePartialFiles();
            Restore(checkpoint);
        }
        else
        {
            store = folder = RunFolder.Create(path, session, Description);
            SaveCheckpoint();
        }
        return Go(cancellation);
    }

    private TrainingResult Go(CancellationToken cancellation)
    {
        clock.Restart();
        secondsBefore = progress.Seconds;
        lastCheckpoint = TimeSpan.Zero;
        scale = ScaleLearning.Of(session, options, progress.Scale);
        if (PriorStability.Warning(session, options, training.ExampleCount) is { } warning)
            Notice?.Invoke(warning);
        try
        {
            while (progress.Epoch < options.Epochs)
            {
                TrainEpoch(cancellation);
                EndEpoch(cancellation);
            }
        }
        catch (OperationCanceledException)
        {
            SaveCheckpoint();
            throw;
        }
        SaveCheckpoint();
        if (epochs.LastOrDefault()?.Scale is { } learned)
            folder?.SaveScale(learned);
        store.Save(RunState.Last, 0, session);
        return new TrainingResult
        {
            Steps = progress.Step,
            Epochs = epochs,
            BestEpoch = progress.BestEpoch + 1,
            Samples = progress.Samples,
            Seconds = Seconds(),
        };
    }

    private void TrainEpoch(CancellationToken cancellation)
    {
        var count = training.BatchCount();
        if (progress.Batch >= count)
            return;
        // A step is whole or not begun: the reading itself is not cancelled, so that a checkpoint never falls inside one.
        using var batches = training.Read(progress.Epoch, progress.Batch, CancellationToken.None).GetEnumerator();
        while (progress.Batch < count)
        {
            cancellation.ThrowIfCancellationRequested();
            Step(batches, Math.Min(options.Accumulate, count - progress.Batch));
            var isDue = clock.Elapsed - lastCheckpoint >= options.CheckpointInterval
                || (options.CheckpointSteps > 0 && progress.Step % options.CheckpointSteps == 0);
            if (isDue)
                SaveCheckpoint();
        }
    }

    private void Step(IEnumerator<Batch> batches, int microBatches)
    {
        var first = (long)progress.Batch * training.BatchSize;
        var labels = (int)Math.Min((long)microBatches * training.BatchSize, training.ExampleCount - first);
        scale?.Perturb(progress.Step);
        var (loss, counted, provisional, seen) = (0.0, 0.0, 0.0, 0);
        var (right, made) = (0L, 0L);
        for (var i = 0; i < microBatches; i++)
        {
            if (!batches.MoveNext())
                throw new RunException($"The training data ended at batch {progress.Batch + i} of {training.BatchCount()}; it changed while it was read.");
            var batch = batches.Current;
            seen += batch.Count;
            if (seen > labels)
                throw new RunException($"The training data gave more examples than the {labels} it announced; it changed while it was read.");
            counted += session.Targets.Counted(batch);
            // Where not every label counts, the divisor is known at the end: until then any will do that is the same throughout.
            provisional = i > 0 ? provisional
                : session.Targets.IsPerExample ? labels
                : counted > 0 ? counted : 1;
            loss += session.AddGradient(batch, provisional, accumulate: i > 0);
            var decisions = session.Targets.Right(session.Logits, batch);
            (right, made) = (right + decisions.Right, made + decisions.Made);
        }
        if (seen != labels)
            throw new RunException($"The training data gave {seen} examples where it announced {labels}; it changed while it was read.");

        if (counted > 0 && counted != provisional)
        {
            session.ScaleGradient(provisional / counted);
            loss *= provisional / counted;
        }

        var (step, total, examples) = (progress.Step, TotalSteps, (double)training.ExampleCount);
        var rate = options.Schedule.LearningRateAt(step, total);
        var isSampling = IsSampler && options.Schedule.SamplesAt(step, total);
        var scalars = new UpdateScalars
        {
            LearningRate = rate,
            Step = step,
            ClipNorm = options.ClipNorm,
            PriorWeight = options.PriorWeight / examples,
            Momentum = options.Momentum,
            Friction = options.Friction,
            NoiseScale = isSampling ? Math.Sqrt(options.Temperature / examples) : 0,
            Seed = options.Seed,
        };
        var update = session.Update(scale?.Weigh(scalars) ?? scalars);
        if (!double.IsFinite(loss) || !float.IsFinite(update.GradientNorm) || !float.IsFinite(update.PriorEnergy))
            throw Diverged($"the loss is {loss}, the gradient's norm {update.GradientNorm}, the prior's energy {update.PriorEnergy}", rate);

        scale?.Advance(update, rate / options.Schedule.LearningRate);
        progress.Scale = scale?.State;
        progress.Step++;
        progress.Batch += microBatches;
        progress.LossSum += loss * labels;
        progress.Right += right;
        progress.Decisions += made;
        progress.Examples += labels;
        examplesHere += labels;
        if (IsSampler && options.Schedule.CollectsAfter(step, total, options.SamplesPerCycle))
            store.Save(RunState.Samples, progress.Samples++, session);
        if (StepDone is not null)
        {
            var speed = examplesHere / Math.Max(clock.Elapsed.TotalSeconds, 1e-9);
            var left = ((options.Epochs - progress.Epoch) * examples) - progress.Examples;
            StepDone(new TrainingProgress(
                progress.Epoch + 1, options.Epochs, progress.Step, total, loss, rate, update.PriorEnergy, update.GradientNorm, isSampling, speed,
                TimeSpan.FromSeconds(left / speed)));
        }
    }

    private void EndEpoch(CancellationToken cancellation)
    {
        CheckFinite();
        var isDue = (progress.Epoch + 1) % options.ValidationInterval == 0 || progress.Epoch + 1 == options.Epochs;
        var evaluation = isDue ? Validate(cancellation) : null;
        var isBest = evaluation is not null
            && (progress.BestEpoch < 0
                || (options.BestBy == BestBy.Nll ? evaluation.Nll < progress.BestValue : Chosen(evaluation) > progress.BestValue));
        if (isBest)
        {
            store.Save(RunState.Best, 0, session);
            progress.BestEpoch = progress.Epoch;
            progress.BestValue = options.BestBy == BestBy.Nll ? evaluation!.Nll : Chosen(evaluation!);
        }
        var metrics = new EpochMetrics
        {
            Epoch = progress.Epoch + 1,
            Step = progress.Step,
            LearningRate = options.Schedule.LearningRateAt(progress.Step - 1, TotalSteps),
            TrainLoss = progress.LossSum / progress.Examples,
            TrainAccuracy = progress.Decisions == 0 ? null : (double)progress.Right / progress.Decisions,
            PriorEnergy = session.Manifest.Prior.IsPresent ? session.PriorEnergy() : null,
            Validation = evaluation is null ? null
                : new ValidationMetrics(Known(evaluation.Accuracy), evaluation.Nll, Known(evaluation.Ece), Known(evaluation.Brier), evaluation.Examples)
                {
                    MeanIou = evaluation.Segmentation?.MeanIou,
                    Rmse = evaluation.Regression?.Rmse,
                },
            Scale = scale?.Now(progress.LossSum / progress.Examples),
            IsBest = isBest,
            Samples = progress.Samples,
            Seconds = Seconds(),
        };
        store.Append(metrics);
        epochs.Add(metrics);
        progress.Epoch++;
        (progress.Batch, progress.LossSum, progress.Right, progress.Decisions, progress.Examples) = (0, 0, 0, 0, 0);
        EpochDone?.Invoke(metrics);
    }

    // JSON has no word for what is not a number.
    private static double? Known(double measure) => double.IsNaN(measure) ? null : measure;

    private double Chosen(EvaluationResult evaluation) => options.BestBy == BestBy.Iou ? evaluation.Segmentation!.MeanIou : evaluation.Accuracy;

    private EvaluationResult? Validate(CancellationToken cancellation)
    {
        try
        {
            return validation is null ? null : Evaluator.Evaluate(session, validation, cancellation);
        }
        catch (EvaluationException error)
        {
            throw new TrainingFailedException($"Validation after epoch {progress.Epoch + 1} failed: {error.Message}", error);
        }
    }

    private void SaveCheckpoint()
    {
        if (folder is null)
            return;
        CheckFinite();
        progress.Seconds = Seconds();
        progress.MetricsLength = folder.MetricsLength;
        Checkpoint.Write(
            folder.In(RunFolder.Checkpoint), new CheckpointHeader(progress, Identity(), StepSession.RuntimeVersion, Threads), session);
        lastCheckpoint = clock.Elapsed;
    }

    private void Restore(string path)
    {
        var header = Checkpoint.Read(path, session, CheckIdentity);
        progress = header.Progress;
        folder!.Rewind(progress);
        epochs.AddRange(folder.ReadMetrics());
        if (header.Runtime != StepSession.RuntimeVersion)
            Notice?.Invoke($"The run began with ONNX Runtime {header.Runtime} and goes on with {StepSession.RuntimeVersion}; its bits may differ from those of a run left alone.");
        if (header.Threads != Threads)
            Notice?.Invoke($"The run began with --threads {header.Threads} and goes on with {Threads}; its bits may differ from those of a run left alone.");
    }

    private SortedDictionary<string, string> Identity()
    {
        var identity = options.Identity();
        identity["step"] = ManifestFile.Describe(session.Folder, StepFiles.Manifest).Sha256;
        identity["training data"] = $"{training.Fingerprint}:{training.ExampleCount}";
        identity["batch"] = training.BatchSize.ToString(System.Globalization.CultureInfo.InvariantCulture);
        identity["validation data"] = validation is null ? "none" : $"{validation.Fingerprint}:{validation.ExampleCount}";
        return identity;
    }

    private void CheckIdentity(CheckpointHeader header)
    {
        var now = Identity();
        var changed = now.Keys.Union(header.Identity.Keys).Order(StringComparer.Ordinal)
            .Where(key => now.GetValueOrDefault(key) != header.Identity.GetValueOrDefault(key))
            .Select(key => key.Contains("data", StringComparison.Ordinal) || key == "step"
                ? $"the {key} changed"
                : $"--{key} was {header.Identity.GetValueOrDefault(key, "not there")} and is {now.GetValueOrDefault(key, "not there")}")
            .ToList();
        if (changed.Count > 0)
            throw new RunException($"The run '{folder!.FullPath}' cannot be resumed with other options or data: {string.Join("; ", changed)}. Give the ones it began with, or another folder.");
    }

    private void Check()
    {
        options.Check();
        var task = session.Manifest.Task.Kind();
        if ((options.BestBy == BestBy.Iou && task != LearningTask.Segmentation) || (options.BestBy == BestBy.Accuracy && task == LearningTask.Regression))
            throw new RunException($"--best-by {options.BestBy.ToString().ToLowerInvariant()} does not go with {session.Manifest.Task.Name}; every task has nll, segmentation has iou, all but regression accuracy.");
        if (training.ExampleCount < 1 || training.BatchSize < 1)
            throw new RunException("There is no example to train on; check the data and its split.");
        if (IsSampler && options.Schedule.SamplingStepsPerCycle(TotalSteps) < options.SamplesPerCycle)
            throw new RunException($"{TotalSteps} steps in {options.Schedule.Cycles} cycles leave {options.Schedule.SamplingStepsPerCycle(TotalSteps)} sampling steps a cycle, fewer than the {options.SamplesPerCycle} samples asked of each; give more --epochs, or fewer --cycles or --samples-per-cycle.");
    }

    private void CheckFinite()
    {
        if (!TensorPrimitives.IsFiniteAll<float>(session.Parameters))
            throw Diverged("a parameter is no longer finite", options.Schedule.LearningRateAt(Math.Max(progress.Step - 1, 0), TotalSteps));
    }

    private TrainingFailedException Diverged(string what, double rate) => new(
        FormattableString.Invariant($"Training diverged at step {progress.Step + 1} (epoch {progress.Epoch + 1}): {what}. The learning rate there was {rate:G4}; try {rate / 10:G3}, or --clip-norm 1, and check the data's preprocessing."));

    private double Seconds() => secondsBefore + clock.Elapsed.TotalSeconds;
}
