using System.CommandLine;
using System.Text.Json.Serialization;
using OnnxPriors.Cli.Display;
using OnnxPriors.Cli.Engines;
using OnnxPriors.Data.Arrays;
using OnnxPriors.Importing;
using OnnxPriors.Onnx;
using Spectre.Console;

namespace OnnxPriors.Cli.Commands.Models;

/// <summary><c>run MODEL --inputs IN.npz -o OUT.npz</c>: the imported model's outputs by either engine.</summary>
internal sealed class RunVerb : IVerb
{
    private readonly ModelFileArguments model = new();
    private readonly Option<string> inputs = new("--inputs") { Description = "An NPZ file with the model's inputs by name; bfloat16 ones as float32.", Required = true, HelpName = "IN.npz" };
    private readonly Option<string> output = new("--output", "-o") { Description = "The NPZ file to write: the outputs by name.", Required = true, HelpName = "OUT.npz" };
    private readonly Option<string> engine = new("--engine") { Description = "What computes after the import: onnx (ONNX Runtime) or torch (TorchSharp).", DefaultValueFactory = _ => "onnx" };

    public RunVerb() => engine.AcceptOnlyFromAmong("onnx", "torch");

    /// <inheritdoc/>
    public string Name => "run";

    /// <inheritdoc/>
    public string Summary => "Imports a model and computes its outputs for given inputs.";

    /// <inheritdoc/>
    public IReadOnlyList<Example> Examples { get; } = [new("run model.onnx --inputs batch.npz -o outputs.npz --engine torch", "Compute the outputs with TorchSharp")];

    /// <inheritdoc/>
    public void Declare(Command command)
    {
        model.Declare(command);
        foreach (var option in (Option[])[inputs, output, engine])
            command.Add(option);
    }

    /// <inheritdoc/>
    public int Run(ParseResult given, Terminal terminal, CancellationToken cancellation)
    {
        var path = OutputPath.File(given.GetRequiredValue(output));
        var imported = ModelImporter.Import(OnnxFile.Load(model.Path(given)), model.Read(given));
        var feeds = GivenInputs.Read(given.GetRequiredValue(inputs), imported.Graph);
        cancellation.ThrowIfCancellationRequested();
        IReadOnlyDictionary<string, Graphs.TensorData> results;
        if (given.GetValue(engine) == "torch")
        {
            results = TorchEngine.Run(imported.Graph, feeds);
        }
        else
        {
            using var session = OnnxEngine.Open(imported.ToModel());
            results = session.Run(feeds, cancellation);
        }
        NpzFile.Write(path, results.Select(r => KeyValuePair.Create(r.Key, Arrays.ToArray(r.Value))));
        var report = new RunReport(path, results.ToDictionary(r => r.Key, r => r.Value.Dimensions.ToArray()));
        terminal.Show(report, RunJson.Default.RunReport, console =>
        {
            foreach (var (name, shape) in report.Outputs)
                console.WriteLine($"{name} [{string.Join(", ", shape)}]");
        });
        return ExitCode.Done;
    }
}

/// <summary>What <c>run --json</c> prints.</summary>
/// <param name="Path">The file written.</param>
/// <param name="Outputs">Each output's shape.</param>
internal sealed record RunReport(string Path, IReadOnlyDictionary<string, long[]> Outputs);

/// <summary>The JSON of the report, without reflection.</summary>
[JsonSourceGenerationOptions(PropertyNamingPolicy = JsonKnownNamingPolicy.CamelCase, WriteIndented = true)]
[JsonSerializable(typeof(RunReport))]
internal sealed partial class RunJson : JsonSerializerContext;
