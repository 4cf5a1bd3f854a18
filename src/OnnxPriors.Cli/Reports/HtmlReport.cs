using System.Text;
using System.Xml.Linq;
using static OnnxPriors.Cli.Reports.Page;

namespace OnnxPriors.Cli.Reports;

/// <summary>
/// A comparison as one HTML file that stands by itself: its style and drawings are within, it loads nothing and runs no script.
/// The markup is also well-formed XML, so that text from outside is escaped by construction and tests can read it.
/// </summary>
public static class HtmlReport
{
    /// <summary>Writes the report; the file appears whole or not at all.</summary>
    /// <param name="path">Where; the folder must exist, a file that stands there is replaced.</param>
    /// <param name="report">What to show.</param>
    /// <exception cref="ArgumentException">There is no way to show, or one without a seed.</exception>
    /// <exception cref="IOException">The file cannot be written.</exception>
    public static void Write(string path, DemoReport report)
    {
        Page.Write(path, Render(report));
    }

    /// <summary>The report as HTML.</summary>
    /// <param name="report">What to show.</param>
    /// <exception cref="ArgumentException">There is no way to show, or one without a seed.</exception>
    public static string Render(DemoReport report)
    {
        ArgumentNullException.ThrowIfNull(report);
        if (report.Ways.Count == 0)
            throw new ArgumentException("The report has no way to show; give at least one.", nameof(report));
        if (report.Ways.FirstOrDefault(way => way.Seeds.Count == 0) is { } empty)
            throw new ArgumentException($"Way '{empty.Name}' has no seed; give at least one run.", nameof(report));
        return Page.Render(report.Title, Body(report));
    }

    private static object?[] Body(DemoReport report) =>
    [
        Page.Header(report.Title, report.Summary),
        Conclusions(report),
        Section("Test results", $"Mean ± sample standard deviation over {Runs(report)}; a dot is a seed. The best mean of each column is marked.", ReportTables.Scores(report.Ways)),
        Curves(report),
        Reliability(report),
        Hyperparameters(report),
        Facts(report),
        Page.Footer(
            "NLL is the mean of −ln p(label) in nats. ECE is the expected calibration error over bins of equal width of the largest probability."),
    ];

    private static XElement? Conclusions(DemoReport report) => report.Conclusions.Count == 0 ? null : Section(
        "What came out", null,
        new XElement("ul", new XAttribute("class", "conclusions"), report.Conclusions.Select(text => new XElement("li", Clean(text)))));

    private static XElement? Curves(DemoReport report)
    {
        XElement?[] figures =
        [
            Figure("Accuracy", LearningCurveChart.Draw(report.Ways, LearningCurveChart.Accuracy)),
            Figure("Negative log-likelihood, logarithmic", LearningCurveChart.Draw(report.Ways, LearningCurveChart.Nll)),
        ];
        return figures.All(figure => figure is null) ? null : Section(
            "Learning curves",
            $"On {report.CurvesMeasuredOn}, with the hyperparameters chosen for each seed: the line is the mean over the seeds, the band one standard deviation either side.",
            Legend(report.Ways),
            new XElement("div", new XAttribute("class", "pair"), figures));
    }

    private static XElement? Reliability(DemoReport report)
    {
        var shown = report.Ways.Select((way, index) => (Way: way, Colour: index % ReportStyle.Colours)).Where(item => item.Way.Reliability.Count > 0).ToList();
        if (shown.Count == 0)
            return null;
        var most = shown.Max(item => item.Way.Reliability.Max(bin => bin.Count));
        return Section(
            "Reliability",
            "Accuracy within bins of confidence on the test data, summed over the seeds. On the dashed line confidence is right; a red gap is overconfidence, a grey one underconfidence. "
            + "Underneath, the number of predictions in each bin.",
            new XElement("div", new XAttribute("class", "many"), shown.Select(item =>
                Figure(item.Way.Title, ReliabilityChart.Draw(item.Way.Title, item.Colour, item.Way.Reliability, most)))),
            new XElement("details", new XElement("summary", "The bins as numbers"), shown.Select(item => ReportTables.Bins(item.Way))));
    }

    private static XElement? Hyperparameters(DemoReport report) => report.Ways.All(way => way.Seeds.All(seed => seed.Chosen.Count == 0)) ? null : Section(
        "Chosen hyperparameters", "Chosen for each seed on validation data alone.", ReportTables.Chosen(report.Ways));

    private static XElement? Facts(DemoReport report) => Page.Facts(report.Facts);

    private static XElement Legend(IReadOnlyList<WayReport> ways) => new(
        "ul", new XAttribute("class", "legend"), ways.Select((way, index) => new XElement("li", ReportTables.Swatch(index), Clean(way.Title))));

    private static string Runs(DemoReport report)
    {
        var least = report.Ways.Min(way => way.Seeds.Count);
        var most = report.Ways.Max(way => way.Seeds.Count);
        return least == most ? $"{most} {(most == 1 ? "seed" : "seeds")}" : $"{least} to {most} seeds";
    }

    /// <summary>Text without what XML cannot hold even escaped (control characters, lone surrogates): a file name may have any.</summary>
    internal static string Clean(string text)
    {
        var clean = new StringBuilder(text.Length);
        foreach (var rune in text.EnumerateRunes()) // a lone surrogate comes as U+FFFD
            clean.Append(rune.Value is < 0x20 and not ('\t' or '\n' or '\r') or 0xFFFE or 0xFFFF ? Rune.ReplacementChar : rune);
        return clean.ToString();
    }
}
