using OnnxPriors.Runtime.Evaluation;
using OnnxPriors.Runtime.Steps;
using OnnxPriors.Runtime.Training;

namespace OnnxPriors.Cli.Trials;

/// <summary>What a training run came to.</summary>
/// <param name="Run">Its states; null where it diverged.</param>
/// <param name="Result">What its epochs came to; null where it diverged.</param>
internal sealed record TrainedStep(MemoryRun? Run, TrainingResult? Result);

/// <summary>One training run of a step in memory, on one thread, so that many can go side by side and none depends on the others.</summary>
internal static class StepTraining
{
    /// <summary>How the steps of trials are run.</summary>
    public static readonly StepOptions OneThread = new() { Threads = 1 };

    /// <summary>Trains a step from its beginning; one that diverges is a result like any other, and never the best.</summary>
    /// <param name="session">The step.</param>
    /// <param name="head">What the head begins with.</param>
    /// <param name="training">The examples that train.</param>
    /// <param name="validation">The examples that measure.</param>
    /// <param name="options">How to train.</param>
    /// <param name="cancellation">Stops after the step under way.</param>
    public static TrainedStep Train(
        StepSession session, HeadTensors head, IBatchSource training, IBatchSource? validation, TrainingOptions options, CancellationToken cancellation)
    {
        session.Reset();
        head.SetIn(session);
        var run = new MemoryRun();
        try
        {
            return new TrainedStep(run, new Trainer(session, training, validation, options).Run(run, cancellation));
        }
        catch (TrainingFailedException)
        {
            return new TrainedStep(null, null);
        }
    }

    /// <summary>Measures a run's state, or the average over its samples.</summary>
    /// <param name="eval">The eval model.</param>
    /// <param name="run">The run.</param>
    /// <param name="state">Which of its states.</param>
    /// <param name="data">The examples.</param>
    /// <param name="cancellation">Stops between batches.</param>
    public static EvaluationResult Measure(EvalSession eval, MemoryRun run, RunState state, IBatchSource data, CancellationToken cancellation)
    {
        var states = run.OpenStates(state);
        try
        {
            return Evaluator.Evaluate(eval, states, data, cancellation);
        }
        finally
        {
            foreach (var one in states)
                one.Dispose();
        }
    }
}
