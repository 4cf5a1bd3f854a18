using TorchSharp.Modules;
using static TorchSharp.torch;

namespace OnnxPriors.Torch.Fitting;

/// <summary>
/// One parameter tensor under SWAG: its path as an offset from the pretrained weights, SGD's momentum, the running moments of what was
/// collected and the last K deviations. All updates are in place: K + 5 tensors of the parameter's size and no temporaries.
/// </summary>
/// <remarks>
/// The path is carried as the offset δ = θ − θ₀, since the steps of a fit are far smaller than the weights: in float32, θ₀ + δ loses what δ
/// holds, and the variance of many coordinates with it. Moments are Welford's (1962): with d = δ − mean before the update, mean += d/n and
/// the sum of squares grows by d²(n − 1)/n, which is never negative.
/// </remarks>
internal sealed class SwagMoments : IDisposable
{
    private readonly Parameter parameter;
    private readonly Tensor start, offset, velocity, mean, squares;
    private readonly Tensor[] deviations;

    /// <summary>Starts from the parameter's present value.</summary>
    /// <param name="name">The parameter's name.</param>
    /// <param name="parameter">The parameter; each step changes it in place.</param>
    /// <param name="rank">K.</param>
    public SwagMoments(string name, Parameter parameter, int rank)
    {
        Name = name;
        this.parameter = parameter;
        using var noGradients = no_grad();
        start = parameter.detach().clone().DetachFromDisposeScope();
        (offset, velocity, mean, squares) = (Zeros(), Zeros(), Zeros(), Zeros());
        deviations = [.. Enumerable.Range(0, rank).Select(_ => Zeros())];

        Tensor Zeros() => zeros_like(start).DetachFromDisposeScope();
    }

    /// <summary>The parameter's name.</summary>
    public string Name { get; }

    /// <summary>The parameter's extents.</summary>
    public long[] Shape => parameter.shape;

    /// <summary>Weight vectors collected so far.</summary>
    public int Samples { get; private set; }

    /// <summary>The gradient that backward left, or null where the loss does not depend on the parameter.</summary>
    public Tensor? Gradient => parameter.grad;

    /// <summary>One step of SGD with momentum m: v ← m·v + s·g + decay·θ, δ ← δ − rate·v, θ ← θ₀ + δ. The gradient is spent.</summary>
    /// <param name="rate">The learning rate.</param>
    /// <param name="momentum">m.</param>
    /// <param name="gradientScale">s, by which clipping scales the gradient.</param>
    /// <param name="decay">The weight decay.</param>
    public void Step(double rate, double momentum, double gradientScale, double decay)
    {
        if (parameter.grad is not { } gradient) return;
        velocity.mul_(momentum).add_(gradient, alpha: gradientScale);
        if (decay > 0) velocity.add_(parameter, alpha: decay);
        offset.add_(velocity, alpha: -rate);
        parameter.copy_(start).add_(offset);
        gradient.zero_();
    }

    /// <summary>Takes the present weights into the moments, and their deviation from the running mean in place of the oldest kept.</summary>
    public void Collect()
    {
        var deviation = deviations[Samples % deviations.Length];
        Samples++;
        deviation.copy_(offset).sub_(mean);
        mean.add_(deviation, alpha: 1.0 / Samples);
        double kept = (Samples - 1.0) / Samples;
        squares.addcmul_(deviation, deviation, kept);
        // δ − the new mean is this share of δ − the old one.
        deviation.mul_(kept);
    }

    /// <summary>Sets the parameter to the mean of what was collected.</summary>
    public void MoveToMean() => parameter.copy_(start).add_(mean);

    /// <summary>μ, D = ½ · variance and W = deviations / √(2(K − 1)), on the host; what they were made of is released on the way.</summary>
    public (float[] Mean, float[] Diagonal, float[] Factor) Take()
    {
        using var noGradients = no_grad();
        offset.Dispose();
        velocity.Dispose();
        start.add_(mean);
        float[] means = Values(start);
        start.Dispose();
        mean.Dispose();
        squares.mul_(0.5 / Samples);
        float[] diagonal = Values(squares);
        squares.Dispose();
        var factor = new float[deviations.Length * means.LongLength];
        for (var k = 0; k < deviations.Length; k++)
        {
            // Oldest first.
            var deviation = deviations[(Samples + k) % deviations.Length];
            deviation.mul_(1 / Math.Sqrt(2.0 * (deviations.Length - 1)));
            Values(deviation).CopyTo(factor, k * means.LongLength);
            deviation.Dispose();
        }
        return (means, diagonal, factor);
    }

    /// <inheritdoc/>
    public void Dispose()
    {
        foreach (var tensor in deviations.Concat([start, offset, velocity, mean, squares])) tensor.Dispose();
    }

    private static float[] Values(Tensor tensor)
    {
        using var host = tensor.detach().to(ScalarType.Float32).cpu().contiguous();
        return host.numel() == 0 ? [] : host.data<float>().ToArray();
    }
}
