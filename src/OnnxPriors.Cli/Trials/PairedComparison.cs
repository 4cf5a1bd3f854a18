using OnnxPriors.Cli.Reports;

namespace OnnxPriors.Cli.Trials;

/// <summary>
/// Two ways' values over the same seeds, compared seed by seed: each seed draws its examples once for all ways, so the draws' luck
/// cancels in the differences (paired t-test, two-sided at 5 %).
/// </summary>
/// <param name="Difference">The mean difference, first minus second.</param>
/// <param name="StandardError">Its standard error over the seeds.</param>
/// <param name="Margin">Half the width of its 95 % confidence interval; not a number for a single seed.</param>
internal readonly record struct PairedComparison(double Difference, double StandardError, double Margin)
{
    /// <summary>Whether it passes the test: the interval leaves zero out.</summary>
    public bool IsClear => Difference != 0 && Math.Abs(Difference) > Margin;

    /// <summary>Compares.</summary>
    /// <param name="first">One value a seed.</param>
    /// <param name="second">The other way's, of the same seeds in the same order.</param>
    /// <exception cref="ArgumentException">They are not of the same seeds.</exception>
    public static PairedComparison Of(IReadOnlyList<double> first, IReadOnlyList<double> second)
    {
        if (first.Count != second.Count)
            throw new ArgumentException($"{first.Count} values cannot be compared with {second.Count} seed by seed.", nameof(second));
        var spread = Spread.Of([.. first.Zip(second, (a, b) => a - b)]);
        var error = spread.Deviation / Math.Sqrt(first.Count);
        return new PairedComparison(spread.Mean, error, first.Count > 1 ? StudentT.Quantile975(first.Count - 1) * error : double.NaN);
    }
}
