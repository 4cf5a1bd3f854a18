using TorchSharp;
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
/// <para>
/// Numbers are handed to libtorch as scalars that outlive the call: TorchSharp's implicit ones may be finalised, and freed, while the
/// native code still reads them (TorchSharp 0.107), and a fit makes enough calls to meet that.
/// </para>
/// </remarks>
internal sealed class SwagMoments : IDisposable
{
    private readonly Parameter parameter;
    private readonly Tensor start, offset, velocity, mean, squares;
    private readonly Tensor[] deviations;

    // What the posterior takes over. On the CPU the tensors above are views of these, and nothing is ever copied.
    private readonly float[] means, diagonal, factor;
    private readonly bool onHost;

    /// <summary>Starts from the parameter's present value.</summary>
    /// <param name="name">The parameter's name.</param>
    /// <param name="parameter">The parameter; each step changes it in place.</param>
    /// <param name="rank">K.</param>
    public SwagMoments(string name, Parameter parameter, int rank)
    {
        Name = name;
        this.parameter = parameter;
        using var noGradients = no_grad();
        long count = parameter.numel();
        (means, diagonal, factor) = (new float[count], new float[count], new float[checked(rank * count)]);
        onHost = parameter.device_type == TorchSharp.DeviceType.CPU && parameter.dtype == ScalarType.Float32 && count > 0;
        start = parameter.detach().clone().DetachFromDisposeScope();
        (offset, velocity) = (zeros_like(start).DetachFromDisposeScope(), zeros_like(start).DetachFromDisposeScope());
        (mean, squares) = (Over(means, 1)[0], Over(diagonal, 1)[0]);
        deviations = Over(factor, rank);
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
        using Scalar kept = momentum, share = gradientScale, pull = decay, back = -rate;
        velocity.mul_(kept).add_(gradient, alpha: share);
        if (decay > 0) velocity.add_(parameter, alpha: pull);
        offset.add_(velocity, alpha: back);
        parameter.copy_(start).add_(offset);
        gradient.zero_();
    }

    /// <summary>Takes the present weights into the moments, and their deviation from the running mean in place of the oldest kept.</summary>
    public void Collect()
    {
        var deviation = deviations[Samples % deviations.Length];
        Samples++;
        deviation.copy_(offset).sub_(mean);
        using Scalar part = 1.0 / Samples, kept = (Samples - 1.0) / Samples;
        mean.add_(deviation, alpha: part);
        squares.addcmul_(deviation, deviation, kept);
        // δ − the new mean is this share of δ − the old one.
        deviation.mul_(kept);
    }

    /// <summary>Sets the parameter to the mean of what was collected.</summary>
    public void MoveToMean() => parameter.copy_(start).add_(mean);

    /// <summary>μ, D = ½ · variance and W = deviations / √(2(K − 1)), its columns in no order of their own; the moments are spent.</summary>
    public (float[] Mean, float[] Diagonal, float[] Factor) Take()
    {
        using var noGradients = no_grad();
        mean.add_(start);
        using Scalar half = 0.5 / Samples, unit = 1 / Math.Sqrt(2.0 * (deviations.Length - 1));
        squares.mul_(half);
        Keep(mean, means, 0);
        Keep(squares, diagonal, 0);
        for (var k = 0; k < deviations.Length; k++)
        {
            deviations[k].mul_(unit);
            Keep(deviations[k], factor, k);
        }
        Dispose();
        return (means, diagonal, factor);
    }

    /// <inheritdoc/>
    public void Dispose()
    {
        foreach (var tensor in deviations.Concat([start, offset, velocity, mean, squares])) tensor.Dispose();
    }

    /// <summary>Zeros of the parameter's shape, one tensor a row of the array; views of it where that is possible.</summary>
    private Tensor[] Over(float[] values, int rows)
    {
        if (!onHost) return [.. Enumerable.Range(0, rows).Select(_ => zeros_like(start).DetachFromDisposeScope())];
        using var flat = frombuffer(values, ScalarType.Float32);
        using var all = flat.reshape(rows, start.numel());
        return [.. Enumerable.Range(0, rows).Select(row => all.select(0, row).reshape(start.shape).DetachFromDisposeScope())];
    }

    private void Keep(Tensor tensor, float[] values, int row)
    {
        if (onHost || tensor.numel() == 0) return;
        using var host = tensor.to(ScalarType.Float32).cpu().contiguous();
        host.data<float>().CopyTo(values.AsSpan((int)(row * tensor.numel()), (int)tensor.numel()));
    }
}
