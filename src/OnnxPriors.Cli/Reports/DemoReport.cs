using OnnxPriors.Runtime.Evaluation;

namespace OnnxPriors.Cli.Reports;

/// <summary>What a comparison of ways of using a source task came to: all that <see cref="HtmlReport"/> shows, as plain data.</summary>
public sealed record DemoReport
{
    /// <summary>The page's heading.</summary>
    public required string Title { get; init; }

    /// <summary>One or two sentences under the heading: what was compared on what.</summary>
    public required string Summary { get; init; }

    /// <summary>What came out, a sentence each, the most important first.</summary>
    public required IReadOnlyList<string> Conclusions { get; init; }

    /// <summary>The ways compared, in the order in which they are shown; at least one.</summary>
    public required IReadOnlyList<WayReport> Ways { get; init; }

    /// <summary>The circumstances, as names and values: model, data, seeds, versions, time.</summary>
    public IReadOnlyList<ReportFact> Facts { get; init; } = [];

    /// <summary>What the learning curves were measured on, for their caption, for example 'validation examples'.</summary>
    public string CurvesMeasuredOn { get; init; } = "validation examples";
}

/// <summary>One way of using the source task, over several seeds.</summary>
public sealed record WayReport
{
    /// <summary>Its name in the command line and in JSON, for example <c>linear-probe</c>.</summary>
    public required string Name { get; init; }

    /// <summary>Its name in prose, for example 'Linear probe'.</summary>
    public required string Title { get; init; }

    /// <summary>What it does, in one sentence.</summary>
    public string Description { get; init; } = "";

    /// <summary>The runs, one a seed; at least one.</summary>
    public required IReadOnlyList<SeedReport> Seeds { get; init; }

    /// <summary>The reliability diagram on the test data, counts summed over the seeds; empty where none is to be shown.</summary>
    public IReadOnlyList<ReliabilityBin> Reliability { get; init; } = [];

    /// <summary>The diagram over several runs' test data: counts are summed, confidence and accuracy are averaged by count.</summary>
    /// <param name="runs">Each run's bins, all with the same edges.</param>
    /// <exception cref="ArgumentException">The runs differ in their bins.</exception>
    public static IReadOnlyList<ReliabilityBin> Pool(IReadOnlyList<IReadOnlyList<ReliabilityBin>> runs)
    {
        ArgumentNullException.ThrowIfNull(runs);
        if (runs.Count == 0)
            return [];
        if (runs.Any(run => !run.Select(bin => (bin.Low, bin.High)).SequenceEqual(runs[0].Select(bin => (bin.Low, bin.High)))))
            throw new ArgumentException("The runs' reliability bins have different edges; measure all runs with the same bins.", nameof(runs));
        return [.. runs[0].Select((first, index) => Pool(first, [.. runs.Select(run => run[index])]))];
    }

    private static ReliabilityBin Pool(ReliabilityBin first, ReliabilityBin[] same)
    {
        var count = same.Sum(bin => bin.Count);
        var divisor = Math.Max(count, 1.0);
        return first with
        {
            Count = count,
            Confidence = same.Sum(bin => bin.Count * bin.Confidence) / divisor,
            Accuracy = same.Sum(bin => bin.Count * bin.Accuracy) / divisor,
        };
    }
}

/// <summary>One run: what it scored on the test data, how it got there, and with which hyperparameters.</summary>
public sealed record SeedReport
{
    /// <summary>The seed.</summary>
    public required int Seed { get; init; }

    /// <summary>The share of test examples classified rightly, 0 … 1.</summary>
    public required double Accuracy { get; init; }

    /// <summary>The mean of −ln p(label) on the test data, in nats.</summary>
    public required double Nll { get; init; }

    /// <summary>The expected calibration error on the test data, 0 … 1.</summary>
    public required double Ece { get; init; }

    /// <summary>The learning curve by rising epoch; empty where none was kept.</summary>
    public IReadOnlyList<CurvePoint> Curve { get; init; } = [];

    /// <summary>The hyperparameters chosen for this seed, as names and values.</summary>
    public IReadOnlyList<ReportFact> Chosen { get; init; } = [];
}

/// <summary>A point of a learning curve.</summary>
/// <param name="Epoch">The epochs done.</param>
/// <param name="Accuracy">The accuracy after them, 0 … 1.</param>
/// <param name="Nll">The mean negative log-likelihood after them, in nats.</param>
public sealed record CurvePoint(double Epoch, double Accuracy, double Nll);

/// <summary>A name and its value, both as they are to be read.</summary>
/// <param name="Name">What it is.</param>
/// <param name="Value">Its value with its unit.</param>
public sealed record ReportFact(string Name, string Value);
