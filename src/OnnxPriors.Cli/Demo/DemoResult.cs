using System.Text.Json.Serialization;
using OnnxPriors.Cli.Reports;
using OnnxPriors.Cli.Trials;

namespace OnnxPriors.Cli.Demo;

/// <summary>What the demo came to, as its JSON has it.</summary>
internal sealed record DemoResult
{
    /// <summary>The ways, in the order in which they are shown.</summary>
    public required IReadOnlyList<WayResult> Ways { get; init; }

    /// <summary>What came out, a sentence each.</summary>
    public required IReadOnlyList<string> Conclusions { get; init; }

    /// <summary>The exported model.</summary>
    public required ExportedModel Export { get; init; }

    /// <summary>The HTML report's path.</summary>
    public required string Report { get; init; }

    /// <summary>How long all of it took.</summary>
    public required double Seconds { get; init; }
}

/// <summary>One way's results on the test data.</summary>
/// <param name="Name">Its name.</param>
/// <param name="Accuracy">The share classified rightly, 0 … 1.</param>
/// <param name="Nll">The mean negative log-likelihood, in nats.</param>
/// <param name="Ece">The expected calibration error, 0 … 1.</param>
/// <param name="Chosen">For each seed, the setting chosen on its validation data.</param>
internal sealed record WayResult(string Name, Figure Accuracy, Figure Nll, Figure Ece, IReadOnlyList<Setting> Chosen);

/// <summary>A number measured once a seed.</summary>
/// <param name="Mean">The mean over the seeds.</param>
/// <param name="Spread">The sample standard deviation over the seeds.</param>
/// <param name="Seeds">Each seed's value.</param>
internal sealed record Figure(double Mean, double Spread, IReadOnlyList<double> Seeds)
{
    /// <summary>Sums values up.</summary>
    /// <param name="seeds">One value a seed.</param>
    public static Figure Of(IReadOnlyList<double> seeds)
    {
        var spread = Reports.Spread.Of(seeds);
        return new Figure(spread.Mean, spread.Deviation, seeds);
    }

    /// <summary>Mean and spread as text.</summary>
    /// <param name="factor">What both are multiplied with: 100 for per cent.</param>
    /// <param name="digits">Digits after the point.</param>
    public string Format(double factor, int digits) => new Spread(Mean, Spread).Format(factor, digits);
}

/// <summary>The model that the demo exports.</summary>
/// <param name="Path">Its file.</param>
/// <param name="MaxAbsDifference">The largest difference of a probability from the run's own, over the test data.</param>
/// <param name="Way">Whose it is: the way that did best on validation data.</param>
/// <param name="Seed">Of which seed: the first.</param>
internal sealed record ExportedModel(string Path, double MaxAbsDifference, string Way, int Seed);

[JsonSourceGenerationOptions(PropertyNamingPolicy = JsonKnownNamingPolicy.CamelCase, DefaultIgnoreCondition = JsonIgnoreCondition.WhenWritingNull)]
[JsonSerializable(typeof(DemoResult))]
internal sealed partial class DemoJson : JsonSerializerContext;
