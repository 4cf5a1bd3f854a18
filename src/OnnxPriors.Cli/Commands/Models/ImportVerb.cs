using System.CommandLine;
using OnnxPriors.Cli.Display;
using OnnxPriors.Cli.Inspection;
using OnnxPriors.Data;
using OnnxPriors.Graphs;
using OnnxPriors.Importing;
using OnnxPriors.Onnx;
using OnnxPriors.PyTorch;

namespace OnnxPriors.Cli.Commands.Models;

/// <summary><c>onnxpriors import</c>: writes a model in the canonical form.</summary>
internal sealed class ImportVerb : IVerb
{
    private readonly ModelArguments arguments = new();
    private readonly Option<string> output = new("--output", "-o") { Description = "The ONNX file to write.", Required = true, HelpName = "OUT.onnx" };
    private readonly Option<int?> classes = new("--classes") { Description = "Replaces the head by a fresh one for this many classes. Default: the model's own head.", HelpName = "C" };
    private readonly Option<ulong> seed = new("--seed") { Description = "Seeds the fresh head.", HelpName = "S" };
    private readonly Option<string?> weights = new("--weights") { Description = "Takes the weights from a state dictionary, .pt or .safetensors, by the names of the model's tensors. With --classes the replaced head's may be left out.", HelpName = "STATE" };
    private readonly Option<bool> asFile = new("--as-file") { Description = "Keeps outputs, their types and the batch as the file has them; no class scores are looked for." };
    private readonly Option<string?> preprocess = new("--preprocess")
    {
        Description = $"How pictures are prepared, written into the file: {string.Join(", ", Preprocessing.PresetNames)}. Default: as the model says.",
        HelpName = "PRESET",
    };

    public string Name => "import";

    public string Summary => "Writes a model in the canonical form: opset 18, float32, a dynamic batch, class scores as its output.";

    public IReadOnlyList<Example> Examples { get; } =
    [
        new("import squeezenet.onnx -o source.onnx --preprocess caffe2-bgr", "imports a model with its own head"),
        new("import resnet18.onnx -o target.onnx --classes 10", "gives it a fresh head for 10 classes"),
        new("import resnet18.onnx --weights finetuned.pt -o source.onnx", "takes other weights, of a file that torch.save wrote"),
        new("import network.onnx -o target.onnx --classes 4 --features pool5", "names the features"),
    ];

    public void Declare(Command command)
    {
        arguments.Declare(command);
        command.Add(output);
        command.Add(classes);
        command.Add(seed);
        command.Add(weights);
        command.Add(asFile);
        command.Add(preprocess);
    }

    public int Run(ParseResult given, Terminal terminal, CancellationToken cancellation)
    {
        var path = OutputPath.File(given.GetRequiredValue(output));
        var pictures = given.GetValue(preprocess) is { } preset ? Preprocessing.Preset(preset) : null;
        var keep = given.GetValue(asFile);
        var count = given.GetValue(classes);
        if (keep && count is not null)
            throw new ImportException("--as-file keeps the model's own outputs, so --classes cannot replace its head; give one of the two.");
        var options = arguments.Read(given) with
        {
            Form = keep ? ImportForm.AsFile : count is not null ? ImportForm.NewHead : ImportForm.OwnHead,
            Classes = count,
            Seed = given.GetValue(seed),
        };
        var imported = Import(OnnxFile.Load(arguments.Path(given)), options);
        cancellation.ThrowIfCancellationRequested();
        var model = imported.ToModel();
        if (given.GetValue(weights) is { } state)
            // The file is no longer the model that its hash stood for.
            model = model with { Graph = WithWeights(imported, state, freshHead: count is not null), Metadata = model.Metadata.Remove(MetadataKeys.Source) };
        if (pictures is not null)
            model = model with { Metadata = model.Metadata.SetItem(MetadataKeys.Preprocess, pictures.ToJson()) };
        OnnxFile.Save(model, path);
        var summary = ImportSummary.Of(imported, path);
        terminal.Show(summary, InspectionJson.Default.ImportSummary, console => SummaryDisplay.Show(console, summary));
        return ExitCode.Done;
    }

    private static Graph WithWeights(ImportedModel imported, string path, bool freshHead)
    {
        using var state = StateDictionary.Open(path);
        // A fresh head has no weights in any file, and what it replaced has no place in the model.
        var fresh = imported.Tensors.Where(t => freshHead && t.Part == ModelPart.Head).Select(t => t.Name).ToHashSet(StringComparer.Ordinal);
        var here = imported.Graph.Parameters.Select(value => value.Name).ToHashSet(StringComparer.Ordinal);
        var replaced = imported.Source.Graph.Initializers.Select(value => value.Name).Where(name => !here.Contains(name)).Concat(fresh).ToHashSet(StringComparer.Ordinal);
        var given = state.Tensors.Where(tensor => !replaced.Contains(tensor.Name))
            .ToDictionary(tensor => tensor.Name, tensor => TensorData.Of(state.Read(tensor.Name), tensor.Shape), StringComparer.Ordinal);
        var own = imported.Tensors.Where(t => t.Use is TensorUse.Trainable or TensorUse.Buffer && !fresh.Contains(t.Name)).Select(t => t.Name);
        return ModelWeights.Replace(imported.Graph, given, [.. own], $"'{path}'");
    }

    private static ImportedModel Import(Model model, ImportOptions options)
    {
        try
        {
            return ModelImporter.Import(model, options);
        }
        catch (ImportException e) when (options.Form == ImportForm.OwnHead)
        {
            throw new ImportException($"{e.Message} With --as-file the outputs stay as they are.", e);
        }
    }
}
