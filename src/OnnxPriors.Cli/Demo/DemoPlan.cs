using OnnxPriors.Artifacts;
using OnnxPriors.Cli.Trials;
using OnnxPriors.Torch.Fitting;

namespace OnnxPriors.Cli.Demo;

/// <summary>How much the demo does. The numbers suit the embedded model and data; each way tries the same number of settings.</summary>
internal sealed record DemoPlan
{
    /// <summary>The names of the ways, as they stand in JSON.</summary>
    public const string LinearProbe = "linear-probe", None = "none", Zero = "zero", Isotropic = "isotropic", Learned = "learned";

    /// <summary>The seeds; each draws its own training and validation examples, head and order.</summary>
    public IReadOnlyList<int> Seeds { get; init; } = [1, 2, 3, 4, 5];

    /// <summary>The examples of each label that train.</summary>
    public int TrainPerLabel { get; init; } = 10;

    /// <summary>The share of the pool that validates; a tenth of its 100 a label is as many as train.</summary>
    public double ValidationShare { get; init; } = 0.1;

    /// <summary>The examples of a training step.</summary>
    public int Batch { get; init; } = 25;

    /// <summary>How often the training examples are seen; two steps each.</summary>
    public int Epochs { get; init; } = 60;

    /// <summary>The momentum (Nesterov's).</summary>
    public double Momentum { get; init; } = 0.9;

    /// <summary>The largest norm of the data gradient.</summary>
    public double ClipNorm { get; init; } = 5;

    /// <summary>The variance of the fresh head's prior, in every way that has a prior.</summary>
    public double HeadVariance { get; init; } = 1;

    /// <summary>The source examples of a step of the fit.</summary>
    public int FitBatch { get; init; } = 100;

    /// <summary>
    /// The fit: ten epochs on the source at a constant learning rate, weights collected four times an epoch. BatchNormalization takes the
    /// batch's statistics, without which this learning rate diverges.
    /// </summary>
    public SwagOptions Fit { get; init; } = new()
    {
        Rank = 10,
        Steps = 400,
        BurnIn = 0,
        CollectEvery = 10,
        LearningRate = 0.1,
        WeightDecay = 5e-4,
        StatisticsBatches = 40,
    };

    /// <summary>The ways, in the order in which they are shown.</summary>
    public IReadOnlyList<Way> Ways { get; init; } =
    [
        new(LinearProbe, "the linear probe", "A fresh head alone trains; the source's features stay as they are.", PriorKind.None, [.. Rates(0.01, 0.03, 0.1, 0.3)]) { Train = "head" },
        new(None, "fine-tuning without a prior", "All weights train from the source's; nothing holds them.", PriorKind.None, [.. Rates(0.001, 0.003, 0.01, 0.03)]),
        new(Zero, "the zero-mean prior", "N(0, σ²): weight decay, from the source's weights.", PriorKind.Zero,
            [.. Variances(0.01, 1, 3), .. Variances(0.03, 1, 3)]),
        new(Isotropic, "the isotropic prior", "N(source weights, σ²): the same variance in all directions.", PriorKind.Isotropic, [.. Variances(0.03, 0.01, 0.03, 0.1, 0.3)]),
        new(Learned, "the learned prior", "N(μ, λΣ + ε): mean and covariance of the posterior fitted on the source.", PriorKind.Learned,
            [.. from scale in (double[])[1e3, 1e4] from epsilon in (double[])[0.03, 0.1] select new Setting { LearningRate = 0.03, Scale = scale, Epsilon = epsilon }]),
    ];

    private static IEnumerable<Setting> Rates(params double[] rates) => rates.Select(rate => new Setting { LearningRate = rate });

    private static IEnumerable<Setting> Variances(double rate, params double[] variances) =>
        variances.Select(variance => new Setting { LearningRate = rate, Variance = variance });
}
