using System.Globalization;

namespace OnnxPriors.Cli.Reports;

/// <summary>Mean and sample standard deviation over seeds.</summary>
/// <param name="Mean">The mean; NaN where a value is not finite or there is none.</param>
/// <param name="Deviation">√(Σ(x − mean)² / (n − 1)); 0 for a single value.</param>
public readonly record struct Spread(double Mean, double Deviation)
{
    /// <summary>Sums up values.</summary>
    /// <param name="values">One value a seed.</param>
    public static Spread Of(IReadOnlyCollection<double> values)
    {
        ArgumentNullException.ThrowIfNull(values);
        if (values.Count == 0 || values.Any(value => !double.IsFinite(value)))
            return new Spread(double.NaN, double.NaN);
        var mean = values.Average();
        var squares = values.Sum(value => (value - mean) * (value - mean));
        return new Spread(mean, values.Count > 1 ? Math.Sqrt(squares / (values.Count - 1)) : 0);
    }

    /// <summary>The mean and deviation as text, 'mean ± deviation', or '–' where a run gave no number.</summary>
    /// <param name="factor">What both are multiplied with: 100 for per cent.</param>
    /// <param name="digits">Digits after the point.</param>
    public string Format(double factor, int digits) => double.IsNaN(Mean)
        ? "–"
        : string.Create(CultureInfo.InvariantCulture, $"{Fixed(Mean * factor, digits)} ± {Fixed(Deviation * factor, digits)}");

    private static string Fixed(double value, int digits) => value.ToString("F" + digits, CultureInfo.InvariantCulture);
}
