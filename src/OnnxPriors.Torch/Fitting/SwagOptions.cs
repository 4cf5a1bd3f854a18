using System.Text.Json;
using System.Text.Json.Nodes;
using OnnxPriors.Priors;

namespace OnnxPriors.Torch.Fitting;

/// <summary>How the learning rate runs during a fit.</summary>
public enum FitSchedule
{
    /// <summary>The same at every step.</summary>
    Constant,

    /// <summary>Falls from the learning rate to a tenth of it along half a cosine, again and again; weights are collected at each end.</summary>
    Cyclical,
}

/// <summary>The hyperparameters of <see cref="SwagFit"/>.</summary>
public sealed record SwagOptions
{
    /// <summary>K, the columns of the low-rank factor: at least 2, with <see cref="Collected"/> at least 1. Unused where <see cref="Diagonal"/>.</summary>
    public int Rank { get; init; } = 5;

    /// <summary>
    /// N, the last weight vectors of which all deviations are kept, recentred at the final mean and compressed to the best factor of rank
    /// K; null, the default, keeps the last K deviations from the running mean as they are. N + 5 tensors of each parameter's size
    /// stand in memory in place of K + 5.
    /// </summary>
    /// <remarks>
    /// The default stays the plain form, for it is SWAG as published and takes less memory; on networks tried the two are alike for
    /// training. Compression is the form that can be merged, and whose leading columns are the ones to keep.
    /// </remarks>
    public int? Collected { get; init; }

    /// <summary>Whether the posterior is SWAG-Diagonal: the variance of each coordinate and no factor.</summary>
    public bool Diagonal { get; init; }

    /// <summary>What D and W of the posterior are.</summary>
    public PosteriorForm Form => Diagonal ? PosteriorForm.SwagDiagonal : Collected is null ? PosteriorForm.Swag : PosteriorForm.SwagPrincipal;

    /// <summary>The method as files and the command line write it.</summary>
    public string Method => Diagonal ? "swag-diagonal" : "swag";

    /// <summary>Gradient steps in all.</summary>
    public int Steps { get; init; } = 500;

    /// <summary>The learning rate of SGD with momentum.</summary>
    public double LearningRate { get; init; } = 5e-6;

    /// <summary>The learning rate of the objective's own parameters (a projection head), which start at random; null for the model's.</summary>
    public double? ObjectiveRate { get; init; }

    /// <summary>The momentum, from 0 to below 1.</summary>
    public double Momentum { get; init; } = 0.9;

    /// <summary>The weight decay, added to the gradient as this times the weights.</summary>
    public double WeightDecay { get; init; }

    /// <summary>The most that the gradient's global norm may be; above, the gradient is scaled down to it. 0 for no limit.</summary>
    public double ClipNorm { get; init; } = 5;

    /// <summary>How the learning rate runs.</summary>
    public FitSchedule Schedule { get; init; } = FitSchedule.Constant;

    /// <summary>Steps before the first weights are collected; by default a tenth of all.</summary>
    public int? BurnIn { get; init; }

    /// <summary>Steps from one collection to the next, and the length of a cycle; by default so that eight times the rank, at least 40 and at least N, are collected.</summary>
    public int? CollectEvery { get; init; }

    /// <summary>The seed of what libtorch draws.</summary>
    public ulong Seed { get; init; }

    /// <summary>
    /// Whether running statistics are re-estimated at the fitted mean; by default where BatchNormalization used batch statistics, since
    /// frozen statistics are those the weights were trained with.
    /// </summary>
    public bool? EstimateStatistics { get; init; }

    /// <summary>How many batches the running statistics are re-estimated from.</summary>
    public int StatisticsBatches { get; init; } = 50;

    /// <summary>The parameters to fit, by name; by default all that the loss depends on.</summary>
    public IReadOnlyCollection<string>? Parameters { get; init; }

    internal int EffectiveBurnIn => BurnIn ?? Steps / 10;

    internal int EffectiveCollectEvery => CollectEvery ?? Math.Max(1, (Steps - EffectiveBurnIn) / Math.Max(Math.Max(8 * EffectiveRank, 40), Collected ?? 0));

    /// <summary>The rank of the posterior: K, or 0 where <see cref="Diagonal"/>.</summary>
    public int EffectiveRank => Diagonal ? 0 : Rank;

    /// <summary>How many weight vectors or deviations are kept beside the moments.</summary>
    internal int Kept => Diagonal ? 0 : Collected ?? Rank;

    internal int Samples => (Steps - EffectiveBurnIn) / EffectiveCollectEvery;

    /// <summary>The learning rate of a step.</summary>
    /// <param name="step">The step, from 0.</param>
    public double RateAt(int step)
    {
        if (Schedule == FitSchedule.Constant || step < EffectiveBurnIn) return LearningRate;
        const double lowest = 0.1;
        int cycle = EffectiveCollectEvery, within = (step - EffectiveBurnIn) % cycle;
        double share = cycle == 1 ? 1 : (double)within / (cycle - 1);
        return LearningRate * (lowest + (1 - lowest) * 0.5 * (1 + Math.Cos(Math.PI * share)));
    }

    /// <summary>Whether weights are collected after a step.</summary>
    /// <param name="step">The step, from 0.</param>
    public bool CollectsAt(int step) => step >= EffectiveBurnIn && (step - EffectiveBurnIn + 1) % EffectiveCollectEvery == 0;

    /// <summary>Refuses values that cannot give a posterior.</summary>
    /// <exception cref="FitException">One is out of its range, or too few weights would be collected.</exception>
    public void Validate()
    {
        Require(Diagonal || Collected is not null || Rank >= 2, $"The rank is {Rank}; deviations / √(2(K − 1)) need at least 2. Give --rank 2 or more.");
        Require(Diagonal || Rank >= 1, $"The rank is {Rank}; give 1 or more.");
        Require(!(Diagonal && Collected is not null), "SWAG-Diagonal has no factor to compress; leave the number of collected deviations out.");
        Require(Collected is not { } kept || (kept >= 2 && kept >= Rank), $"A factor of rank {Rank} cannot be made of {Collected} deviations; collect at least {Math.Max(2, Rank)}.");
        Require(Steps > 0, $"The number of steps is {Steps}; give at least one.");
        Require(double.IsFinite(LearningRate) && LearningRate > 0, $"The learning rate is {LearningRate}; give a positive number.");
        Require(ObjectiveRate is not { } own || (double.IsFinite(own) && own > 0), $"The learning rate of the projection is {ObjectiveRate}; give a positive number.");
        Require(Momentum is >= 0 and < 1, $"The momentum is {Momentum}; give a number from 0 to below 1.");
        Require(double.IsFinite(WeightDecay) && WeightDecay >= 0, $"The weight decay is {WeightDecay}; give 0 or more.");
        Require(ClipNorm >= 0, $"The clipping norm is {ClipNorm}; give 0 for none, or more.");
        Require(EffectiveBurnIn >= 0 && EffectiveBurnIn < Steps, $"The burn-in of {EffectiveBurnIn} steps leaves nothing of {Steps}.");
        Require(EffectiveCollectEvery > 0, $"Weights cannot be collected every {EffectiveCollectEvery} steps; give at least 1.");
        Require(Samples >= Math.Max(1, Kept), $"{Steps} steps collect {Samples} weight vectors, fewer than the {(Collected is null ? $"rank {Rank}" : $"{Collected} deviations to compress")}; take more steps or collect more often.");
        Require(StatisticsBatches > 0, $"Running statistics need at least one batch, not {StatisticsBatches}.");
    }

    /// <summary>The hyperparameters as a JSON object, for the prior's metadata.</summary>
    /// <param name="objective">What the fit descends on.</param>
    public string ToJson(string objective = "cross-entropy")
    {
        var json = new JsonObject
        {
            ["objective"] = objective,
            ["steps"] = Steps,
            ["learningRate"] = LearningRate,
            ["momentum"] = Momentum,
            ["weightDecay"] = WeightDecay,
            ["clipNorm"] = ClipNorm,
            ["schedule"] = Schedule == FitSchedule.Constant ? "constant" : "cyclical",
            ["burnIn"] = EffectiveBurnIn,
            ["collectEvery"] = EffectiveCollectEvery,
        };
        if (ObjectiveRate is { } own)
            json["objectiveRate"] = own;
        if (Collected is { } collected)
            json["collected"] = collected;
        return json.ToJsonString(JsonSerializerOptions.Default);
    }

    private static void Require(bool holds, string message)
    {
        if (!holds) throw new FitException(message);
    }
}
