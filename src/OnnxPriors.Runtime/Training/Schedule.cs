namespace OnnxPriors.Runtime.Training;

/// <summary>How the learning rate goes within a cycle.</summary>
public enum ScheduleKind
{
    /// <summary>η at every step.</summary>
    Constant,

    /// <summary>½η(1 + cos πr), r = 0 … 1 over the whole run.</summary>
    Cosine,

    /// <summary>½η(1 + cos πr), r = 0 … 1 over each of several cycles.</summary>
    CyclicalCosine,
}

/// <summary>
/// The learning rate and the sampler's phase as pure functions of the step. Cyclical cosine is cSGMCMC's (Zhang, Li, Zhang, Chen and
/// Wilson, 'Cyclical stochastic gradient MCMC for Bayesian deep learning', ICLR 2020, equation 1): each cycle explores first, without
/// noise, and samples in its second part. Where the steps do not divide evenly, cycles differ by one step.
/// </summary>
public sealed record Schedule
{
    /// <summary>How the learning rate goes.</summary>
    public ScheduleKind Kind { get; init; } = ScheduleKind.Cosine;

    /// <summary>The largest learning rate η, above 0.</summary>
    public double LearningRate { get; init; } = 0.01;

    /// <summary>The number of cycles M; only a cyclical schedule and sampling know them.</summary>
    public int Cycles { get; init; } = 1;

    /// <summary>The share β of each cycle that explores before sampling begins, 0 … 1.</summary>
    public double ExplorationShare { get; init; } = 0.8;

    /// <summary>The share of the whole run in which the learning rate first rises in a straight line, 0 … 1.</summary>
    public double WarmupShare { get; init; }

    /// <summary>The learning rate of a step.</summary>
    /// <param name="step">The step, from 0.</param>
    /// <param name="total">All steps of the run.</param>
    public double LearningRateAt(long step, long total)
    {
        var rate = LearningRate;
        if (Kind != ScheduleKind.Constant)
        {
            var (start, end) = Kind == ScheduleKind.Cosine ? (0, total) : Cycle(step, total);
            rate *= 0.5 * (1 + Math.Cos(Math.PI * (step - start) / (end - start)));
        }
        var warmup = WarmupShare * total;
        return step + 1 < warmup ? rate * (step + 1) / warmup : rate;
    }

    /// <summary>Whether a step lies in the second part of its cycle, where a sampler adds noise.</summary>
    /// <param name="step">The step, from 0.</param>
    /// <param name="total">All steps of the run.</param>
    public bool SamplesAt(long step, long total)
    {
        var (start, end) = Cycle(step, total);
        return step >= FirstSamplingStep(start, end);
    }

    /// <summary>Whether the state after a step is one of its cycle's samples: they lie evenly over the second part, the last at its end.</summary>
    /// <param name="step">The step, from 0.</param>
    /// <param name="total">All steps of the run.</param>
    /// <param name="samples">The samples wanted of each cycle.</param>
    public bool CollectsAfter(long step, long total, int samples)
    {
        var (start, end) = Cycle(step, total);
        var first = FirstSamplingStep(start, end);
        if (step < first || samples <= 0)
            return false;
        // Sample i of s lies after the ⌈i·n/s⌉th of the n sampling steps: one falls on this step if the count rises over it.
        var (place, length) = (step - first, end - first);
        return (place + 1) * samples / length > place * samples / length;
    }

    /// <summary>The sampling steps in the shortest cycle: no more samples than these can be asked of each.</summary>
    /// <param name="total">All steps of the run.</param>
    public long SamplingStepsPerCycle(long total)
    {
        var least = long.MaxValue;
        for (var cycle = 0; cycle < Cycles; cycle++)
        {
            var (start, end) = (total * cycle / Cycles, total * (cycle + 1) / Cycles);
            least = Math.Min(least, end - FirstSamplingStep(start, end));
        }
        return least;
    }

    private (long Start, long End) Cycle(long step, long total)
    {
        var cycle = step * Cycles / total;
        while (total * (cycle + 1) / Cycles <= step)
            cycle++;
        return (total * cycle / Cycles, total * (cycle + 1) / Cycles);
    }

    private long FirstSamplingStep(long start, long end) => start + (long)Math.Ceiling(ExplorationShare * (end - start));
}
