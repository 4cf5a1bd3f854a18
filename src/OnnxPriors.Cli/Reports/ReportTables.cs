using System.Globalization;
using System.Xml.Linq;

namespace OnnxPriors.Cli.Reports;

/// <summary>The report's tables.</summary>
internal static class ReportTables
{
    private sealed record Metric(string Title, Func<SeedReport, double> Value, double Factor, int Digits, bool HigherIsBetter);

    private static readonly Metric[] Metrics =
    [
        new("Accuracy, % ↑", seed => seed.Accuracy, 100, 1, true),
        new("NLL, nats ↓", seed => seed.Nll, 1, 3, false),
        new("ECE, % ↓", seed => seed.Ece, 100, 1, false),
    ];

    /// <summary>A row a way: mean ± deviation of each metric with the seeds' values as dots.</summary>
    public static XElement Scores(IReadOnlyList<WayReport> ways) => Page.Table(
        "scores",
        ["Way", .. Metrics.Select(metric => metric.Title)],
        ways.Select((way, index) => new XElement(
            "tr",
            new XElement(
                "th", new XAttribute("scope", "row"), Swatch(index), HtmlReport.Clean(way.Title),
                way.Description.Length == 0 ? null : new XElement("p", HtmlReport.Clean(way.Description))),
            Metrics.Select(metric => Score(ways, way, index, metric)))));

    /// <summary>A row a bin of one way's reliability diagram.</summary>
    public static XElement Bins(WayReport way) => Page.Table(
        "bins", ["Confidence", "Examples", "Mean confidence", "Accuracy"],
        way.Reliability.Select(bin => new XElement(
            "tr",
            new XElement("th", new XAttribute("scope", "row"), Text($"{bin.Low:0.0%} to {bin.High:0.0%}")),
            Number(Text($"{bin.Count:N0}")),
            Number(bin.Count == 0 ? "–" : Text($"{bin.Confidence:0.0%}")),
            Number(bin.Count == 0 ? "–" : Text($"{bin.Accuracy:0.0%}")))),
        way.Title);

    /// <summary>A row a way, a column a seed.</summary>
    public static XElement Chosen(IReadOnlyList<WayReport> ways)
    {
        var seeds = ways.SelectMany(way => way.Seeds).Select(seed => seed.Seed).Distinct().Order().ToList();
        return Page.Table(
            "chosen", ["Way", .. seeds.Select(seed => Text($"Seed {seed}"))],
            ways.Select((way, index) => new XElement(
                "tr",
                new XElement("th", new XAttribute("scope", "row"), Swatch(index), HtmlReport.Clean(way.Title)),
                seeds.Select(seed => new XElement("td", new XAttribute("class", "number"), Choice(way, seed))))));
    }

    /// <summary>A small square in a way's colour.</summary>
    public static XElement Swatch(int way) => new("span", new XAttribute("class", $"swatch way-{way % ReportStyle.Colours}"), "");

    private static XElement Score(IReadOnlyList<WayReport> ways, WayReport way, int index, Metric metric)
    {
        var spread = Spread.Of([.. way.Seeds.Select(metric.Value)]);
        var means = ways.Select(other => Rounded(other, metric)).Where(double.IsFinite).ToList();
        var best = means.Count > 1 && Rounded(way, metric) == (metric.HigherIsBetter ? means.Max() : means.Min());
        return new XElement(
            "td",
            new XElement("span", new XAttribute("class", best ? "number best" : "number"), spread.Format(metric.Factor, metric.Digits)),
            SeedStrip.Draw(
                $"{way.Title}, {metric.Title}: {spread.Format(metric.Factor, metric.Digits)}", index % ReportStyle.Colours,
                [.. way.Seeds.Select(metric.Value)], ways.SelectMany(other => other.Seeds).Select(metric.Value)));
    }

    /// <summary>The mean as it is shown: what reads the same ranks the same.</summary>
    private static double Rounded(WayReport way, Metric metric) =>
        Math.Round(Spread.Of([.. way.Seeds.Select(metric.Value)]).Mean * metric.Factor, metric.Digits);

    private static IEnumerable<object> Choice(WayReport way, int seed)
    {
        var chosen = way.Seeds.FirstOrDefault(run => run.Seed == seed)?.Chosen ?? [];
        return chosen.Count == 0
            ? ["–"]
            : chosen.SelectMany((fact, index) => index == 0
                ? new object[] { HtmlReport.Clean($"{fact.Name} {fact.Value}") }
                : [new XElement("br"), HtmlReport.Clean($"{fact.Name} {fact.Value}")]);
    }

    private static XElement Number(string text) => new("td", new XAttribute("class", "number"), text);

    private static string Text(FormattableString text) => text.ToString(CultureInfo.InvariantCulture);
}
