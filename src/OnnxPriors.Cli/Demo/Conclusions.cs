using OnnxPriors.Cli.Trials;

namespace OnnxPriors.Cli.Demo;

/// <summary>What the results say, computed from them and their spread: no sentence knows beforehand which way wins.</summary>
internal static class Conclusions
{
    /// <summary>How the assets came to be, which a reader of the table has to know.</summary>
    public const string Caveat =
        "The network and the data of this demo were picked, by test results, from about fourteen configurations because they separate the ways: the table shows how the ways can differ, not how much they differ elsewhere.";

    /// <summary>The conclusions, the most important first.</summary>
    /// <param name="ways">The ways with their names in prose and their results over the same seeds.</param>
    public static IReadOnlyList<string> Of(IReadOnlyList<(Way Way, WayResult Result)> ways)
    {
        var sentences = new List<string> { Best(ways) };
        Compare(DemoPlan.Isotropic, DemoPlan.Zero, "Centred on the source or on zero: ");
        Compare(DemoPlan.Learned, DemoPlan.Zero, "");
        Compare(DemoPlan.Learned, DemoPlan.Isotropic, "What the fitted posterior adds to an isotropic prior: ");
        Compare(DemoPlan.None, DemoPlan.LinearProbe, "What training all weights does by itself: ");
        var seeds = ways[0].Result.Nll.Seeds.Count;
        sentences.Add(seeds > 1
            ? $"The ± of a difference is its standard error over the {seeds} seeds, pair by pair; it is called clear where it passes a paired t-test (two-sided, 5 %), and so few seeds show large differences only. All seeds share one pretrained model and one fit, whose own luck it does not show."
            : "One seed shows no spread, so no difference is called clear.");
        sentences.Add(Caveat);
        return sentences;

        void Compare(string first, string second, string opening)
        {
            if (ways.FirstOrDefault(one => one.Way.Name == first) is { Way: not null } a && ways.FirstOrDefault(one => one.Way.Name == second) is { Way: not null } b)
                sentences.Add(opening + Comparison(a, b, capital: opening.Length == 0));
        }
    }

    private static string Best(IReadOnlyList<(Way Way, WayResult Result)> ways)
    {
        var ranked = ways.Where(one => double.IsFinite(one.Result.Nll.Mean)).OrderBy(one => one.Result.Nll.Mean).ToList();
        if (ranked.Count == 0)
            return "No way came to a finite test likelihood.";
        var (way, result) = ranked[0];
        var equal = ranked.Skip(1).Where(other => !PairedComparison.Of(other.Result.Nll.Seeds, result.Nll.Seeds).IsClear).Select(other => other.Way.Phrase).ToList();
        var standing = ranked.Count == 1 ? "" : equal.Count == 0
            ? "; it is clearly ahead of every other way"
            : $"; {Listed(equal)} {(equal.Count == 1 ? "is" : "are")} not clearly behind";
        return FormattableString.Invariant($"By test likelihood {way.Phrase} came out first: NLL {result.Nll.Format(1, 3)} nats at an accuracy of {result.Accuracy.Format(100, 1)} %{standing}.")
            + MostAccurate(ways, result);
    }

    private static string MostAccurate(IReadOnlyList<(Way Way, WayResult Result)> ways, WayResult first)
    {
        var (way, result) = ways.MaxBy(one => one.Result.Accuracy.Mean);
        return result.Accuracy.Mean <= first.Accuracy.Mean ? "" : $" The most accurate was {way.Phrase}, at {result.Accuracy.Format(100, 1)} %.";
    }

    private static string Comparison((Way Way, WayResult Result) a, (Way Way, WayResult Result) b, bool capital)
    {
        var nll = PairedComparison.Of(a.Result.Nll.Seeds, b.Result.Nll.Seeds);
        var accuracy = PairedComparison.Of(a.Result.Accuracy.Seeds, b.Result.Accuracy.Seeds);
        var parts = FormattableString.Invariant($"NLL {nll.Difference:+0.000;-0.000;0.000} ± {nll.StandardError:0.000} nats ({Verdict(nll, lowerIsBetter: true)}), accuracy {100 * accuracy.Difference:+0.0;-0.0;0.0} ± {100 * accuracy.StandardError:0.0} points ({Verdict(accuracy, lowerIsBetter: false)})");
        return $"{(capital ? Way.Capital(a.Way.Phrase) : a.Way.Phrase)} against {b.Way.Phrase}: {parts}.";
    }

    private static string Verdict(PairedComparison comparison, bool lowerIsBetter) => !comparison.IsClear
        ? "no clear difference"
        : comparison.Difference < 0 == lowerIsBetter ? "clearly better" : "clearly worse";

    private static string Listed(List<string> names) => names.Count == 1 ? names[0] : $"{string.Join(", ", names.SkipLast(1))} and {names[^1]}";
}
