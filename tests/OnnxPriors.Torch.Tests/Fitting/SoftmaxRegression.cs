using OnnxPriors.Graphs;
using OnnxPriors.Torch.Fitting;

namespace OnnxPriors.Torch.Tests.Fitting;

/// <summary>A linear classifier on random points: small enough to follow every step of a fit in float64.</summary>
internal sealed class SoftmaxRegression : ILabelledBatches
{
    public const int Features = 4, Classes = 3, Batch = 8, BatchesPerEpoch = 6;

    private readonly List<LabelledBatch> batches = [];

    public SoftmaxRegression(int seed)
    {
        var random = new Random(seed);
        for (var b = 0; b < BatchesPerEpoch; b++)
        {
            var x = new float[Batch * Features];
            for (var i = 0; i < x.Length; i++) x[i] = (float)(2 * random.NextDouble() - 1);
            var labels = new long[Batch];
            for (var i = 0; i < Batch; i++) labels[i] = random.NextDouble() < 0.2 ? random.Next(Classes) : x[i * Features] > 0.3 ? 0 : x[i * Features + 1] > 0 ? 1 : 2;
            batches.Add(new LabelledBatch(x, [Batch, Features], labels));
        }
        W = [.. Enumerable.Range(0, Classes * Features).Select(_ => (float)(0.5 * random.NextDouble() - 0.25))];
        B = [.. Enumerable.Range(0, Classes).Select(_ => (float)(0.5 * random.NextDouble() - 0.25))];
    }

    /// <summary>Weights [classes, features].</summary>
    public float[] W { get; }

    /// <summary>Bias [classes].</summary>
    public float[] B { get; }

    public Graph Graph()
    {
        var b = new GraphBuilder();
        var x = b.Input("x", ElementType.Float, [Dimension.Symbolic("batch"), Features]);
        var logits = b.Apply("Gemm",
            [x, b.Parameter("w", TensorData.Of(W, Classes, Features)), b.Parameter("b", TensorData.Of(B, Classes))],
            Attributes.None.With("transB", 1));
        return b.Build([("logits", logits)]);
    }

    public IEnumerable<LabelledBatch> Epoch(int epoch) => batches.Select((_, i) => batches[(i + epoch) % BatchesPerEpoch]);

    /// <summary>The mean cross-entropy's gradient by its closed form, (softmax − one-hot)ᵀ x / batch, then the bias's.</summary>
    public static double[] Gradient(LabelledBatch batch, double[] theta)
    {
        var gradient = new double[theta.Length];
        var x = batch.Values.Span;
        var labels = batch.Labels.Span;
        for (var n = 0; n < labels.Length; n++)
        {
            var logits = new double[Classes];
            for (var c = 0; c < Classes; c++)
            {
                logits[c] = theta[Classes * Features + c];
                for (var f = 0; f < Features; f++) logits[c] += theta[c * Features + f] * x[n * Features + f];
            }
            double total = logits.Sum(Math.Exp);
            for (var c = 0; c < Classes; c++)
            {
                double d = (Math.Exp(logits[c]) / total - (labels[n] == c ? 1 : 0)) / labels.Length;
                for (var f = 0; f < Features; f++) gradient[c * Features + f] += d * x[n * Features + f];
                gradient[Classes * Features + c] += d;
            }
        }
        return gradient;
    }
}
