using System.Globalization;
using System.Xml.Linq;
using OnnxPriors.Runtime.Evaluation;

namespace OnnxPriors.Cli.Reports;

/// <summary>
/// A reliability diagram (Guo et al. 2017, figure 1): accuracy within bins of confidence, the gap to the mean confidence, and under it
/// how many examples each bin holds.
/// </summary>
internal static class ReliabilityChart
{
    private const double Width = 204, Left = 38, Right = 8, Top = 8, Plot = 158, Between = 14, Counts = 46, Bottom = 38;

    /// <summary>Draws one way's diagram.</summary>
    /// <param name="title">The way.</param>
    /// <param name="colour">The number of its colour.</param>
    /// <param name="bins">Its bins.</param>
    /// <param name="mostInOneBin">The height of the counts: the largest count of all diagrams side by side.</param>
    public static XElement Draw(string title, int colour, IReadOnlyList<ReliabilityBin> bins, int mostInOneBin)
    {
        var across = new Axis(0, 1, Left, Width - Right);
        var up = new Axis(0, 1, Top + Plot, Top);
        var floor = Top + Plot + Between + Counts;
        var counts = new Axis(0, Math.Max(mostInOneBin, 1), floor, floor - Counts);
        var filled = bins.Where(bin => bin.Count > 0).ToList();
        return Svg.Drawing(
            Width, floor + Bottom, $"Reliability diagram: {title}",
            new[] { 0, 0.25, 0.5, 0.75, 1 }.Select(tick => Svg.Group(
                "tick",
                Svg.Line("grid", Left, up.At(tick), Width - Right, up.At(tick)),
                Svg.Label("axis", Left - 5, up.At(tick) + 4, Percent(tick), "end"),
                tick is 0 or 0.5 or 1 ? Svg.Label("axis", across.At(tick), floor + 16, Percent(tick), tick == 0 ? "start" : tick == 1 ? "end" : "middle") : null)),
            Svg.Group($"way-{colour}", filled.Select(bin => Bar(bin, across, up, counts, floor))),
            Svg.Line("diagonal", across.At(0), up.At(0), across.At(1), up.At(1)),
            Svg.Line("base", Left, floor, Width - Right, floor),
            Svg.Label("axis", Left - 5, floor - Counts + 8, mostInOneBin.ToString("N0", CultureInfo.InvariantCulture), "end"),
            Svg.Label("axis", Left - 5, floor + 1, "0", "end"),
            Svg.Label("axis-title", (Left + Width - Right) / 2, floor + 33, "Confidence", "middle"));
    }

    private static object[] Bar(ReliabilityBin bin, Axis across, Axis up, Axis counts, double floor)
    {
        // A bin of equal mass may be narrower than a line.
        var left = across.At(bin.Low) + 0.75;
        var right = Math.Max(across.At(bin.High) - 0.75, left + 1);
        var tip = string.Create(CultureInfo.InvariantCulture,
            $"confidence {Percent(bin.Low)} to {Percent(bin.High)}: {bin.Count:N0} examples, {bin.Accuracy:0.0%} right, mean confidence {bin.Confidence:0.0%}");
        var (upper, lower) = (Math.Max(bin.Accuracy, bin.Confidence), Math.Min(bin.Accuracy, bin.Confidence));
        return
        [
            Svg.Rectangle("bar", left, up.At(bin.Accuracy), right - left, up.At(0) - up.At(bin.Accuracy), tip),
            Svg.Rectangle(bin.Confidence > bin.Accuracy ? "gap over" : "gap under", left, up.At(upper), right - left, up.At(lower) - up.At(upper), tip),
            Svg.Rectangle("count", left, counts.At(bin.Count), right - left, floor - counts.At(bin.Count), tip),
        ];
    }

    private static string Percent(double share) => share.ToString("0%", CultureInfo.InvariantCulture);
}
