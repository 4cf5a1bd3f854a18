using OnnxPriors.Runtime.Steps;

namespace OnnxPriors.Runtime.Training;

/// <summary>Which of a run's states to use.</summary>
public enum RunState
{
    /// <summary>The samples where there are any, else the best state, else the last.</summary>
    Default,

    /// <summary>The state after the last step.</summary>
    Last,

    /// <summary>The state of the epoch that was best on the validation data.</summary>
    Best,

    /// <summary>All samples of the sampler, whose probabilities are averaged.</summary>
    Samples,
}

/// <summary>Keeps a run's states: on disk in a <see cref="RunFolder"/>, or in a <see cref="MemoryRun"/>.</summary>
public abstract class RunStore
{
    private protected RunStore()
    {
    }

    /// <summary>The number of samples collected so far.</summary>
    public abstract int SampleCount { get; }

    /// <summary>Opens one of the run's states, or all its samples.</summary>
    /// <param name="which">Which.</param>
    /// <returns>One state, or as many as there are samples; the caller disposes them.</returns>
    /// <exception cref="RunException">The run has no such state.</exception>
    /// <exception cref="StepException">A state's file is damaged.</exception>
    public IReadOnlyList<EvalState> OpenStates(RunState which = RunState.Default)
    {
        if (which == RunState.Default)
            which = SampleCount > 0 ? RunState.Samples : Has(RunState.Best) ? RunState.Best : RunState.Last;
        if (which == RunState.Samples ? SampleCount == 0 : !Has(which))
            throw new RunException(Missing(which));
        var states = new List<EvalState>();
        try
        {
            for (var i = 0; i < (which == RunState.Samples ? SampleCount : 1); i++)
                states.Add(Open(which, i));
        }
        catch
        {
            states.ForEach(state => state.Dispose());
            throw;
        }
        return states;
    }

    internal abstract void Save(RunState which, int sample, StepSession session);

    internal abstract void Append(EpochMetrics metrics);

    private protected abstract bool Has(RunState which);

    private protected abstract EvalState Open(RunState which, int sample);

    private static string Missing(RunState which) => which switch
    {
        RunState.Samples => "The run has no samples: its optimizer is not a sampler, or it has not come so far. Use the best or the last state.",
        RunState.Best => "The run has no best state: it was trained without validation data. Use the last one.",
        _ => "The run is not finished; finish it with 'onnxpriors train … --resume'.",
    };
}

/// <summary>A run that leaves nothing on the disk, for searches over hyperparameters.</summary>
public sealed class MemoryRun : RunStore
{
    private readonly Dictionary<(RunState, int), float[]> states = [];
    private Artifacts.Manifest? manifest;

    /// <inheritdoc/>
    public override int SampleCount => states.Keys.Count(key => key.Item1 == RunState.Samples);

    internal override void Save(RunState which, int sample, StepSession session)
    {
        manifest = session.Manifest;
        states[(which, sample)] = [.. session.Parameters, .. session.Statistics];
    }

    internal override void Append(EpochMetrics metrics)
    {
        // The result has them.
    }

    private protected override bool Has(RunState which) => states.ContainsKey((which, 0));

    private protected override EvalState Open(RunState which, int sample) => EvalState.Copy(states[(which, sample)], manifest!);
}
