using System.Globalization;
using System.Xml.Linq;

namespace OnnxPriors.Cli.Reports;

/// <summary>Learning curves: for each way the mean over its seeds as a line, and mean ± standard deviation as a band.</summary>
internal static class LearningCurveChart
{
    private const double Width = 560, Height = 330, Left = 50, Right = 16, Top = 14, Bottom = 44;

    /// <summary>What a chart shows of a point.</summary>
    /// <param name="Title">The vertical axis's name.</param>
    /// <param name="Value">Takes the value from a point.</param>
    /// <param name="Logarithmic">Whether the vertical axis is logarithmic.</param>
    /// <param name="Format">Writes a tick.</param>
    public sealed record Measure(string Title, Func<CurvePoint, double> Value, bool Logarithmic, Func<double, string> Format);

    public static readonly Measure Accuracy = new(
        "Accuracy", point => point.Accuracy, false, value => value.ToString("0.#%", CultureInfo.InvariantCulture));

    public static readonly Measure Nll = new(
        "Negative log-likelihood (nats)", point => point.Nll, true, value => value.ToString("0.###", CultureInfo.InvariantCulture));

    /// <summary>The chart, or null where no way kept a curve.</summary>
    public static XElement? Draw(IReadOnlyList<WayReport> ways, Measure measure)
    {
        var curves = ways.Select(way => Average(way, measure.Value)).ToList();
        var values = curves.SelectMany(curve => curve).ToList();
        if (values.Count == 0)
            return null;
        var epochs = new Axis(values.Min(point => point.Epoch), Math.Max(values.Max(point => point.Epoch), values.Min(point => point.Epoch) + 1), Left, Width - Right);
        var reached = values.SelectMany(point => new[] { point.Low, point.Mean, point.High });
        var heights = measure.Logarithmic
            ? Axis.CoveringLogarithmically(values.Select(point => point.Mean), Height - Bottom, Top)
            : Axis.Covering(reached, Height - Bottom, Top);

        var grid = heights.Ticks().Select(tick => Svg.Group(
            "tick",
            Svg.Line("grid", Left, heights.At(tick), Width - Right, heights.At(tick)),
            Svg.Label("axis", Left - 8, heights.At(tick) + 4, measure.Format(tick), "end")));
        var marks = epochs.Ticks(8).Where(tick => tick == Math.Floor(tick)).Select(tick =>
            Svg.Label("axis", epochs.At(tick), Height - Bottom + 18, tick.ToString(CultureInfo.InvariantCulture), "middle"));
        var bands = curves.Select((curve, index) => curve.Count < 2 ? null : Svg.Polygon($"band way-{index % ReportStyle.Colours}", [
            .. curve.Select(point => (epochs.At(point.Epoch), heights.At(point.High))),
            .. curve.Reverse().Select(point => (epochs.At(point.Epoch), heights.At(point.Low)))]));
        var lines = curves.Select((curve, index) => curve.Count == 0 ? null : Svg.Group(
            $"way-{index % ReportStyle.Colours}",
            new XElement("title", HtmlReport.Clean(ways[index].Title)),
            Svg.Polyline("curve", curve.Select(point => (epochs.At(point.Epoch), heights.At(point.Mean)))),
            Svg.Circle("end", epochs.At(curve[^1].Epoch), heights.At(curve[^1].Mean), 3.5)));
        return Svg.Drawing(
            Width, Height, $"Learning curves: {measure.Title} by epoch",
            grid,
            Svg.Line("base", Left, Height - Bottom, Width - Right, Height - Bottom),
            marks,
            Svg.Label("axis-title", (Left + Width - Right) / 2, Height - 6, "Epoch", "middle"),
            bands, lines);
    }

    /// <summary>Mean and deviation over the seeds at every epoch that all of them reached with finite values.</summary>
    internal static IReadOnlyList<(double Epoch, double Low, double Mean, double High)> Average(WayReport way, Func<CurvePoint, double> value)
    {
        var points = way.Seeds.SelectMany(seed => seed.Curve).GroupBy(point => point.Epoch).OrderBy(group => group.Key);
        return [.. points
            .Where(group => group.Count() == way.Seeds.Count && group.All(point => double.IsFinite(value(point))))
            .Select(group =>
            {
                var spread = Spread.Of([.. group.Select(value)]);
                return (group.Key, spread.Mean - spread.Deviation, spread.Mean, spread.Mean + spread.Deviation);
            })];
    }
}
