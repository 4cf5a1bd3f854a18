using System.Text.RegularExpressions;
using System.Xml.Linq;
using OnnxPriors.Cli.Reports;
using OnnxPriors.Runtime.Evaluation;

namespace OnnxPriors.Cli.Tests.Reports;

[TestClass]
public sealed partial class HtmlReportTests
{
    private readonly string _folder = Directory.CreateTempSubdirectory("report").FullName;

    [TestCleanup]
    public void Clean() => Directory.Delete(_folder, recursive: true);

    [TestMethod]
    public void The_table_shows_mean_and_sample_deviation_over_the_seeds()
    {
        var page = Page(SampleReport.Of(SampleReport.Plain("one", (0.80, 0.5, 0.010), (0.90, 0.7, 0.030), (1.00, 0.9, 0.020))));

        var cells = Table(page, "scores").Descendants("span").Where(span => Kind(span).StartsWith("number", StringComparison.Ordinal)).Select(span => span.Value);

        CollectionAssert.AreEqual(new[] { "90.0 ± 10.0", "0.700 ± 0.200", "2.0 ± 1.0" }, cells.ToArray());
    }

    [TestMethod]
    public void The_best_mean_is_the_highest_accuracy_and_the_lowest_loss()
    {
        var page = Page(SampleReport.Of(
            SampleReport.Plain("accurate", (0.9, 0.6, 0.05), (0.9, 0.6, 0.05)),
            SampleReport.Plain("calibrated", (0.8, 0.5, 0.02), (0.8, 0.5, 0.02))));

        var best = Table(page, "scores").Element("tbody")!.Elements("tr")
            .Select(row => string.Join(",", row.Elements("td").Select(cell => Kind(cell.Element("span")!) == "number best")));

        CollectionAssert.AreEqual(new[] { "True,False,False", "False,True,True" }, best.ToArray());
    }

    [TestMethod]
    public void Means_that_read_the_same_are_marked_the_same()
    {
        var page = Page(SampleReport.Of(
            SampleReport.Plain("first", (0.90001, 0.5, 0.02)), SampleReport.Plain("second", (0.90004, 0.6, 0.03))));

        Assert.HasCount(2 + 1 + 1, page.Descendants("span").Where(span => Kind(span) == "number best"));
    }

    [TestMethod]
    public void Every_way_has_its_row_its_diagram_and_its_curves_and_every_seed_a_dot()
    {
        var page = Page(SampleReport.Whole());

        Assert.HasCount(5, Table(page, "scores").Element("tbody")!.Elements("tr"));
        Assert.HasCount(5 * 5 * 3, page.Descendants("circle").Where(circle => Kind(circle) == "dot"));
        Assert.HasCount(5, page.Descendants("svg").Where(svg => svg.Attribute("aria-label")!.Value.StartsWith("Reliability", StringComparison.Ordinal)));
        Assert.HasCount(2 * 5, page.Descendants("polyline"));
        Assert.HasCount(2 * 5, page.Descendants("polygon"));
    }

    [TestMethod]
    public void A_curve_runs_through_the_means_and_its_band_stands_one_deviation_either_side()
    {
        static SeedReport Run(int seed, params double[] accuracies) => new()
        {
            Seed = seed,
            Accuracy = 0.5,
            Nll = 1,
            Ece = 0,
            Curve = [.. accuracies.Select((accuracy, epoch) => new CurvePoint(epoch, accuracy, 1))],
        };
        var way = new WayReport { Name = "w", Title = "w", Seeds = [Run(0, 0.2, 0.4, 0.6), Run(1, 0.4, 0.8, 1.0), Run(2, 0.6, 0.6)] };

        var points = LearningCurveChart.Average(way, point => point.Accuracy);

        Assert.HasCount(2, points, "an epoch that only some seeds reached has no comparable mean");
        Assert.AreEqual(0.4, points[0].Mean, 1e-12);
        Assert.AreEqual(0.2, points[0].Low, 1e-12);
        Assert.AreEqual(0.8, points[0].High + points[0].Low, 1e-12);
        Assert.AreEqual(0.6, points[1].Mean, 1e-12);
    }

    [TestMethod]
    public void Bars_of_the_reliability_diagram_are_as_high_as_accuracy_and_counts()
    {
        ReliabilityBin[] bins = [new(0, 0.5, 20, 0.4, 0.5), new(0.5, 1, 80, 0.9, 0.75)];

        var drawing = ReliabilityChart.Draw("way", 0, bins, mostInOneBin: 80);

        double[] Heights(string kind) => [.. drawing.Descendants("rect").Where(bar => Kind(bar) == kind).Select(bar => Number(bar, "height"))];
        Assert.AreEqual(0.75 / 0.5, Heights("bar")[1] / Heights("bar")[0], 1e-3);
        Assert.AreEqual(4.0, Heights("count")[1] / Heights("count")[0], 1e-3);
        Assert.AreEqual(0.15 / 0.75, Heights("gap over").Single() / Heights("bar")[1], 1e-3);
        Assert.HasCount(1, Heights("gap under"));
        StringAssert.Contains(drawing.Descendants("title").Last().Value, "80 examples, 75.0% right, mean confidence 90.0%");
    }

    [TestMethod]
    public void Pooled_bins_average_by_count()
    {
        var pooled = WayReport.Pool([[new(0, 1, 10, 0.8, 0.6)], [new(0, 1, 30, 0.4, 1.0)], [new(0, 1, 0, 0, 0)]]);

        Assert.AreEqual(new ReliabilityBin(0, 1, 40, 0.5, 0.9), Assert.ContainsSingle(pooled));
        Assert.ThrowsExactly<ArgumentException>(() => WayReport.Pool([[new(0, 1, 1, 1, 1)], [new(0, 0.5, 1, 1, 1)]]));
    }

    [TestMethod]
    public void Text_from_outside_is_shown_and_never_becomes_markup()
    {
        const string Hostile = "<script>alert('x')</script> & \"quoted\" \u0001\uD800";
        var whole = SampleReport.Whole();
        var report = whole with
        {
            Title = Hostile,
            Summary = Hostile,
            Conclusions = [Hostile],
            Facts = [new(Hostile, Hostile)],
            Ways = [.. whole.Ways.Select(way => way with { Title = Hostile, Description = Hostile, Seeds = [.. way.Seeds.Select(seed => seed with { Chosen = [new(Hostile, Hostile)] })] })],
        };

        var html = HtmlReport.Render(report);

        Assert.DoesNotContain("<script", html);
        Assert.AreEqual("<script>alert('x')</script> & \"quoted\" \uFFFD\uFFFD", Parse(html).Descendants("h1").Single().Value);
    }

    [TestMethod]
    public void The_page_stands_by_itself()
    {
        var html = HtmlReport.Render(SampleReport.Whole());

        foreach (var outward in new[] { "<script", "<link", "<img", "http:", "https:", "src=", "href=", "url(", "@import" })
            Assert.DoesNotContain(outward, html, StringComparison.OrdinalIgnoreCase);
    }

    [TestMethod]
    public void The_markup_means_the_same_as_HTML_and_as_XML()
    {
        // In HTML a self-closed element other than the void ones stays open, and the style element's text is raw.
        var html = HtmlReport.Render(SampleReport.Whole());

        var selfClosed = SelfClosed().Matches(html).Select(match => match.Groups[1].Value).Distinct().Order();
        string[] known = ["br", "circle", "line", "meta", "polygon", "polyline", "rect"];
        Assert.IsEmpty(selfClosed.Except(known));
        Assert.DoesNotContain("&", ReportStyle.Sheet);
        Assert.DoesNotContain("<", ReportStyle.Sheet);
        Assert.DoesNotContain(">", ReportStyle.Sheet);
        Assert.StartsWith("<!DOCTYPE html>\n<html", html);
    }

    [TestMethod]
    public void A_run_that_diverged_is_shown_as_a_dash_and_spoils_nothing_else()
    {
        var html = HtmlReport.Render(SampleReport.Of(
            SampleReport.Plain("diverged", (0.2, double.NaN, 0.1), (0.3, double.PositiveInfinity, 0.1)),
            SampleReport.Plain("sound", (0.8, 0.5, 0.02), (0.9, 0.6, 0.03)),
            SampleReport.Plain("worse", (0.7, 0.9, 0.02), (0.7, 0.9, 0.03))));

        Assert.DoesNotContain("NaN", html);
        Assert.DoesNotContain("∞", html);
        var scores = Table(Parse(html), "scores").Element("tbody")!.Elements("tr").Select(row => row.Elements("td").ElementAt(1).Element("span")!).ToArray();
        Assert.AreEqual("–", scores[0].Value);
        Assert.AreEqual("number best", Kind(scores[1]));
    }

    [TestMethod]
    public void What_was_not_kept_has_no_section()
    {
        var titles = Page(SampleReport.Of(SampleReport.Plain("bare", (0.8, 0.5, 0.02)))).Descendants("h2").Select(heading => heading.Value);

        CollectionAssert.AreEqual(new[] { "What came out", "Test results" }, titles.ToArray());
    }

    [TestMethod]
    public void A_report_without_ways_or_seeds_is_refused()
    {
        Assert.ThrowsExactly<ArgumentException>(() => HtmlReport.Render(SampleReport.Of()));
        var error = Assert.ThrowsExactly<ArgumentException>(() => HtmlReport.Render(SampleReport.Of(SampleReport.Plain("empty"))));
        StringAssert.Contains(error.Message, "'empty' has no seed");
    }

    [TestMethod]
    public void The_file_replaces_an_older_one_and_leaves_nothing_beside_it()
    {
        var path = Path.Combine(_folder, "report.html");
        File.WriteAllText(path, "older");

        HtmlReport.Write(path, SampleReport.Whole());

        Assert.AreEqual(HtmlReport.Render(SampleReport.Whole()), File.ReadAllText(path));
        Assert.AreEqual(path, Assert.ContainsSingle(Directory.GetFileSystemEntries(_folder)));
    }

    [TestMethod]
    public void A_report_that_is_refused_leaves_the_older_file()
    {
        var path = Path.Combine(_folder, "report.html");
        File.WriteAllText(path, "older");

        Assert.ThrowsExactly<ArgumentException>(() => HtmlReport.Write(path, SampleReport.Of()));

        Assert.AreEqual("older", File.ReadAllText(path));
    }

    private static XElement Page(DemoReport report) => Parse(HtmlReport.Render(report));

    private static XElement Parse(string html) => XElement.Parse(html["<!DOCTYPE html>".Length..].Trim());

    private static XElement Table(XElement page, string kind) => page.Descendants("table").Single(table => Kind(table) == kind);

    private static string Kind(XElement element) => element.Attribute("class")?.Value ?? "";

    private static double Number(XElement element, string name) =>
        double.Parse(element.Attribute(name)!.Value, System.Globalization.CultureInfo.InvariantCulture);

    [GeneratedRegex("<([a-z0-9]+)[^<>]*/>")]
    private static partial Regex SelfClosed();
}
