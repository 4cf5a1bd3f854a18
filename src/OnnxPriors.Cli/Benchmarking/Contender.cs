using System.Collections.Immutable;

namespace OnnxPriors.Cli.Benchmarking;

/// <summary>What takes part in a benchmark.</summary>
internal enum Contender
{
    /// <summary>The step on ONNX Runtime, with the learned prior.</summary>
    Prior,

    /// <summary>The step on ONNX Runtime, without a prior.</summary>
    NoPrior,

    /// <summary>TorchSharp training the same module, with the prior as the paper's code computes it.</summary>
    TorchPrior,

    /// <summary>TorchSharp training the same module, without a prior.</summary>
    TorchNoPrior,
}

/// <summary>One of them at work.</summary>
internal interface IContender : IDisposable
{
    /// <summary>The time to make a session or a module of the baked or imported model, in seconds.</summary>
    double SessionSeconds { get; }

    /// <summary>Takes one training step: gradient, prior and update.</summary>
    void Step();
}

/// <summary>The work that every contender does, for a process of its own to take up.</summary>
/// <param name="Model">The ONNX file.</param>
/// <param name="Folder">The folder with what was baked once: the step with and without prior, and the prior file.</param>
/// <param name="Batch">Examples a step.</param>
/// <param name="Threads">Threads that compute; 0: the engine's own choice.</param>
/// <param name="Seed">Seeds inputs and labels.</param>
internal sealed record Workload(string Model, string Folder, int Batch, int Threads, ulong Seed)
{
    /// <summary>The learning rate of all: small, so that random inputs do not lead the weights away.</summary>
    public const double LearningRate = 1e-5;

    /// <summary>SGD's momentum.</summary>
    public const double Momentum = 0.9;

    /// <summary>The prior's weight beside the mean loss, that of a thousand examples.</summary>
    public const double PriorWeight = 1e-3;

    /// <summary>The prior file.</summary>
    public string PriorFile => Path.Combine(Folder, "prior.safetensors");

    /// <summary>The step of a contender.</summary>
    /// <param name="contender">One that runs on ONNX Runtime.</param>
    public string Step(Contender contender) => Path.Combine(Folder, contender == Contender.Prior ? "step-prior" : "step-none");

    /// <summary>All four, in the order of the report.</summary>
    public static ImmutableArray<Contender> All { get; } = [.. Enum.GetValues<Contender>()];
}
