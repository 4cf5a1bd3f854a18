using TorchSharp.Modules;
using static TorchSharp.torch;

namespace OnnxPriors.Torch.Fitting;

/// <summary>What a fit descends on: the loss of a batch through a model, with whatever parameters the loss has of its own.</summary>
public interface IFitObjective
{
    /// <summary>The objective as the command line and the prior's metadata write it: <c>cross-entropy</c>, <c>simclr</c>, …</summary>
    string Name { get; }

    /// <summary>Parameters of the objective's own, such as a projection head's. They train beside the model's and are in no posterior.</summary>
    IReadOnlyList<Parameter> Parameters { get; }

    /// <summary>The loss of a batch [], in nats where it is a likelihood. It belongs to the caller's dispose scope.</summary>
    /// <param name="batch">The batch.</param>
    /// <exception cref="FitException">The batch does not suit the model.</exception>
    Tensor Loss(LabelledBatch batch);
}
