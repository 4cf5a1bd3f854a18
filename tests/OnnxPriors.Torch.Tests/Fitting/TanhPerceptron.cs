using OnnxPriors.Graphs;
using OnnxPriors.Torch.Fitting;

namespace OnnxPriors.Torch.Tests.Fitting;

/// <summary>A perceptron of one hidden layer, 4 → 5 → 3, whose Jacobian is written out in float64: the reference for curvatures.</summary>
internal sealed class TanhPerceptron : ILabelledBatches
{
    public const int Inputs = 4, Hidden = 5, Classes = 3, Count = Inputs * Hidden + Hidden + Hidden * Classes + Classes;

    private readonly float[] w1, b1, w2, b2, x;
    private readonly int batch;

    public TanhPerceptron(int seed, int examples, int batch)
    {
        var random = new Random(seed);
        (w1, b1, w2, b2) = (Values(Inputs * Hidden, 0.8), Values(Hidden, 0.3), Values(Hidden * Classes, 1.5), Values(Classes, 0.5));
        x = Values(examples * Inputs, 2);
        Labels = [.. Enumerable.Range(0, examples).Select(_ => (long)random.Next(Classes))];
        this.batch = batch;

        float[] Values(int count, double scale) => [.. Enumerable.Range(0, count).Select(_ => (float)(scale * (2 * random.NextDouble() - 1)))];
    }

    public long[] Labels { get; }

    public double[] Weights => [.. w1.Concat(b1).Concat(w2).Concat(b2).Select(v => (double)v)];

    public Graph Graph()
    {
        var b = new GraphBuilder();
        var input = b.Input("x", ElementType.Float, [Dimension.Symbolic("batch"), Inputs]);
        var hidden = b.Apply("Tanh", [b.Gemm(input, b.Parameter("w1", TensorData.Of(w1, Inputs, Hidden)), b.Parameter("b1", TensorData.Of(b1, Hidden)))]);
        return b.Build([("logits", b.Gemm(hidden, b.Parameter("w2", TensorData.Of(w2, Hidden, Classes)), b.Parameter("b2", TensorData.Of(b2, Classes))))]);
    }

    public IEnumerable<LabelledBatch> Epoch(int epoch) => Part(0, Labels.Length);

    /// <summary>The examples from one to before another, in batches.</summary>
    public IEnumerable<LabelledBatch> Part(int from, int to)
    {
        for (var at = from; at < to; at += batch)
        {
            var end = Math.Min(at + batch, to);
            yield return new LabelledBatch(x.AsMemory(at * Inputs, (end - at) * Inputs), [end - at, Inputs], Labels.AsMemory(at, end - at));
        }
    }

    /// <summary>An example's probabilities [C] and Jacobian ∂z/∂θ [C][Count], by hand.</summary>
    public (double[] P, double[][] Jacobian) At(int example)
    {
        var h = new double[Hidden];
        for (var j = 0; j < Hidden; j++)
        {
            h[j] = b1[j];
            for (var i = 0; i < Inputs; i++) h[j] += (double)x[example * Inputs + i] * w1[i * Hidden + j];
            h[j] = Math.Tanh(h[j]);
        }
        double[] z = [.. Enumerable.Range(0, Classes).Select(c => b2[c] + Enumerable.Range(0, Hidden).Sum(j => h[j] * w2[j * Classes + c]))];
        var total = z.Sum(Math.Exp);
        var jacobian = new double[Classes][];
        for (var c = 0; c < Classes; c++)
        {
            var row = jacobian[c] = new double[Count];
            for (var j = 0; j < Hidden; j++)
            {
                var slope = w2[j * Classes + c] * (1 - h[j] * h[j]);
                for (var i = 0; i < Inputs; i++) row[i * Hidden + j] = slope * x[example * Inputs + i];
                row[Inputs * Hidden + j] = slope;
                row[Inputs * Hidden + Hidden + j * Classes + c] = h[j];
            }
            row[Count - Classes + c] = 1;
        }
        return ([.. z.Select(value => Math.Exp(value) / total)], jacobian);
    }
}
