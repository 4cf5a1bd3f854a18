using System.Globalization;
using System.Xml.Linq;

namespace OnnxPriors.Cli.Reports;

/// <summary>A measure against the number of labels: of each method the mean over its seeds, with bars of one standard deviation either side.</summary>
internal static class LabelsChart
{
    private const double Width = 560, Height = 340, Left = 54, Right = 22, Top = 14, Bottom = 46;

    /// <summary>What a line is made of.</summary>
    /// <param name="Title">The method.</param>
    /// <param name="Colour">The number of its colour.</param>
    /// <param name="IsDashed">Whether it is dashed: an average over samples.</param>
    /// <param name="Points">Its values by number of labels.</param>
    public sealed record Line(string Title, int Colour, bool IsDashed, IReadOnlyList<(int Labels, Spread Value)> Points);

    /// <summary>Draws the lines; null where no method has a number.</summary>
    /// <param name="title">The measure.</param>
    /// <param name="lines">The methods.</param>
    /// <param name="format">Writes a tick.</param>
    public static XElement? Draw(string title, IReadOnlyList<Line> lines, Func<double, string> format)
    {
        var drawn = lines.Select(line => line with { Points = [.. line.Points.Where(point => double.IsFinite(point.Value.Mean))] }).Where(line => line.Points.Count > 0).ToList();
        if (drawn.Count == 0)
            return null;
        var labels = drawn.SelectMany(line => line.Points.Select(point => point.Labels)).Distinct().Order().ToList();
        // Half a step of room at both ends, where the bars of the methods stand beside each other.
        var across = new Axis(labels[0] / 1.35, labels[^1] * 1.35, Left, Width - Right, Logarithmic: true);
        var up = Axis.Covering(drawn.SelectMany(line => line.Points).SelectMany(point => new[] { point.Value.Mean - point.Value.Deviation, point.Value.Mean + point.Value.Deviation }), Height - Bottom, Top);
        return Svg.Drawing(
            Width, Height, $"{title} by labels per class",
            up.Ticks().Select(tick => Svg.Group(
                "tick", Svg.Line("grid", Left, up.At(tick), Width - Right, up.At(tick)), Svg.Label("axis", Left - 8, up.At(tick) + 4, format(tick), "end"))),
            Svg.Line("base", Left, Height - Bottom, Width - Right, Height - Bottom),
            labels.Select(count => Svg.Label("axis", across.At(count), Height - Bottom + 18, count.ToString(CultureInfo.InvariantCulture), "middle")),
            Svg.Label("axis-title", (Left + Width - Right) / 2, Height - 6, "Labels per class (logarithmic)", "middle"),
            drawn.Select((line, index) => Draw(line, index - ((drawn.Count - 1) / 2.0), across, up, format)));
    }

    private static XElement Draw(Line line, double place, Axis across, Axis up, Func<double, string> format)
    {
        // Methods stand side by side at each number of labels, so that their bars can be told apart.
        double At(int labels) => across.At(labels) + (4 * place);
        return Svg.Group(
            $"way-{line.Colour}",
            new XElement("title", HtmlReport.Clean(line.Title)),
            Svg.Polyline(line.IsDashed ? "curve dashed" : "curve", line.Points.Select(point => (At(point.Labels), up.At(point.Value.Mean)))),
            line.Points.Select(point => Svg.Line("whisker", At(point.Labels), up.At(point.Value.Mean - point.Value.Deviation), At(point.Labels), up.At(point.Value.Mean + point.Value.Deviation))),
            line.Points.Select(point => Svg.Circle(
                line.IsDashed ? "ring" : "end", At(point.Labels), up.At(point.Value.Mean), 3.6,
                string.Create(CultureInfo.InvariantCulture, $"{line.Title}, {point.Labels} labels a class: {format(point.Value.Mean)} ± {format(point.Value.Deviation)}"))));
    }
}
