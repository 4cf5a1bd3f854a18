using System.Globalization;
using System.Xml.Linq;
using OnnxPriors.Runtime.Evaluation;

namespace OnnxPriors.Cli.Reports;

/// <summary>Risk-coverage curves: the share that is wrong among the most confident examples.</summary>
internal static class RiskCoverageChart
{
    private const double Width = 560, Height = 330, Left = 50, Right = 16, Top = 14, Bottom = 44;

    /// <summary>Draws the curves.</summary>
    /// <param name="curves">Each with its name; its place is its colour.</param>
    public static XElement Draw(IReadOnlyList<(string Title, IReadOnlyList<RiskPoint> Points)> curves)
    {
        var across = new Axis(0, 1, Left, Width - Right);
        var up = Axis.Covering(curves.SelectMany(curve => curve.Points).Select(point => point.Risk).Append(0), Height - Bottom, Top);
        return Svg.Drawing(
            Width, Height, "Risk by coverage",
            up.Ticks().Select(tick => Svg.Group(
                "tick", Svg.Line("grid", Left, up.At(tick), Width - Right, up.At(tick)), Svg.Label("axis", Left - 8, up.At(tick) + 4, Percent(tick), "end"))),
            Svg.Line("base", Left, Height - Bottom, Width - Right, Height - Bottom),
            across.Ticks().Select(tick => Svg.Label("axis", across.At(tick), Height - Bottom + 18, Percent(tick), "middle")),
            Svg.Label("axis-title", (Left + Width - Right) / 2, Height - 6, "Coverage", "middle"),
            curves.Select((curve, index) => Svg.Group(
                $"way-{index % ReportStyle.Colours}",
                new XElement("title", HtmlReport.Clean(curve.Title)),
                Svg.Polyline("curve", curve.Points.Select(point => (across.At(point.Coverage), up.At(point.Risk)))))));
    }

    private static string Percent(double share) => share.ToString("0.#%", CultureInfo.InvariantCulture);
}
