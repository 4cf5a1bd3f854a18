using TorchSharp;
using TorchSharp.Modules;
using static TorchSharp.torch;

namespace OnnxPriors.Torch.Fitting;

/// <summary>
/// One parameter tensor under SWAG: its path as an offset from the pretrained weights, SGD's momentum, the running moments of what was
/// collected, and the last deviations. All updates are in place: five tensors of the parameter's size and one for each deviation kept.
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
    private readonly bool recentred;
    private readonly Tensor start, offset, velocity, mean, squares;
    private readonly Tensor[] kept;

    // What the posterior takes over. On the CPU the tensors above are views of these, and nothing is ever copied.
    private readonly float[] means, diagonal;
    private readonly bool onHost;
    private float[] rows;

    /// <summary>Starts from the parameter's present value.</summary>
    /// <param name="name">The parameter's name.</param>
    /// <param name="parameter">The parameter; each step changes it in place.</param>
    /// <param name="keep">How many of the last collected are kept one by one; 0 for the moments alone.</param>
    /// <param name="recentred">Whether what is kept are deviations from the final mean; else each is one from the mean when it was collected.</param>
    public SwagMoments(string name, Parameter parameter, int keep, bool recentred = false)
    {
        Name = name;
        this.parameter = parameter;
        this.recentred = recentred;
        using var noGradients = no_grad();
        long count = parameter.numel();
        (means, diagonal, rows) = (new float[count], new float[count], new float[checked(keep * count)]);
        onHost = parameter.device_type == TorchSharp.DeviceType.CPU && parameter.dtype == ScalarType.Float32 && count > 0;
        start = parameter.detach().clone().DetachFromDisposeScope();
        (offset, velocity) = (zeros_like(start).DetachFromDisposeScope(), zeros_like(start).DetachFromDisposeScope());
        (mean, squares) = (Over(means, 1)[0], Over(diagonal, 1)[0]);
        kept = Over(rows, keep);
    }

    /// <summary>The parameter's name.</summary>
    public string Name { get; }

    /// <summary>The parameter's extents.</summary>
    public long[] Shape => parameter.shape;

    /// <summary>Weight vectors collected so far.</summary>
    public int Samples { get; private set; }

    /// <summary>The gradient that backward left, or null where the loss does not depend on the parameter.</summary>
    public Tensor? Gradient => parameter.grad;

    /// <summary>All that a fit has to remember of the tensor, to go on with it: name and values.</summary>
    public IEnumerable<(string Part, Tensor Values)> State =>
        [("offset", offset), ("velocity", velocity), ("mean", mean), ("squares", squares), .. kept.Select((tensor, i) => ($"kept.{i}", tensor))];

    /// <summary>One step of SGD with momentum m: v ← m·v + s·g + decay·θ, δ ← δ − rate·v, θ ← θ₀ + δ. The gradient is spent.</summary>
    /// <param name="rate">The learning rate.</param>
    /// <param name="momentum">m.</param>
    /// <param name="gradientScale">s, by which clipping scales the gradient.</param>
    /// <param name="decay">The weight decay.</param>
    public void Step(double rate, double momentum, double gradientScale, double decay)
    {
        if (parameter.grad is not { } gradient) return;
        using Scalar retained = momentum, share = gradientScale, pull = decay, back = -rate;
        velocity.mul_(retained).add_(gradient, alpha: share);
        if (decay > 0) velocity.add_(parameter, alpha: pull);
        offset.add_(velocity, alpha: back);
        parameter.copy_(start).add_(offset);
        gradient.zero_();
    }

    /// <summary>Takes the present weights into the moments, and themselves or their deviation in place of the oldest kept.</summary>
    public void Collect()
    {
        Samples++;
        using Scalar part = 1.0 / Samples, retained = (Samples - 1.0) / Samples;
        // Without a place to keep it the deviation is passing; the gradient, which is spent, is no place, as it may be absent.
        using var passing = kept.Length == 0 || recentred ? offset.sub(mean) : null;
        var deviation = passing ?? kept[(Samples - 1) % kept.Length];
        if (passing is null)
            deviation.copy_(offset).sub_(mean);
        else if (recentred)
            kept[(Samples - 1) % kept.Length].copy_(offset);
        mean.add_(deviation, alpha: part);
        squares.addcmul_(deviation, deviation, retained);
        // δ − the new mean is this share of δ − the old one.
        if (passing is null)
            deviation.mul_(retained);
    }

    /// <summary>Puts the tensor where it was when its <see cref="State"/> was saved; that has been filled in.</summary>
    /// <param name="samples">The weight vectors collected by then.</param>
    public void Restore(int samples)
    {
        Samples = samples;
        parameter.copy_(start).add_(offset);
    }

    /// <summary>Sets the parameter to the mean of what was collected.</summary>
    public void MoveToMean() => parameter.copy_(start).add_(mean);

    /// <summary>
    /// μ, the variance times a share, and what was kept, in no order of its own, times a unit: deviations [kept, elements] from the mean at
    /// their time or, recentred, from the final one. The moments are spent.
    /// </summary>
    /// <param name="share">What the variance is multiplied by: ½ in SWAG.</param>
    /// <param name="unit">What the deviations are multiplied by.</param>
    public (float[] Mean, float[] Diagonal, float[] Deviations) Take(double share, double unit)
    {
        using var noGradients = no_grad();
        using Scalar part = share / Samples, length = unit;
        squares.mul_(part);
        Keep(squares, diagonal, 0);
        for (var k = 0; k < kept.Length; k++)
        {
            if (recentred) kept[k].sub_(mean);
            kept[k].mul_(length);
            Keep(kept[k], rows, k);
        }
        mean.add_(start);
        Keep(mean, means, 0);
        Dispose();
        var deviations = rows;
        // They are the largest by far: whoever compresses them lets go of them tensor by tensor.
        rows = [];
        return (means, diagonal, deviations);
    }

    /// <inheritdoc/>
    public void Dispose()
    {
        foreach (var tensor in kept.Concat([start, offset, velocity, mean, squares])) tensor.Dispose();
    }

    /// <summary>Zeros of the parameter's shape, one tensor a row of the array; views of it where that is possible.</summary>
    private Tensor[] Over(float[] values, int count)
    {
        if (count == 0) return [];
        if (!onHost) return [.. Enumerable.Range(0, count).Select(_ => zeros_like(start).DetachFromDisposeScope())];
        using var flat = frombuffer(values, ScalarType.Float32);
        using var all = flat.reshape(count, start.numel());
        return [.. Enumerable.Range(0, count).Select(row => all.select(0, row).reshape(start.shape).DetachFromDisposeScope())];
    }

    private void Keep(Tensor tensor, float[] values, int row)
    {
        if (onHost || tensor.numel() == 0) return;
        using var host = tensor.to(ScalarType.Float32).cpu().contiguous();
        host.data<float>().CopyTo(values.AsSpan((int)(row * tensor.numel()), (int)tensor.numel()));
    }
}
