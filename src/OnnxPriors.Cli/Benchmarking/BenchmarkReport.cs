using System.Collections.Immutable;
using System.Text.Json.Serialization;
using OnnxPriors.Artifacts;
using OnnxPriors.Runtime.Steps;
using OnnxPriors.Torch;

namespace OnnxPriors.Cli.Benchmarking;

/// <summary>What <c>benchmark --json</c> prints.</summary>
/// <param name="Model">The file.</param>
/// <param name="Parameters">The numbers that train.</param>
/// <param name="Batch">Examples a step.</param>
/// <param name="Threads">Threads that compute; 0: each engine's own choice.</param>
/// <param name="StepMilliseconds">The median time of a step.</param>
/// <param name="Ratio">The step with the learned prior over TorchSharp's with the paper's prior.</param>
/// <param name="PeakMegabytes">The most memory of each process, in 10⁶ bytes.</param>
/// <param name="ImportSeconds">The time to read and import the model.</param>
/// <param name="BakeSeconds">The time to bake the step with the prior.</param>
/// <param name="SessionSeconds">The time to open that step.</param>
/// <param name="Share">Where the time of the step with the prior goes.</param>
/// <param name="Operators">The same by operator, in milliseconds a step, the longest first.</param>
/// <param name="Kernels">What computes the step: <c>standard</c>, the runtime's own kernels alone.</param>
/// <param name="Steps">The steps that each median is of.</param>
/// <param name="Remark">What makes TorchSharp slower here than elsewhere; null where nothing does.</param>
internal sealed record BenchmarkReport(
    string Model,
    long Parameters,
    int Batch,
    int Threads,
    OfEach StepMilliseconds,
    double Ratio,
    OfEach PeakMegabytes,
    double ImportSeconds,
    double BakeSeconds,
    double SessionSeconds,
    StepShare Share,
    ImmutableArray<OperatorCost> Operators,
    string Kernels,
    OfEach Steps,
    string? Remark)
{
    private const int Longest = 25;

    /// <summary>Puts a report together.</summary>
    public static BenchmarkReport Of(
        string path, BenchmarkModel model, Workload work, double import, double bake, ImmutableDictionary<Contender, Measurement> measured, StepProfile profile)
    {
        return new(
            Path.GetFileName(path),
            model.Imported.Trainable.Sum(t => t.Count),
            work.Batch,
            work.Threads,
            OfEach.Of(measured, m => m.StepMilliseconds),
            measured[Contender.Prior].StepMilliseconds / measured[Contender.TorchPrior].StepMilliseconds,
            OfEach.Of(measured, m => m.PeakMegabytes),
            import,
            bake,
            measured[Contender.Prior].SessionSeconds,
            new(profile.Share(StepPhase.Forward), profile.Share(StepPhase.Backward), profile.Share(StepPhase.Prior), profile.Share(StepPhase.Optimizer)),
            [.. profile.Operators.Take(Longest).Select(o => new OperatorCost(o.Phase.ToString().ToLowerInvariant(), o.Operator, o.Milliseconds / BenchmarkRun.ProfiledSteps, o.Calls / BenchmarkRun.ProfiledSteps))],
            "standard",
            OfEach.Of(measured, m => m.Steps),
            GraphModule.Remark);
    }
}

/// <summary>A number of each contender.</summary>
/// <param name="Prior">The step with the learned prior.</param>
/// <param name="NoPrior">The step without a prior.</param>
/// <param name="TorchPrior">TorchSharp with the paper's prior.</param>
/// <param name="TorchNoPrior">TorchSharp without a prior.</param>
internal sealed record OfEach(double Prior, double NoPrior, double TorchPrior, double TorchNoPrior)
{
    /// <summary>One number of every measurement.</summary>
    public static OfEach Of(ImmutableDictionary<Contender, Measurement> measured, Func<Measurement, double> number) => new(
        number(measured[Contender.Prior]), number(measured[Contender.NoPrior]), number(measured[Contender.TorchPrior]), number(measured[Contender.TorchNoPrior]));
}

/// <summary>Shares of a step's time, 0 to 1, which add up to 1.</summary>
/// <param name="Forward">The forward pass.</param>
/// <param name="Backward">The backward pass.</param>
/// <param name="Prior">The prior's energy and gradient.</param>
/// <param name="Optimizer">Clipping and the update rule.</param>
internal sealed record StepShare(double Forward, double Backward, double Prior, double Optimizer);

/// <summary>What an operator costs a step.</summary>
/// <param name="Phase">The phase it works in.</param>
/// <param name="Operator">Its name.</param>
/// <param name="Milliseconds">The time of all its nodes.</param>
/// <param name="Nodes">How many nodes.</param>
internal sealed record OperatorCost(string Phase, string Operator, double Milliseconds, int Nodes);

[JsonSourceGenerationOptions(PropertyNamingPolicy = JsonKnownNamingPolicy.CamelCase)]
[JsonSerializable(typeof(BenchmarkReport))]
internal sealed partial class BenchmarkJson : JsonSerializerContext;
