using System.Globalization;

namespace OnnxPriors.Runtime.Training;

/// <summary>What decides which epoch's state is the best on the validation data.</summary>
public enum BestBy
{
    /// <summary>The least negative log-likelihood.</summary>
    Nll,

    /// <summary>The highest accuracy.</summary>
    Accuracy,

    /// <summary>The highest mean intersection over union of a segmentation.</summary>
    Iou,
}

/// <summary>How a step is trained. All but the intervals of the checkpoints fixes the run's bits.</summary>
public sealed record TrainingOptions
{
    /// <summary>How often all training data is seen.</summary>
    public int Epochs { get; init; } = 10;

    /// <summary>The learning rate and the cycles.</summary>
    public Schedule Schedule { get; init; } = new();

    /// <summary>Micro-batches whose gradients make one update.</summary>
    public int Accumulate { get; init; } = 1;

    /// <summary>SGD's momentum.</summary>
    public double Momentum { get; init; } = 0.9;

    /// <summary>SGHMC's friction α, 0 … 1.</summary>
    public double Friction { get; init; } = 0.1;

    /// <summary>The posterior's temperature T: samplers target exp(−U/T).</summary>
    public double Temperature { get; init; } = 1;

    /// <summary>The prior's weight in units of 1/N, the Bayesian one for N training examples.</summary>
    public double PriorWeight { get; init; } = 1;

    /// <summary>
    /// The posterior's deviation σ to begin with, where the prior's scale is learned; null for ½/√D, D the weights that train: 10⁻⁴ for
    /// a ResNet-50. The pull of the prior with the best λ is at most 1/(2σ√D), at ‖δ‖ = σ√D; the data's gradient, of about 1, must pass it.
    /// </summary>
    public double? Deviation { get; init; }

    /// <summary>The step of log σ at the schedule's largest learning rate, where the prior's scale is learned; it follows the schedule's shape.</summary>
    public double DeviationRate { get; init; } = 0.1;

    /// <summary>The largest global norm of the data gradient; 0 does not clip.</summary>
    public double ClipNorm { get; init; }

    /// <summary>Samples of each cycle, where the optimizer is a sampler.</summary>
    public int SamplesPerCycle { get; init; } = 3;

    /// <summary>What the best epoch is best by.</summary>
    public BestBy BestBy { get; init; } = BestBy.Nll;

    /// <summary>Epochs from one validation to the next; the last is always validated. Where an epoch is a few steps, measuring each would take longer than training.</summary>
    public int ValidationInterval { get; init; } = 1;

    /// <summary>The key of the sampler's noise.</summary>
    public ulong Seed { get; init; }

    /// <summary>The time between checkpoints.</summary>
    public TimeSpan CheckpointInterval { get; init; } = TimeSpan.FromSeconds(30);

    /// <summary>The number of steps between checkpoints beside that; 0 for time alone.</summary>
    public long CheckpointSteps { get; init; }

    /// <summary>What fixes the run's bits, by the name a user knows it by.</summary>
    internal SortedDictionary<string, string> Identity()
    {
        var identity = Always();
        // Left out where each epoch is validated, as in runs that began before there was a choice.
        if (ValidationInterval != 1)
            identity["validate-every"] = Text(ValidationInterval);
        return identity;
    }

    private SortedDictionary<string, string> Always() => new(StringComparer.Ordinal)
    {
        ["epochs"] = Text(Epochs),
        ["schedule"] = Schedule.Kind.ToString(),
        ["learning-rate"] = Text(Schedule.LearningRate),
        ["cycles"] = Text(Schedule.Cycles),
        ["exploration-share"] = Text(Schedule.ExplorationShare),
        ["warmup-share"] = Text(Schedule.WarmupShare),
        ["accumulate"] = Text(Accumulate),
        ["momentum"] = Text(Momentum),
        ["friction"] = Text(Friction),
        ["temperature"] = Text(Temperature),
        ["prior-weight"] = Text(PriorWeight),
        ["deviation"] = Deviation is { } deviation ? Text(deviation) : "auto",
        ["deviation-rate"] = Text(DeviationRate),
        ["clip-norm"] = Text(ClipNorm),
        ["samples-per-cycle"] = Text(SamplesPerCycle),
        ["best-by"] = BestBy.ToString(),
        ["seed"] = Text(Seed),
    };

    /// <summary>Refuses what no run can be made of.</summary>
    /// <exception cref="RunException">An option is out of its range.</exception>
    internal void Check()
    {
        Require(Epochs > 0, "epochs", Epochs, "above 0");
        Require(Accumulate > 0, "accumulate", Accumulate, "above 0");
        Require(Schedule.LearningRate > 0 && double.IsFinite(Schedule.LearningRate), "learning-rate", Schedule.LearningRate, "above 0");
        Require(Schedule.Cycles > 0, "cycles", Schedule.Cycles, "above 0");
        Require(Schedule.ExplorationShare is >= 0 and < 1, "exploration-share", Schedule.ExplorationShare, "at least 0 and below 1");
        Require(Schedule.WarmupShare is >= 0 and < 1, "warmup-share", Schedule.WarmupShare, "at least 0 and below 1");
        Require(Momentum is >= 0 and < 1, "momentum", Momentum, "at least 0 and below 1");
        Require(Friction is > 0 and <= 1, "friction", Friction, "above 0 and at most 1");
        Require(Temperature >= 0 && double.IsFinite(Temperature), "temperature", Temperature, "at least 0");
        Require(PriorWeight >= 0 && double.IsFinite(PriorWeight), "prior-weight", PriorWeight, "at least 0");
        Require(Deviation is null || (Deviation > 0 && double.IsFinite(Deviation.Value)), "deviation", Deviation ?? 0, "above 0");
        Require(DeviationRate >= 0 && double.IsFinite(DeviationRate), "deviation-rate", DeviationRate, "at least 0");
        Require(double.IsFinite(ClipNorm), "clip-norm", ClipNorm, "finite");
        Require(ValidationInterval > 0, "validate-every", ValidationInterval, "above 0");
        Require(SamplesPerCycle > 0, "samples-per-cycle", SamplesPerCycle, "above 0");

        static void Require(bool condition, string name, IFormattable value, string range)
        {
            if (!condition)
                throw new RunException($"--{name} is {Text(value)}, and must be {range}.");
        }
    }

    private static string Text(IFormattable value) => value.ToString(null, CultureInfo.InvariantCulture);
}
