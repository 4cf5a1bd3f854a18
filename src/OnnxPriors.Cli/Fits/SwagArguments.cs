using System.CommandLine;
using OnnxPriors.Torch.Fitting;

namespace OnnxPriors.Cli.Fits;

/// <summary>The options of SWAG, as <c>fit</c> takes them.</summary>
internal sealed class SwagArguments
{
    private readonly Option<int> rank = new("--rank") { Description = "K, the columns of the low-rank factor; 2 or more.", DefaultValueFactory = _ => new SwagOptions().Rank, HelpName = "K" };
    private readonly Option<int?> collected = new("--collected") { Description = "Keeps the last N deviations, recentred at the final mean, and compresses them to the best factor of rank K. Default: the last K deviations from the running mean, as they are.", HelpName = "N" };
    private readonly Option<int> steps = new("--steps") { Description = "Gradient steps in all.", DefaultValueFactory = _ => 500, HelpName = "N" };
    private readonly Option<double> rate = new("--learning-rate") { Description = "The learning rate of SGD. Small enough that the mean stays the source model it was; the shape of the posterior hardly depends on it, its scale does, and that is λ's to set.", DefaultValueFactory = _ => 5e-6, HelpName = "R" };
    private readonly Option<double> momentum = new("--momentum") { Description = "The momentum of SGD.", DefaultValueFactory = _ => 0.9, HelpName = "M" };
    private readonly Option<double> decay = new("--weight-decay") { Description = "The weight decay.", HelpName = "D" };
    private readonly Option<double> clip = new("--clip-norm") { Description = "The most that the gradient's norm may be; 0 for no limit.", DefaultValueFactory = _ => new SwagOptions().ClipNorm, HelpName = "C" };
    private readonly Option<string> schedule = new("--schedule") { Description = "constant, or cyclical: falls along half a cosine between collections.", DefaultValueFactory = _ => "constant" };
    private readonly Option<int?> burnIn = new("--burn-in") { Description = "Steps before the first weights are collected. Default: a tenth of all.", HelpName = "N" };
    private readonly Option<int?> every = new("--collect-every") { Description = "Steps from one collection to the next. Default: so that 8 K, at least 40, are collected.", HelpName = "N" };
    private readonly Option<bool> continued = new("--continue-training")
    {
        Description = "Starts from the pretrained weights with the model's own head, on the source labels. This is what swag does.",
        DefaultValueFactory = _ => true,
    };

    private readonly Option<string?> checkpoint = new("--checkpoint") { Description = "Keeps the fit's state in this file, and goes on from it where it exists. It is deleted once the prior is written.", HelpName = "FILE" };
    private readonly Option<int> checkpointEvery = new("--checkpoint-every") { Description = "Steps from one writing of the checkpoint to the next.", DefaultValueFactory = _ => 100, HelpName = "N" };

    public SwagArguments() => schedule.AcceptOnlyFromAmong("constant", "cyclical");

    /// <summary>Every option, to add to a command and to find those that were given for another method.</summary>
    public IReadOnlyList<Option> All => [rank, collected, steps, rate, momentum, decay, clip, schedule, burnIn, every, continued, checkpoint, checkpointEvery];

    /// <summary>The options as given.</summary>
    /// <exception cref="FitException">They contradict each other, or one is out of its range.</exception>
    public SwagOptions Read(ParseResult given, bool diagonal, bool estimateStatistics)
    {
        if (!given.GetValue(continued))
            throw new FitException("swag goes on from the pretrained weights; leave --continue-training out, or give true.");
        if (given.GetValue(checkpointEvery) < 1)
            throw new FitException($"--checkpoint-every is {given.GetValue(checkpointEvery)}, and must be 1 or more.");
        if (diagonal && GivenOptions.Named(given, [rank]).Count > 0)
            throw new FitException("swag-diagonal has no factor; leave --rank out, or take --method swag.");
        var options = new SwagOptions
        {
            Rank = given.GetValue(rank),
            Collected = given.GetValue(collected),
            Diagonal = diagonal,
            Steps = given.GetValue(steps),
            LearningRate = given.GetValue(rate),
            Momentum = given.GetValue(momentum),
            WeightDecay = given.GetValue(decay),
            ClipNorm = given.GetValue(clip),
            Schedule = given.GetValue(schedule) == "cyclical" ? FitSchedule.Cyclical : FitSchedule.Constant,
            BurnIn = given.GetValue(burnIn),
            CollectEvery = given.GetValue(every),
            EstimateStatistics = estimateStatistics ? true : null,
        };
        options.Validate();
        return options;
    }

    /// <summary>Where the fit keeps its state; null where it shall not.</summary>
    public FitCheckpoint? Checkpoint(ParseResult given, string fingerprint) =>
        given.GetValue(checkpoint) is { } file ? new FitCheckpoint(Commands.OutputPath.File(file), given.GetValue(checkpointEvery), fingerprint) : null;
}

/// <summary>Which options were typed.</summary>
internal static class GivenOptions
{
    public static IReadOnlyList<string> Named(ParseResult given, IEnumerable<Option> options) =>
        [.. options.Where(option => given.GetResult(option) is { Implicit: false }).Select(option => option.Name)];

    /// <summary>Refuses options that another choice takes.</summary>
    /// <exception cref="FitException">One was given.</exception>
    public static void Refuse(ParseResult given, IEnumerable<Option> options, string choice)
    {
        if (Named(given, options) is { Count: > 0 } names)
            throw new FitException($"{choice} takes no {string.Join(", ", names)}; leave {(names.Count == 1 ? "it" : "them")} out.");
    }
}
