using System.CommandLine;
using System.Text.Json;
using System.Text.Json.Nodes;
using OnnxPriors.Priors;

namespace OnnxPriors.Cli.Commands;

/// <summary><c>onnxpriors prior info|sample|rescale FILE</c>: what is done with a prior file besides baking it.</summary>
internal static class PriorCommand
{
    private static readonly JsonSerializerOptions Indented = new() { WriteIndented = true };

    public static Command Create() => new("prior", "Look into a prior file, draw weights from it, or write it rescaled.")
    {
        Info(),
        Sample(),
        Rescale(),
    };

    private static Argument<string> File() => new("FILE") { Description = "the prior file that 'fit' wrote (.safetensors)" };

    private static Option<string> Output(string what) => new("--output", "-o") { Description = what, Required = true, HelpName = "OUT" };

    private static Command Info()
    {
        var file = File();
        var json = new Option<bool>("--json") { Description = "print JSON" };
        var tensors = new Option<bool>("--tensors") { Description = "print a line for each tensor too" };
        var command = new Command("info", "Check a prior file and print what it holds. Example: onnxpriors prior info prior.safetensors --tensors") { file, json, tensors };
        command.SetAction(result =>
        {
            using var reader = PosteriorReader.Open(result.GetRequiredValue(file));
            PosteriorCheck.CheckValues(reader, $"'{reader.Path}'");
            var summary = PosteriorSummary.Of(reader);
            var output = result.InvocationConfiguration.Output;
            if (result.GetValue(json))
                output.WriteLine(ToJson(summary, reader).ToJsonString(Indented));
            else
                Print(output, summary, reader, result.GetValue(tensors));
        });
        return command;
    }

    private static Command Sample()
    {
        var file = File();
        var output = Output("the safetensors file to write: each parameter NAME as [draws, its shape…]");
        var draws = new Option<int>("--draws") { Description = "how many draws", DefaultValueFactory = _ => 1, HelpName = "N" };
        draws.Validators.Add(result =>
        {
            if (result.Tokens.Count > 0 && result.GetValueOrDefault<int>() < 1)
                result.AddError("--draws needs a number from 1 up.");
        });
        var seed = new Option<ulong>("--seed") { Description = "the same seed gives the same draws", HelpName = "S" };
        var rescaling = new RescaleArguments();
        var command = new Command("sample", "Draw weight vectors from a prior. Example: onnxpriors prior sample prior.safetensors -o draws.safetensors --draws 10 --scale 2") { file, output, draws, seed };
        rescaling.AddTo(command);
        command.SetAction(result =>
        {
            using var reader = PosteriorReader.Open(result.GetRequiredValue(file));
            PosteriorCheck.CheckValues(reader, $"'{reader.Path}'");
            var count = result.GetValue(draws);
            PosteriorSampler.Write(result.GetRequiredValue(output), new RescaledPosterior(reader, rescaling.Read(result)), count, result.GetValue(seed));
            result.InvocationConfiguration.Output.WriteLine(
                FormattableString.Invariant($"{count} draws of {reader.Tensors.Count} tensors ({reader.Tensors.Sum(tensor => tensor.Count):N0} parameters) are in '{result.GetRequiredValue(output)}'."));
        });
        return command;
    }

    private static Command Rescale()
    {
        var file = File();
        var output = Output("the prior file to write");
        var rescaling = new RescaleArguments();
        var command = new Command("rescale", "Write a prior with its covariance rescaled. Example: onnxpriors prior rescale prior.safetensors -o wide.safetensors --scale 10 --epsilon 1e-6") { file, output };
        rescaling.AddTo(command);
        command.SetAction(result =>
        {
            using var reader = PosteriorReader.Open(result.GetRequiredValue(file));
            var options = rescaling.Read(result);
            RescaledPosterior.Write(result.GetRequiredValue(output), reader, options);
            result.InvocationConfiguration.Output.WriteLine(FormattableString.Invariant(
                $"'{result.GetRequiredValue(output)}' is '{reader.Path}' with λ = {options.Scale}, ε = {options.Epsilon}, rank {options.KeptRank(reader.Metadata.Rank)} ({options.ScalingName})."));
        });
        return command;
    }

    private static void Print(TextWriter output, PosteriorSummary summary, PosteriorReader reader, bool tensors)
    {
        var (metadata, total) = (summary.Metadata, summary.Total);
        Line("method", $"{metadata.Method}, rank {metadata.Rank}, {metadata.Samples} samples, seed {metadata.Seed}");
        Line("covariance", $"{PosteriorMetadata.Normalisation}");
        Line("parameters", $"{total.Count:N0} in {summary.Tensors.Length} tensors; {reader.Buffers.Length} re-estimated running statistics");
        Line("mean", $"root mean square {Math.Sqrt(total.MeanSquare):G4}");
        Line("deviation", $"root mean square {Math.Sqrt(total.Variance):G4}, {Share(total):P1} of the variance in the factor");
        Line("zero variance", $"{total.ZeroVarianceCount:N0} parameters ({(double)total.ZeroVarianceCount / Math.Max(total.Count, 1):P2})");
        Line("source", $"SHA-256 {metadata.SourceSha256}");
        Line("hyperparameters", $"{metadata.Hyperparameters}");
        Line("producer", $"{metadata.Producer}");
        if (!tensors)
            return;
        output.WriteLine();
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
            ["normalisation"] = PosteriorMetadata.Normalisation,
            ["sourceSha256"] = metadata.SourceSha256,
            ["hyperparameters"] = Hyperparameters(metadata.Hyperparameters),
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

    private static JsonNode? Hyperparameters(string text)
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
}
