namespace OnnxPriors.Cli.Reports;

/// <summary>Maps values to places in a drawing, linearly or by logarithm, and knows where its ticks stand.</summary>
/// <param name="Low">The value at <paramref name="Start"/>.</param>
/// <param name="High">The value at <paramref name="End"/>, above <paramref name="Low"/>.</param>
/// <param name="Start">The place of <paramref name="Low"/>, in drawing units.</param>
/// <param name="End">The place of <paramref name="High"/>; below <paramref name="Start"/> on an axis that points upwards.</param>
/// <param name="Logarithmic">Whether equal ratios, rather than equal differences, are equally long.</param>
internal sealed record Axis(double Low, double High, double Start, double End, bool Logarithmic = false)
{
    /// <summary>The distance of ticks on a linear axis; 0 where it follows from the number of ticks asked for.</summary>
    private double TickStep { get; init; }

    private static readonly double[] Steps = [1, 2, 5, 10];

    /// <summary>A linear axis that covers the values from tick to tick.</summary>
    public static Axis Covering(IEnumerable<double> values, double start, double end, int ticks = 5)
    {
        var (low, high) = Range(values);
        if (high - low < 1e-9)
            (low, high) = (low - 0.5, high + 0.5);
        var step = Step((high - low) / ticks);
        return new Axis(Math.Floor((low / step) + 1e-9) * step, Math.Ceiling((high / step) - 1e-9) * step, start, end) { TickStep = step };
    }

    /// <summary>A logarithmic axis that covers the positive values from tick to tick (1, 2, 5, 10, …).</summary>
    public static Axis CoveringLogarithmically(IEnumerable<double> values, double start, double end)
    {
        var (low, high) = Range(values.Where(value => value > 0));
        var ladder = Ladder(low <= 0 ? 0.1 : low, high <= 0 ? 1 : high).ToList();
        return new Axis(ladder[0], ladder[^1], start, end, Logarithmic: true);
    }

    /// <summary>The place of a value; values beyond the ends stand at the ends.</summary>
    public double At(double value)
    {
        var inside = Math.Clamp(value, Low, High);
        var share = Logarithmic ? Math.Log(inside / Low) / Math.Log(High / Low) : (inside - Low) / (High - Low);
        return Start + (share * (End - Start));
    }

    /// <summary>Round values to mark from low to high: those that the axis was laid on, else about <paramref name="count"/>.</summary>
    public IEnumerable<double> Ticks(int count = 5)
    {
        if (Logarithmic)
            return Ladder(Low, High);
        var step = TickStep > 0 ? TickStep : Step((High - Low) / count);
        var first = (long)Math.Ceiling((Low / step) - 1e-9);
        var last = (long)Math.Floor((High / step) + 1e-9);
        return Enumerable.Range(0, (int)(last - first + 1)).Select(index => (first + index) * step);
    }

    private static (double Low, double High) Range(IEnumerable<double> values)
    {
        var finite = values.Where(double.IsFinite).ToList();
        return finite.Count == 0 ? (0, 1) : (finite.Min(), finite.Max());
    }

    /// <summary>The smallest of 1, 2 and 5 times a power of ten that is no smaller than <paramref name="least"/>.</summary>
    private static double Step(double least)
    {
        var power = Math.Pow(10, Math.Floor(Math.Log10(least)));
        return power * Steps.First(step => step * power >= least * (1 - 1e-9));
    }

    /// <summary>1, 2, 5, 10, … from the last one not above <paramref name="low"/> to the first not below <paramref name="high"/>, and at least two.</summary>
    private static IEnumerable<double> Ladder(double low, double high)
    {
        var power = Math.Pow(10, Math.Floor(Math.Log10(low) + 1e-9));
        var rung = Enumerable.Range(0, 3).Last(index => Steps[index] * power <= low * (1 + 1e-9));
        var written = 0;
        for (var value = Steps[rung] * power; ; value = Steps[rung] * power)
        {
            yield return value;
            written++;
            if (value >= high * (1 - 1e-9) && written > 1)
                yield break;
            if (++rung == 3)
                (rung, power) = (0, power * 10);
        }
    }
}
