using OnnxPriors.Cli.Demo;
using OnnxPriors.Cli.Trials;

namespace OnnxPriors.Cli.Tests.Demo;

[TestClass]
public sealed class ConclusionsTests
{
    private static readonly IReadOnlyList<Way> Ways = new DemoPlan().Ways;

    // What the seeds' draws do to every way alike, and what is left of each seed's luck.
    private static readonly double[] Draws = [0.05, -0.04, 0.02, -0.06, 0.03], Luck = [0.002, -0.001, 0.003, -0.002, 0.001];

    [TestMethod]
    [DataRow(DemoPlan.LinearProbe)]
    [DataRow(DemoPlan.None)]
    [DataRow(DemoPlan.Zero)]
    [DataRow(DemoPlan.Isotropic)]
    [DataRow(DemoPlan.Learned)]
    public void The_way_that_wins_is_named_whichever_it_is(string winner)
    {
        var first = Conclude(way => way == winner ? -0.1 : 0)[0];
        StringAssert.StartsWith(first, $"By test likelihood {Ways.First(way => way.Name == winner).Phrase} came out first: NLL 0.300 ± 0.0");
        StringAssert.Contains(first, "clearly ahead of every other way");
        foreach (var other in Ways.Where(way => way.Name != winner))
            Assert.DoesNotContain(other.Phrase, first);
    }

    [TestMethod]
    public void Ways_within_the_spread_of_the_best_are_named_with_it()
    {
        var first = Conclude(way => way is DemoPlan.Isotropic ? -0.1 : way is DemoPlan.Learned ? -0.0999 : 0)[0];
        StringAssert.Contains(first, "the isotropic prior came out first");
        StringAssert.Contains(first, "the learned prior is not clearly behind");
        Assert.DoesNotContain("ahead of every other way", first);
    }

    [TestMethod]
    public void A_learned_prior_that_does_worse_is_said_to_do_worse()
    {
        var sentence = Conclude(way => way == DemoPlan.Learned ? 0.1 : 0).Single(text => text.Contains("against the isotropic prior", StringComparison.Ordinal));
        StringAssert.Contains(sentence, "NLL +0.100");
        StringAssert.Contains(sentence, "(clearly worse)");
        Assert.DoesNotContain("better", sentence);
    }

    [TestMethod]
    public void Accuracy_and_likelihood_may_disagree()
    {
        var all = Conclude(way => way == DemoPlan.Learned ? -0.1 : 0, way => way == DemoPlan.Isotropic ? 0.05 : 0);
        StringAssert.Contains(all[0], "The most accurate was the isotropic prior, at 85.0");
        var sentence = all.Single(text => text.Contains("the learned prior against the isotropic prior", StringComparison.Ordinal));
        StringAssert.Contains(sentence, "nats (clearly better)");
        StringAssert.Contains(sentence, "accuracy -5.0 ± 0.0 points (clearly worse)");
    }

    [TestMethod]
    public void The_reader_is_told_how_the_demo_was_picked() => Assert.Contains(Conclusions.Caveat, Conclude(_ => 0).ToList());

    [TestMethod]
    public void One_seed_claims_nothing()
    {
        var all = Conclusions.Of([.. Ways.Select((way, index) => (way, new WayResult(way.Name, Figure.Of([0.8]), Figure.Of([0.4 + (index / 10.0)]), Figure.Of([0.1]), [])))]);
        Assert.IsFalse(all.Any(text => text.Contains("clearly better", StringComparison.Ordinal) || text.Contains("clearly worse", StringComparison.Ordinal) || text.Contains("clearly ahead", StringComparison.Ordinal)));
    }

    private static IReadOnlyList<string> Conclude(Func<string, double> nll, Func<string, double>? accuracy = null) =>
        Conclusions.Of([.. Ways.Select((way, index) => (way, new WayResult(
            way.Name,
            Figure.Of([.. Seeds(0.8 + (accuracy?.Invoke(way.Name) ?? 0), 0)]),
            Figure.Of([.. Seeds(0.4 + nll(way.Name), index)]),
            Figure.Of([.. Seeds(0.1, 0)]),
            [])))]);

    private static IEnumerable<double> Seeds(double level, int turn) =>
        Draws.Select((draw, seed) => level + draw + (turn == 0 ? 0 : Luck[(seed + turn) % Luck.Length] - Luck.Average()));
}
