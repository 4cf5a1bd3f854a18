using System.Globalization;
using System.Xml.Linq;
using OnnxPriors.Cli.Experiments.Definition;
using OnnxPriors.Cli.Experiments.Results;
using OnnxPriors.Cli.Experiments.Running;
using OnnxPriors.Cli.Trials;

namespace OnnxPriors.Cli.Reports;

/// <summary>
/// Experiments' results as one HTML file: accuracy and NLL by labels, paired differences against L2-SP, reliability, the settings chosen with
/// a mark where they lie at an end of their grid, and the time it took.
/// </summary>
internal static class ExperimentPage
{
    private static readonly (string Title, Func<TestMetrics, double> Value, double Factor, int Digits, bool HigherIsBetter)[] Measures =
    [
        ("Accuracy, % ↑", test => test.Accuracy, 100, 1, true),
        ("NLL, nats ↓", test => test.Nll, 1, 3, false),
        ("Brier ↓", test => test.Brier, 1, 3, false),
        ("ECE, % ↓", test => test.Ece, 100, 1, false),
        ("Adaptive ECE, % ↓", test => test.AdaptiveEce, 100, 1, false),
        ("AURC, % ↓", test => test.Aurc, 100, 1, false),
    ];

    /// <summary>The page.</summary>
    /// <param name="rows">The rows of one or several experiments.</param>
    /// <param name="times">The times that are known.</param>
    public static string Render(IReadOnlyList<ResultRow> rows, IReadOnlyList<TimeRow> times)
    {
        var experiments = rows.GroupBy(row => row.Experiment).ToList();
        var title = experiments.Count == 1 ? experiments[0].Key : "Laboratory report";
        var seeds = rows.Select(row => row.Seed).Distinct().Count();
        return Page.Render(
            title,
            Page.Header(
                title,
                $"{(experiments.Count == 1 ? "One experiment" : $"{experiments.Count} experiments")}, "
                + $"{rows.Select(row => row.Method).Distinct().Count()} methods, {seeds} {(seeds == 1 ? "seed" : "seeds")}. Settings were chosen by validation NLL; the test data was met once, by what was chosen."),
            experiments.Select(experiment => Experiment(
                experiments.Count > 1 ? experiment.Key + ": " : "", [.. experiment], [.. times.Where(time => time.Experiment == experiment.Key)])),
            Page.Footer(
                "± is the sample standard deviation over the seeds. Intervals are Student's t, paired by seed, 95 %, not corrected for the number of comparisons. "
                + "NLL is the mean of −ln p(label) in nats; ECE is over 15 bins of the largest probability; AURC is the area under the risk-coverage curve."));
    }

    private static IEnumerable<XElement?> Experiment(string prefix, List<ResultRow> rows, List<TimeRow> times)
    {
        var ways = rows.Select(row => (row.Method, row.Inference)).Distinct().Select(Way).ToList();
        var labels = rows.Select(row => row.LabelsPerClass).Distinct().Order().ToList();
        yield return Page.Section(
            prefix + "Results by labels", "The mean over the seeds; bars are one standard deviation either side. Dashed: an average over SGHMC's samples.",
            Legend(ways),
            new XElement(
                "div", new XAttribute("class", "pair"),
                Page.Figure("Accuracy", Chart("Accuracy", ways, labels, rows, test => test.Accuracy, value => Text($"{value:0.#%}"))),
                Page.Figure("Negative log-likelihood, nats", Chart("NLL", ways, labels, rows, test => test.Nll, value => Text($"{value:0.###}")))),
            rows.All(row => row.EqualBudgets) ? null : new XElement("p", new XAttribute("class", "note"), "The methods did not all try as many settings."));
        yield return Page.Section(
            prefix + "Test results", "Mean ± standard deviation over the seeds.",
            labels.Select(count => Page.Table(
                "bins", ["Method", .. Measures.Select(measure => measure.Title)],
                ways.Where(way => Of(rows, way, count).Count > 0).Select(way => Page.Row(
                    Heading(way),
                    Measures.Select(measure => (object)Spread.Of([.. Values(Of(rows, way, count), measure.Value)]).Format(measure.Factor, measure.Digits)))),
                Text($"{count} {(count == 1 ? "label" : "labels")} a class, {Tests(rows, count)} test examples a seed"))));
        yield return Differences(prefix, ways, labels, rows);
        yield return Reliability(prefix, ways, labels, rows);
        yield return Chosen(prefix, ways, labels, rows);
        yield return Times(prefix, ways, labels, times);
    }

    private static XElement? Differences(string prefix, List<WayKey> ways, List<int> labels, List<ResultRow> rows)
    {
        var reference = ways.FirstOrDefault(way => way is { Method: Method.Reference, Inference: "map" });
        if (reference is null || ways.Count < 2)
            return null;
        return Page.Section(
            prefix + "Differences from L2-SP",
            "Each seed's difference from L2-SP (the isotropic prior at the pretrained weights) on the same draw, its mean with a 95 % interval. "
            + "Bold where the interval leaves zero out: green is better, red worse. With so many comparisons one in twenty is bold by chance.",
            labels.Select(count => Page.Table(
                "bins", ["Method", "Accuracy, points", "NLL, nats"],
                ways.Where(way => way != reference).Select(way => (Way: way, Pairs: Pairs(Of(rows, way, count), Of(rows, reference, count)))).Where(one => one.Pairs.Count > 0)
                    .Select(one => Page.Row(
                        Heading(one.Way),
                        Difference(one.Pairs, test => test.Accuracy, 100, 1, higherIsBetter: true),
                        Difference(one.Pairs, test => test.Nll, 1, 3, higherIsBetter: false))),
                Text($"{count} {(count == 1 ? "label" : "labels")} a class"))));
    }

    private static XElement Difference(List<(TestMetrics First, TestMetrics Second)> pairs, Func<TestMetrics, double> value, double factor, int digits, bool higherIsBetter)
    {
        var found = PairedComparison.Of([.. pairs.Select(pair => value(pair.First))], [.. pairs.Select(pair => value(pair.Second))]);
        var (difference, margin) = (found.Difference * factor, found.Margin * factor);
        var text = difference.ToString((difference > 0 ? "+" : "") + "0." + new string('0', digits), CultureInfo.InvariantCulture)
            + (double.IsNaN(margin) ? "" : $" ± {margin.ToString("F" + digits, CultureInfo.InvariantCulture)}");
        var kind = !found.IsClear ? "number" : found.Difference > 0 == higherIsBetter ? "number clear" : "number worse";
        return new XElement("td", new XAttribute("class", kind), text);
    }

    private static XElement? Reliability(string prefix, List<WayKey> ways, List<int> labels, List<ResultRow> rows) => Page.Section(
        prefix + "Reliability",
        "Accuracy within bins of confidence on the test data, summed over the seeds. On the dashed line confidence is right; a red gap is overconfidence, "
        + "a grey one underconfidence. Underneath, the number of predictions in each bin.",
        labels.Select((count, index) =>
        {
            var diagrams = ways.Select(way => (Way: way, Bins: WayReport.Pool([.. Of(rows, way, count).Select(row => row.Test).OfType<TestMetrics>().Select(test => test.Bins)])))
                .Where(one => one.Bins.Count > 0).ToList();
            if (diagrams.Count == 0)
                return null;
            var most = diagrams.Max(one => one.Bins.Max(bin => bin.Count));
            return new XElement(
                "details", index == labels.Count / 2 ? new XAttribute("open", "open") : null,
                new XElement("summary", Text($"{count} {(count == 1 ? "label" : "labels")} a class")),
                new XElement(
                    "div", new XAttribute("class", "many"),
                    diagrams.Select(one => Page.Figure(one.Way.Title, ReliabilityChart.Draw(one.Way.Title, one.Way.Colour, one.Bins, most)))));
        }));

    private static XElement Chosen(string prefix, List<WayKey> ways, List<int> labels, List<ResultRow> rows) => Page.Section(
        prefix + "Settings chosen",
        "By validation NLL. ▲ and ▼ mark a choice at the upper or lower end of its grid: a better one may lie beyond it. The numbers after × are seeds.",
        Page.Table(
            "bins", ["Method", .. labels.Select(count => Text($"{count} {(count == 1 ? "label" : "labels")}")), "Settings tried"],
            ways.Select(way => Page.Row(Heading(way), labels.Select(count => (object)new XElement("td", new XAttribute("class", "number"), Choices(Of(rows, way, count))))
                .Append(string.Join(", ", rows.Where(row => way.Is(row)).Select(row => row.Tried).Distinct()))))));

    private static IEnumerable<XElement> Choices(List<ResultRow> rows) => rows
        .GroupBy(row => (row.LearningRate, row.Variance, row.Edge))
        .OrderByDescending(group => group.Count())
        .Select(group => new XElement(
            "div", group.Key.LearningRate is null ? "diverged" : Text($"rate {group.Key.LearningRate:G3}"), Mark(group.Key.Edge, "rate"),
            group.Key.Variance is null ? "" : Text($", variance {group.Key.Variance:G3}"), Mark(group.Key.Edge, "variance"),
            rows.Count > 1 ? Text($" × {group.Count()}") : ""));

    private static XElement? Mark(string edge, string what) => edge.Split(' ').FirstOrDefault(one => one.StartsWith(what, StringComparison.Ordinal)) is { } found
        ? new XElement("span", new XAttribute("class", "edge"), new XAttribute("title", "at the end of its grid"), found.EndsWith("high", StringComparison.Ordinal) ? " ▲" : " ▼")
        : null;

    private static XElement? Times(string prefix, List<WayKey> ways, List<int> labels, List<TimeRow> times) => times.Count == 0 ? null : Page.Section(
        prefix + "Time", Text($"Seconds of one thread, all trials of all seeds; {times.Sum(time => time.Seconds) / 3600:0.00} hours together."),
        Page.Table(
            "bins", ["Method", .. labels.Select(count => Text($"{count} {(count == 1 ? "label" : "labels")}")), "Seconds a trial"],
            ways.Select(way => (Way: way, Times: times.Where(time => (time.Method, time.Inference) == (way.Method, way.Inference)).ToList())).Select(one => Page.Row(
                Heading(one.Way),
                labels.Select(count => one.Times.Where(time => time.LabelsPerClass == count).Sum(time => time.Seconds) is > 0 and var seconds ? (object)Text($"{seconds:0}") : "–")
                    .Append(one.Times.Sum(time => time.Trials) is > 0 and var trials ? Text($"{one.Times.Sum(time => time.Seconds) / trials:0.00}") : "–")))));

    private static XElement? Chart(string title, List<WayKey> ways, List<int> labels, List<ResultRow> rows, Func<TestMetrics, double> value, Func<double, string> format) => LabelsChart.Draw(
        title,
        [.. ways.Select(way => new LabelsChart.Line(
            way.Title, way.Colour, way.Inference != "map",
            [.. labels.Where(count => Of(rows, way, count).Count > 0).Select(count => (count, Spread.Of([.. Values(Of(rows, way, count), value)])))]))],
        format);

    private static XElement Legend(List<WayKey> ways) => new(
        "ul", new XAttribute("class", "legend"), ways.Select(way => new XElement("li", Heading(way))));

    private static object[] Heading(WayKey way) => [ReportTables.Swatch(way.Colour), HtmlReport.Clean(way.Title)];

    private static List<ResultRow> Of(List<ResultRow> rows, WayKey way, int labels) => rows.FindAll(row => way.Is(row) && row.LabelsPerClass == labels);

    private static IEnumerable<double> Values(List<ResultRow> rows, Func<TestMetrics, double> value) => rows.Select(row => row.Test is null ? double.NaN : value(row.Test));

    private static List<(TestMetrics First, TestMetrics Second)> Pairs(List<ResultRow> first, List<ResultRow> second) =>
    [
        .. from a in first
           join b in second on a.Seed equals b.Seed
           where a.Test is not null && b.Test is not null
           select (a.Test!, b.Test!),
    ];

    private static string Tests(List<ResultRow> rows, int labels) => string.Join(" or ", rows.Where(row => row.LabelsPerClass == labels).Select(row => row.Test?.Examples).OfType<int>().Distinct());

    private static WayKey Way((string Method, string Inference) key)
    {
        var method = Method.All.FirstOrDefault(one => one.Name == key.Method);
        var colour = method is null ? 0 : Method.All.IndexOf(method) % ReportStyle.Colours;
        return new WayKey(key.Method, key.Inference, (method?.Title ?? key.Method) + (key.Inference == "map" ? "" : ", SGHMC"), colour);
    }

    private static string Text(FormattableString text) => text.ToString(CultureInfo.InvariantCulture);

    /// <summary>A method with its inference.</summary>
    private sealed record WayKey(string Method, string Inference, string Title, int Colour)
    {
        public bool Is(ResultRow row) => row.Method == Method && row.Inference == Inference;
    }
}
