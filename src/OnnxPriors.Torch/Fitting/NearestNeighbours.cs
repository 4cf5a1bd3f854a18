using System.Numerics.Tensors;

namespace OnnxPriors.Torch.Fitting;

/// <summary>
/// What features are worth without training anything on them: each query's class is voted by the K reference examples whose features
/// have the largest cosine with its own, each vote weighing exp(cosine/0.07) (Wu and others, 'Unsupervised Feature Learning via
/// Non-Parametric Instance Discrimination', 2018, section 3.4). Equal votes go to the lower class.
/// </summary>
public static class NearestNeighbours
{
    private const double Temperature = 0.07;

    /// <summary>The share of queries whose class is voted right, from 0 to 1.</summary>
    /// <param name="references">Features [F] of examples whose classes vote.</param>
    /// <param name="referenceLabels">Their classes.</param>
    /// <param name="queries">Features [F] of examples whose classes are voted.</param>
    /// <param name="queryLabels">Their classes.</param>
    /// <param name="neighbours">K, at least 1.</param>
    /// <exception cref="FitException">K is below 1 or above the number of references, or there is no query.</exception>
    public static double Accuracy(
        IReadOnlyList<float[]> references, IReadOnlyList<long> referenceLabels, IReadOnlyList<float[]> queries, IReadOnlyList<long> queryLabels, int neighbours)
    {
        ArgumentNullException.ThrowIfNull(references);
        ArgumentNullException.ThrowIfNull(queries);
        if (neighbours < 1 || neighbours > references.Count)
            throw new FitException($"{neighbours} neighbours cannot be found among {references.Count} examples; give --neighbours 1 to {references.Count}.");
        if (queries.Count == 0)
            throw new FitException("There is no example whose neighbours could be looked for.");
        float[][] known = [.. references.Select(Unit)];
        var right = 0;
        Parallel.For(0, queries.Count, query =>
        {
            var unit = Unit(queries[query]);
            float[] cosines = [.. known.Select(reference => TensorPrimitives.Dot<float>(reference, unit))];
            var votes = Enumerable.Range(0, known.Length).OrderByDescending(i => cosines[i]).Take(neighbours)
                .GroupBy(i => referenceLabels[i], i => Math.Exp((cosines[i] - 1) / Temperature));
            var winner = votes.OrderByDescending(vote => vote.Sum()).ThenBy(vote => vote.Key).First().Key;
            if (winner == queryLabels[query])
                Interlocked.Increment(ref right);
        });
        return (double)right / queries.Count;
    }

    private static float[] Unit(float[] features)
    {
        var norm = TensorPrimitives.Norm<float>(features);
        return norm > 0 ? [.. features.Select(value => value / norm)] : features;
    }
}
