using TorchSharp;
using TorchSharp.Modules;
using static TorchSharp.torch;

namespace OnnxPriors.Torch.Fitting;

/// <summary>A parameter of an objective's own under SGD with momentum: trained beside the model's, and in no posterior.</summary>
/// <param name="name">What a checkpoint calls it.</param>
/// <param name="parameter">The parameter; each step changes it in place.</param>
internal sealed class SgdParameter(string name, Parameter parameter) : IDisposable
{
    private readonly Tensor velocity = zeros_like(parameter, requires_grad: false).DetachFromDisposeScope();

    /// <summary>What a checkpoint calls it.</summary>
    public string Name => name;

    /// <summary>The gradient that backward left.</summary>
    public Tensor? Gradient => parameter.grad;

    /// <summary>All that a fit has to remember of it, to go on with it.</summary>
    public IEnumerable<(string Part, Tensor Values)> State => [("value", parameter), ("velocity", velocity)];

    /// <summary>One step: v ← m·v + s·g, θ ← θ − rate·v. The gradient is spent.</summary>
    public void Step(double rate, double momentum, double gradientScale)
    {
        if (parameter.grad is not { } gradient) return;
        using Scalar retained = momentum, share = gradientScale, back = -rate;
        velocity.mul_(retained).add_(gradient, alpha: share);
        parameter.add_(velocity, alpha: back);
        gradient.zero_();
    }

    /// <inheritdoc/>
    public void Dispose() => velocity.Dispose();
}
