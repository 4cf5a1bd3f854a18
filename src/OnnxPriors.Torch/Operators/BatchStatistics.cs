using static TorchSharp.torch;

namespace OnnxPriors.Torch.Operators;

/// <summary>The statistics with which BatchNormalization nodes standardise.</summary>
public enum BatchStatistics
{
    /// <summary>The running statistics of the file: the inference form. Scale and shift train.</summary>
    Frozen,

    /// <summary>Those of the batch at hand.</summary>
    Batch,
}

/// <summary>Sums batch statistics over forward passes; each running statistic becomes their mean (cumulative moving average).</summary>
internal sealed class StatisticsEstimate : IDisposable
{
    private readonly Dictionary<string, (Tensor Sum, int Count)> sums = new(StringComparer.Ordinal);

    /// <summary>Adds one batch's value of a statistic.</summary>
    /// <param name="name">The running statistic's name in the graph.</param>
    /// <param name="value">The batch's value [C].</param>
    public void Add(string name, Tensor value)
    {
        using var wide = value.to(ScalarType.Float64);
        if (!sums.TryGetValue(name, out var entry))
            entry = (zeros_like(wide).DetachFromDisposeScope(), 0);
        entry.Sum.add_(wide);
        sums[name] = (entry.Sum, entry.Count + 1);
    }

    /// <summary>Writes the means into the running statistics.</summary>
    /// <param name="statistics">The running statistics by name; those that no batch reached stay as they are.</param>
    public void WriteTo(IReadOnlyDictionary<string, Tensor> statistics)
    {
        foreach (var (name, (sum, count)) in sums)
            if (statistics.TryGetValue(name, out var statistic))
            {
                using var mean = sum / count;
                statistic.copy_(mean);
            }
    }

    /// <inheritdoc/>
    public void Dispose()
    {
        foreach (var (sum, _) in sums.Values) sum.Dispose();
        sums.Clear();
    }
}
