using OnnxPriors.Cli.Reports;

namespace OnnxPriors.Cli.Demo;

/// <summary>
/// Two ways' values over the same seeds, compared seed by seed: each seed draws its examples once for all ways, so the draws' luck
/// cancels in the differences (paired t-test, two-sided at 5 %).
/// </summary>
/// <param name="Difference">The mean difference, first minus second.</param>
/// <param name="StandardError">Its standard error over the seeds.</param>
/// <param name="IsClear">Whether it passes the test.</param>
internal readonly record struct PairedComparison(double Difference, double StandardError, bool IsClear)
{
    // The 97.5 % points of Student's t for 1 … 10 degrees of freedom (Student 1908; any table), and the normal one beyond, a little raised.
    private static readonly double[] Quantiles = [12.706, 4.303, 3.182, 2.776, 2.571, 2.447, 2.365, 2.306, 2.262, 2.228];
    private const double LastQuantile = 2.2;

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
        var freedom = first.Count - 1;
        var isClear = freedom > 0 && spread.Mean != 0
            && Math.Abs(spread.Mean) > (freedom <= Quantiles.Length ? Quantiles[freedom - 1] : LastQuantile) * error;
        return new PairedComparison(spread.Mean, error, isClear);
    }
}
