using OnnxPriors.Cli.Trials;
using OnnxPriors.Data;
using OnnxPriors.Data.Batches;
using OnnxPriors.Runtime.Steps;

namespace OnnxPriors.Cli.Demo;

/// <summary>What one seed works on; all ways of one seed share it, so that their results can be compared pairwise.</summary>
/// <param name="Seed">The seed.</param>
/// <param name="Training">The few labelled examples, in a new order each epoch.</param>
/// <param name="Validation">As many again, which choose the hyperparameters.</param>
internal sealed record SeedData(int Seed, IBatchSource Training, IBatchSource Validation);

/// <summary>The downstream task: few labels drawn anew for each seed, and the test data, which nothing is chosen by.</summary>
internal sealed class DemoData : IDisposable
{
    // Large enough for the processor, small enough to be shared out.
    private const int EvaluationBatch = 100;

    private readonly IDataset source;

    private DemoData(IDataset source, Preprocessing preprocessing, DemoPlan plan)
    {
        this.source = source;
        Preprocessing = preprocessing;
        Seeds = [.. plan.Seeds.Select(seed => Draw(seed, plan))];
        Test = Batches(DatasetView.Of(source, DataSplit.Test), EvaluationBatch, seed: null);
    }

    /// <summary>How the pictures are prepared, as the model says.</summary>
    public Preprocessing Preprocessing { get; }

    /// <summary>The labels' names.</summary>
    public IReadOnlyList<string> ClassNames => source.ClassNames;

    /// <summary>What each seed works on.</summary>
    public IReadOnlyList<SeedData> Seeds { get; }

    /// <summary>The test data.</summary>
    public IBatchSource Test { get; }

    /// <summary>Opens the data and draws for every seed.</summary>
    /// <param name="path">The downstream data.</param>
    /// <param name="preprocessing">How the model wants pictures prepared.</param>
    /// <param name="plan">The seeds, and how many examples each draws.</param>
    /// <exception cref="DataException">The data cannot be divided so.</exception>
    public static DemoData Open(string path, Preprocessing preprocessing, DemoPlan plan) => new(DataSource.Open(path), preprocessing, plan);

    /// <summary>Closes the source.</summary>
    public void Dispose() => source.Dispose();

    private SeedData Draw(int seed, DemoPlan plan)
    {
        var splits = DatasetSplits.Of(source, new SplitOptions { ValidationShare = plan.ValidationShare, ExamplesPerClass = plan.TrainPerLabel, Seed = (ulong)seed });
        return new SeedData(seed, Batches(splits.Train, plan.Batch, seed), Batches(splits.Validation, EvaluationBatch, seed: null));
    }

    private RememberedBatches Batches(DatasetView view, int size, int? seed)
    {
        var options = new BatchOptions { BatchSize = size, Preprocessing = Preprocessing, Shuffle = seed is not null, Seed = (ulong)(seed ?? 0), Threads = 1 };
        return new RememberedBatches(new BatchStream(view, options), size);
    }
}
