using OnnxPriors.Runtime.Training;

namespace OnnxPriors.Cli.Trials;

/// <summary>Chooses by validation data; test results have no way in.</summary>
internal static class Selection
{
    /// <summary>The run of the least negative log-likelihood on validation data; of equals the first.</summary>
    /// <param name="runs">What each run came to on its validation data; null for one that diverged.</param>
    /// <returns>The run's index; null where all diverged.</returns>
    public static int? Best(IReadOnlyList<ValidationMetrics?> runs)
    {
        int? best = null;
        for (var i = 0; i < runs.Count; i++)
            if (runs[i] is { } run && double.IsFinite(run.Nll) && (best is null || run.Nll < runs[best.Value]!.Nll))
                best = i;
        return best;
    }

    /// <summary>The way whose chosen runs have the least mean negative log-likelihood on validation data; of equals the first.</summary>
    /// <param name="ways">For each way the validation metrics of its chosen runs, one a seed.</param>
    public static int BestWay(IReadOnlyList<IReadOnlyList<ValidationMetrics>> ways) =>
        Enumerable.Range(0, ways.Count).MinBy(way => ways[way].Average(run => run.Nll));
}
