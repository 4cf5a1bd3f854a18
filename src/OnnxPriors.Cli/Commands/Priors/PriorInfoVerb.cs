using System.CommandLine;
using System.Text.Json;
using System.Text.Json.Nodes;
using System.Text.Json.Serialization;
using OnnxPriors.Cli.Display;
using OnnxPriors.Priors;
using Spectre.Console;

namespace OnnxPriors.Cli.Commands.Priors;

/// <summary><c>prior info FILE</c>: checks a prior file and shows what it holds.</summary>
internal sealed partial class PriorInfoVerb : IVerb
{
    private readonly Argument<string> file = PriorFile.Argument();
    private readonly Option<bool> tensors = new("--tensors") { Description = "Show a line for each tensor too." };

    /// <inheritdoc/>
    public string Name => "info";

    /// <inheritdoc/>
    public string Summary => "Checks a prior file and shows what it holds.";

    /// <inheritdoc/>
    public IReadOnlyList<Example> Examples { get; } =
    [
        new("prior info prior.safetensors", "Check every value and show the whole"),
        new("prior info prior.safetensors --tensors", "Show each tensor too"),
    ];

    /// <inheritdoc/>
    public void Declare(Command command)
    {
        command.Add(file);
        command.Add(tensors);
    }

    /// <inheritdoc/>
    public int Run(ParseResult given, Terminal terminal, CancellationToken cancellation)
    {
        using var reader = PosteriorReader.Open(given.GetRequiredValue(file));
        PosteriorCheck.CheckValues(reader, $"'{reader.Path}'");
        var summary = PosteriorSummary.Of(reader);
        terminal.Show(ToJson(summary, reader), InfoJson.Default.JsonObject, screen => Print(screen, summary, reader, given.GetValue(tensors)));
        return ExitCode.Done;
    }

    private static void Print(IAnsiConsole output, PosteriorSummary summary, PosteriorReader reader, bool tensors)
    {
        var (metadata, total) = (summary.Metadata, summary.Total);
        Line("method", $"{metadata.Method}, rank {metadata.Rank}, {metadata.Samples} samples, seed {metadata.Seed}");
        Line("covariance", $"{metadata.Normalisation}");
        if (metadata.PriorPrecision is { } tau)
            Line("prior precision", $"{tau}");
        Line("parameters", $"{total.Count:N0} in {summary.Tensors.Length} tensors; {reader.Buffers.Length} re-estimated running statistics");
        Line("mean", $"root mean square {Math.Sqrt(total.MeanSquare):G4}");
        Line("deviation", $"root mean square {Math.Sqrt(total.Variance):G4}, {Share(total):P1} of the variance in the factor");
        Line("zero variance", $"{total.ZeroVarianceCount:N0} parameters ({(double)total.ZeroVarianceCount / Math.Max(total.Count, 1):P2})");
        Line("source", $"SHA-256 {metadata.SourceSha256}");
        if (metadata.Parts is { } parts)
            Line("parts", $"{parts}");
        Line("hyperparameters", $"{metadata.Hyperparameters}");
        Line("producer", $"{metadata.Producer}");
        if (!tensors)
            return;
        output.WriteLine("");
        output.WriteLine($"{"rms mean",12} {"rms deviation",14} {"factor share",13} {"zero variance",14}  tensor");
        foreach (var tensor in summary.Tensors)
            output.WriteLine(FormattableString.Invariant(
                $"{Math.Sqrt(tensor.MeanSquare),12:G4} {Math.Sqrt(tensor.Variance),14:G4} {Share(tensor),13:P1} {tensor.ZeroVarianceCount,14:N0}  {tensor.Name} [{string.Join(", ", tensor.Shape)}]"));

        void Line(string name, FormattableString text) => output.WriteLine($"{name,-16} {FormattableString.Invariant(text)}");
    }

    private static double Share(TensorSummary tensor) => tensor.Variance > 0 ? tensor.FactorVariance / tensor.Variance : 0;

    private static JsonObject ToJson(PosteriorSummary summary, PosteriorReader reader)
    {
        var metadata = summary.Metadata;
        var json = new JsonObject
        {
            ["file"] = reader.Path,
            ["method"] = metadata.Method,
            ["rank"] = metadata.Rank,
            ["samples"] = metadata.Samples,
            ["seed"] = metadata.Seed,
            ["normalisation"] = metadata.Normalisation,
            ["priorPrecision"] = metadata.PriorPrecision,
            ["parts"] = metadata.Parts is { } parts ? Json(parts) : null,
            ["sourceSha256"] = metadata.SourceSha256,
            ["hyperparameters"] = Json(metadata.Hyperparameters),
            ["producer"] = metadata.Producer,
            ["total"] = Describe(summary.Total),
            ["tensors"] = new JsonArray([.. summary.Tensors.Select(tensor =>
            {
                var described = Describe(tensor);
                described.Insert(0, "name", tensor.Name);
                described.Insert(1, "shape", new JsonArray([.. tensor.Shape.Select(dimension => (JsonNode)dimension)]));
                return (JsonNode)described;
            })]),
            ["buffers"] = new JsonArray([.. reader.Buffers.Select(buffer => (JsonNode)buffer.Name)]),
        };
        return json;
    }

    private static JsonNode? Json(string text)
    {
        try
        {
            return JsonNode.Parse(text);
        }
        catch (JsonException)
        {
            return text;
        }
    }

    private static JsonObject Describe(TensorSummary tensor) => new()
    {
        ["parameters"] = tensor.Count,
        ["meanSquare"] = tensor.MeanSquare,
        ["diagonalVariance"] = tensor.DiagonalVariance,
        ["factorVariance"] = tensor.FactorVariance,
        ["zeroVariance"] = tensor.ZeroVarianceCount,
    };

    [JsonSerializable(typeof(JsonObject))]
    private sealed partial class InfoJson : JsonSerializerContext;
}
