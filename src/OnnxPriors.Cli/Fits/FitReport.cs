using System.Globalization;
using System.Text.Json.Serialization;
using OnnxPriors.Cli.Display;
using OnnxPriors.Torch.Fitting;
using Spectre.Console;

namespace OnnxPriors.Cli.Fits;

/// <summary>What <c>fit --json</c> prints.</summary>
/// <param name="Path">The prior file.</param>
/// <param name="Method">The method.</param>
/// <param name="Objective">What the fit descended on, or whose curvature it took.</param>
/// <param name="Rank">K; 0 for a diagonal covariance.</param>
/// <param name="Samples">The weight vectors collected; of a Laplace approximation the examples.</param>
/// <param name="Parameters">The numbers fitted.</param>
/// <param name="Examples">The examples of the data.</param>
/// <param name="SourceAccuracy">Top-1 of the pretrained weights on up to 1,000 of these examples; null for a self-supervised objective.</param>
/// <param name="MeanAccuracy">Top-1 of the fitted mean on the same examples; null where it has the pretrained weights, or no classes.</param>
/// <param name="SourceNeighbours">Accuracy of nearest neighbours in the features before the fit; null where it was not asked for.</param>
/// <param name="MeanNeighbours">The same at the fitted mean.</param>
/// <param name="Seconds">The time taken.</param>
internal sealed record FitReport(
    string Path, string Method, string Objective, int Rank, int Samples, long Parameters, int Examples, double? SourceAccuracy, double? MeanAccuracy,
    double? SourceNeighbours, double? MeanNeighbours, double Seconds)
{
    public void Show(Terminal terminal) => terminal.Show(this, FitJson.Default.FitReport, console =>
    {
        console.WriteLine(string.Create(CultureInfo.InvariantCulture, $"{Path}: {Method}, rank {Rank}, {Samples} {(Method.StartsWith("laplace", StringComparison.Ordinal) ? "examples" : "samples")} of {Parameters:N0} parameters in {Seconds:F0} s"));
        if (SourceAccuracy is { } before)
            console.WriteLine(string.Create(CultureInfo.InvariantCulture, $"top-1 on the source data: {before:P1} pretrained{(MeanAccuracy is { } after ? string.Create(CultureInfo.InvariantCulture, $", {after:P1} at the fitted mean") : ", which stay the mean")}"));
        if (SourceNeighbours is { } near)
            console.WriteLine(string.Create(CultureInfo.InvariantCulture, $"nearest neighbours: {near:P1} before, {MeanNeighbours:P1} at the fitted mean"));
    });
}

/// <summary>The JSON of the report, without reflection.</summary>
[JsonSourceGenerationOptions(PropertyNamingPolicy = JsonKnownNamingPolicy.CamelCase, WriteIndented = true)]
[JsonSerializable(typeof(FitReport))]
internal sealed partial class FitJson : JsonSerializerContext;

/// <summary>Shows a fit's own account of its progress.</summary>
/// <param name="report">Where it is shown.</param>
/// <param name="trains">Whether the fit takes steps and collects weights; else its steps are examples.</param>
internal sealed class FitReporter(IProgressReport report, bool trains) : IProgress<FitProgress>
{
    public void Report(FitProgress value) => report.Report(
        value.Step,
        string.Create(CultureInfo.InvariantCulture, $"loss {value.Loss:F4}{(trains ? $", {value.Samples} collected" : "")}"),
        ProgressText.Rate(value.ExamplesPerSecond, "examples"),
        value.Remaining);
}
