using OnnxPriors.Cli.Trials;
using OnnxPriors.Runtime.Training;

namespace OnnxPriors.Cli.Demo;

/// <summary>One training run of a way with one setting and one seed.</summary>
/// <param name="Way">The way.</param>
/// <param name="Setting">Its hyperparameters.</param>
/// <param name="Seed">What it worked on.</param>
/// <param name="Run">Its last state; null where it diverged.</param>
/// <param name="Epochs">What its epochs came to; none where it diverged.</param>
internal sealed record Trial(Way Way, Setting Setting, SeedData Seed, MemoryRun? Run, IReadOnlyList<EpochMetrics> Epochs)
{
    /// <summary>How the last state does on the validation data; null where the run diverged.</summary>
    public ValidationMetrics? Validation => Run is null ? null : Epochs[^1].Validation;
}
