using OnnxPriors.Graphs;

namespace OnnxPriors.Gradients.Rules;

/// <summary>
/// BatchNormalization (Ioffe and Szegedy, 2015) of [N, C, D₁, …] in both forms. With fixed statistics it is an affine map of each channel. With the batch's own
/// it is a normalisation over all axes but the channels; the running statistics that form also gives are state, and have no gradient.
/// </summary>
internal static class BatchNormalizationGradient
{
    public static IReadOnlyDictionary<string, GradientRule> Rules { get; } = new Dictionary<string, GradientRule>(StringComparer.Ordinal)
    {
        ["BatchNormalization"] = c =>
        {
            if (c.Attributes.Flag("training_mode"))
                BatchStatistics(c);
            else
                FixedStatistics(c);
        },
    };

    /// <summary>Mean and biased variance of each channel [C] of a batch.</summary>
    public static (Value Mean, Value Variance) Statistics(GraphBuilder b, Value x)
    {
        var axes = OtherAxes(x);
        var mean = b.ReduceMean(x, axes);
        var centred = x - mean;
        return (b.Reshape(mean, -1), b.ReduceMean(centred * centred, axes, keep: false));
    }

    private static void FixedStatistics(GradientCall c)
    {
        var (b, x, scale, mean, dy) = (c.B, c.X(0), c.X(1), c.X(3), c.Dy());
        var inverse = Inverse(c, c.X(4));
        c.Give(0, () => dy * Channels(b, scale * inverse, x));
        c.Give(1, () => Deviations(b, x, mean, dy) * inverse);
        c.Give(2, () => Sum(b, dy));
        c.Give(3, () => -(Sum(b, dy) * scale * inverse));
        c.Give(4, () => Deviations(b, x, mean, dy) * scale * inverse * inverse * inverse * -0.5);
    }

    private static void BatchStatistics(GradientCall c)
    {
        var (b, x, scale, dy) = (c.B, c.X(0), c.X(1), c.Dy());
        var (mean, variance) = Statistics(b, x);
        var inverse = Inverse(c, variance);
        var sum = Sum(b, dy);
        var product = Deviations(b, x, mean, dy) * inverse;
        // dx = a (dy − mean(dy) − x̂ mean(dy x̂)) with a = scale/σ: one affine map of dy and one of x for each channel.
        c.Give(0, () =>
        {
            var a = scale * inverse;
            var count = Places(b, x);
            var ofX = b.BatchNormalization(x, -(a * inverse * product / count), -(a * sum / count), mean, b.FilledLike(mean, 1), 0);
            return dy * Channels(b, a, x) + ofX;
        });
        c.Give(1, () => product);
        c.Give(2, () => sum);
    }

    private static Value Inverse(GradientCall c, Value variance) => 1 / c.B.Sqrt(variance + c.Attributes.Float("epsilon", 1e-5f));

    // Σ dy (x − mean) as two sums: the rounding of x·dy is of the size that x's own rounding gives.
    private static Value Deviations(GraphBuilder b, Value x, Value mean, Value dy) => Sum(b, dy * x) - mean * Sum(b, dy);

    private static Value Sum(GraphBuilder b, Value x) => b.ReduceSum(x, OtherAxes(x), keep: false);

    private static long[] OtherAxes(Value x) => [0, .. Enumerable.Range(2, Math.Max(0, x.Rank - 2)).Select(i => (long)i)];

    private static Value Channels(GraphBuilder b, Value perChannel, Value x) =>
        x.Rank <= 2 ? perChannel : b.Unsqueeze(perChannel, [.. Enumerable.Range(1, x.Rank - 2).Select(i => (long)i)]);

    private static Value Places(GraphBuilder b, Value x) =>
        b.Cast(b.ReduceProd(b.Gather(b.ShapeOf(x), b.Ints(OtherAxes(x)), 0), [0], keep: false), x.Type);
}
