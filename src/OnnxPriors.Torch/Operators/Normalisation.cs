using static TorchSharp.torch;

namespace OnnxPriors.Torch.Operators;

/// <summary>Operators that bring groups of elements to a common mean, variance or norm.</summary>
internal static class Normalisation
{
    public static OperatorTable Table { get; } = new()
    {
        { "BatchNormalization", BatchNormalization },
        { "InstanceNormalization", c => Standardised(c[0], Axes(c[0], 2), c.Attributes.Float("epsilon", 1e-5f)) * PerChannel(c[1], c[0]) + PerChannel(c[2], c[0]) },
        { "LayerNormalization", LayerNormalization },
        { "GroupNormalization", GroupNormalization },
        { "RMSNormalization", c => c[0] * (c[0].square().mean(Axes(c[0], c.Axis(c[0].dim(), -1, "axis")), keepdim: true) + c.Attributes.Float("epsilon", 1e-5f)).rsqrt() * c[1] },
        { "MeanVarianceNormalization", c => MeanVariance(c[0], c.Attributes.Ints("axes") ?? [0, 2, 3]) },
        { "LpNormalization", c => LpNormalized(c[0], c.Axis(c[0].dim(), -1, "axis"), c.Attributes.Int("p", 2)) },
        { "LRN", LocalResponse },
    };

    private static long[] Axes(Tensor x, int first) => [.. Enumerable.Range(first, (int)x.dim() - first).Select(a => (long)a)];

    private static Tensor PerChannel(Tensor v, Tensor x)
    {
        long[] shape = [1, -1, .. Enumerable.Repeat(1L, (int)x.dim() - 2)];
        return v.reshape(shape);
    }

    private static (Tensor Centred, Tensor Mean, Tensor InverseDeviation) Moments(Tensor x, long[] axes, double epsilon)
    {
        var mean = x.mean(axes, keepdim: true);
        var centred = x - mean;
        return (centred, mean, (centred.square().mean(axes, keepdim: true) + epsilon).rsqrt());
    }

    private static Tensor Standardised(Tensor x, long[] axes, double epsilon)
    {
        var (centred, _, inverse) = Moments(x, axes, epsilon);
        return centred * inverse;
    }

    // x [N, C, …]. With frozen statistics an affine map per channel; with batch statistics those of x over all axes but the channels'.
    private static Tensor?[] BatchNormalization(Call call)
    {
        var (x, scale, shift, mean, variance) = (call[0], call[1], call[2], call[3], call[4]);
        double epsilon = call.Attributes.Float("epsilon", 1e-5f);
        bool training = call.Attributes.Flag("training_mode");
        if (!training && call.Engine.Statistics == BatchStatistics.Frozen && call.Engine.Estimate is null)
        {
            // libtorch's own does not differentiate for the statistics, which an unusual graph may compute.
            return mean.requires_grad || variance.requires_grad
                ? [(x - PerChannel(mean, x)) * PerChannel((variance + epsilon).rsqrt() * scale, x) + PerChannel(shift, x)]
                : [nn.functional.batch_norm(x, mean, variance, scale, shift, training: false, eps: epsilon)];
        }
        // With momentum 1 libtorch leaves the batch's own mean and unbiased variance in these.
        var (batchMean, batchVariance) = (mean.detach().clone(), variance.detach().clone());
        var y = nn.functional.batch_norm(x, batchMean, batchVariance, scale, shift, training: true, momentum: 1, eps: epsilon);
        if (call.Engine.Estimate is { } estimate && call.Node.TryInput(3) is { } meanValue && call.Node.TryInput(4) is { } varianceValue)
        {
            estimate.Add(meanValue.Name, batchMean);
            estimate.Add(varianceValue.Name, batchVariance);
        }
        if (!training) return [y];
        double momentum = call.Attributes.Float("momentum", 0.9f), count = x.numel() / (double)x.shape[1];
        var population = batchVariance * ((count - 1) / count);
        return [y, mean * momentum + batchMean * (1 - momentum), variance * momentum + population * (1 - momentum)];
    }

    private static Tensor?[] LayerNormalization(Call call)
    {
        var x = call[0];
        var (centred, mean, inverse) = Moments(x, Axes(x, call.Axis(x.dim(), -1, "axis")), call.Attributes.Float("epsilon", 1e-5f));
        var y = centred * inverse * call[1];
        return [call.Optional(2) is { } shift ? y + shift : y, mean, inverse];
    }

    // Scale and shift are one a group at opset 18 and one a channel from 21 on.
    private static Tensor GroupNormalization(Call call)
    {
        var x = call[0];
        long groups = call.Attributes.Int("num_groups");
        long[] grouped = [x.shape[0], groups, -1];
        var y = Standardised(x.reshape(grouped), [2], call.Attributes.Float("epsilon", 1e-5f)).reshape(x.shape);
        return y * Spread(call[1]) + Spread(call[2]);

        Tensor Spread(Tensor v) => PerChannel(v.numel() == x.shape[1] ? v : v.repeat_interleave(x.shape[1] / groups), x);
    }

    private static Tensor MeanVariance(Tensor x, long[] axes)
    {
        var centred = x - x.mean(axes, keepdim: true);
        return centred / (centred.square().mean(axes, keepdim: true).sqrt() + 1e-9);
    }

    private static Tensor LpNormalized(Tensor x, int axis, long p)
    {
        long[] axes = [axis];
        var norm = p == 1 ? x.abs().sum(axes, keepdim: true) : linalg.vector_norm(x, 2, axes, keepdim: true);
        return x / where(norm == 0, ones_like(norm), norm);
    }

    // The window over channels holds floor((size − 1)/2) before and ceil((size − 1)/2) after; libtorch's own has them the other way round.
    private static Tensor LocalResponse(Call call)
    {
        var x = call[0];
        long size = call.Attributes.Int("size"), before = (size - 1) / 2;
        double alpha = call.Attributes.Float("alpha", 1e-4f), beta = call.Attributes.Float("beta", 0.75f), bias = call.Attributes.Float("bias", 1f);
        var pads = new long[2 * x.dim()];
        (pads[1], pads[1 + x.dim()]) = (before, size - 1 - before);
        var squares = Padding.Constant(x.square(), pads, 0);
        var sum = squares.narrow(1, 0, x.shape[1]);
        for (var i = 1; i < size; i++) sum = sum + squares.narrow(1, i, x.shape[1]);
        return x / (bias + alpha / size * sum).pow(beta);
    }
}
