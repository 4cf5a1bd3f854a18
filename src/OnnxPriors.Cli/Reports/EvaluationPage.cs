using System.Globalization;
using System.Xml.Linq;
using OnnxPriors.Cli.Training;

namespace OnnxPriors.Cli.Reports;

/// <summary>What <c>evaluate</c> measured, as one HTML file.</summary>
internal static class EvaluationPage
{
    /// <summary>The page.</summary>
    /// <param name="model">What was measured.</param>
    /// <param name="data">On what.</param>
    /// <param name="report">What came out.</param>
    public static string Render(string model, string data, EvaluationReport report) => Page.Render(
        $"{model} on {data}",
        Page.Header($"{model} on {data}", Text($"{report.Examples:N0} examples ({report.Part}), {(report.Samples == 1 ? "one state" : $"{report.Samples} samples averaged")}.")),
        Page.Section("Measures", null, Page.Table("bins", ["Measure", "Value"], Measures(report).Select(one => Page.Row(one.Name, one.Value)))),
        Page.Section(
            "Reliability",
            "Accuracy within bins of confidence. On the dashed line confidence is right; a red gap is overconfidence, a grey one underconfidence. "
            + "Underneath, the number of predictions in each bin.",
            new XElement(
                "div", new XAttribute("class", "many"),
                Page.Figure("Bins of equal width", ReliabilityChart.Draw("bins of equal width", 3, report.Bins, report.Bins.Max(bin => bin.Count))),
                Page.Figure("Bins of equal mass", ReliabilityChart.Draw("bins of equal mass", 3, report.AdaptiveBins, report.AdaptiveBins.Max(bin => bin.Count))))),
        Page.Section(
            "Risk and coverage", "The share that is wrong where only the most confident predictions are kept.",
            Page.Figure("Risk by coverage", RiskCoverageChart.Draw([(model, report.RiskCoverage)]))),
        Corruptions(report),
        Page.Footer("NLL is the mean of −ln p(label) in nats. ECE is the expected calibration error of the largest probability, AURC the area under the risk-coverage curve."));

    private static IEnumerable<(string Name, string Value)> Measures(EvaluationReport report)
    {
        yield return ("Accuracy", Text($"{report.Accuracy:P2}"));
        yield return ("NLL, nats", Text($"{report.Nll:F4}"));
        yield return ("Brier score", Text($"{report.Brier:F4}"));
        yield return ("ECE, 15 bins of equal width", Text($"{report.Ece:F4}"));
        yield return ("ECE, 15 bins of equal mass", Text($"{report.AdaptiveEce:F4}"));
        yield return ("AURC", Text($"{report.Aurc:F4}"));
        if (report.Ood is not { } ood)
            yield break;
        yield return ($"AUROC against {ood.Data}, by the largest probability", Text($"{ood.AurocMaxProbability:F4}"));
        yield return ($"AUROC against {ood.Data}, by the predictive entropy", Text($"{ood.AurocEntropy:F4}"));
    }

    private static XElement? Corruptions(EvaluationReport report) => report.Corruptions is not { Count: > 0 } all ? null : Page.Section(
        "Corruptions",
        "The kinds and strengths of CIFAR-10-C (Hendrycks and Dietterich 2019), made on the fly; frost from a generated texture.",
        Page.Table(
            "bins", ["Corruption", "Strength", "Accuracy", "NLL", "Brier", "ECE"],
            all.Select(one => Page.Row(one.Name, Text($"{one.Strength}"), Text($"{one.Accuracy:P1}"), Text($"{one.Nll:F3}"), Text($"{one.Brier:F3}"), Text($"{one.Ece:F3}")))));

    private static string Text(FormattableString text) => text.ToString(CultureInfo.InvariantCulture);
}
