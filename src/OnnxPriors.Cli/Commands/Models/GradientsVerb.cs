using System.Collections.Immutable;
using System.Collections.ObjectModel;
using System.CommandLine;
using System.Globalization;
using System.Text.Json.Serialization;
using OnnxPriors.Artifacts;
using OnnxPriors.Cli.Display;
using OnnxPriors.Cli.Engines;
using OnnxPriors.Data.Arrays;
using OnnxPriors.Graphs;
using OnnxPriors.Importing;
using OnnxPriors.Objectives;
using OnnxPriors.Onnx;
using Spectre.Console;

namespace OnnxPriors.Cli.Commands.Models;

/// <summary>
/// <c>gradients MODEL --inputs BATCH.npz -o GRADS.npz</c>: a loss and its gradient for every float tensor. The loss is the cross-entropy over the
/// model's own classes, or with a direction R for its outputs Σ⟨output, R⟩, which suits outputs of any meaning and shape.
/// </summary>
internal sealed class GradientsVerb : IVerb
{
    private readonly ModelArguments arguments = new();
    private readonly Option<string> inputs = new("--inputs") { Description = "NPZ file with the model's inputs by name, and labels (int64, one an example) or OUTPUT.direction for its real outputs.", Required = true, HelpName = "BATCH.npz" };
    private readonly Option<string> output = new("--output", "-o") { Description = "NPZ file to write: loss, and one array for each tensor.", Required = true, HelpName = "GRADS.npz" };
    private readonly Option<string> engine = new("--engine")
    {
        Description = "step: the gradient model under ONNX Runtime; torch: libtorch's autograd in float64",
        DefaultValueFactory = _ => "step",
    };

    public GradientsVerb() => engine.AcceptOnlyFromAmong("step", "torch");

    /// <inheritdoc/>
    public string Name => "gradients";

    /// <inheritdoc/>
    public string Summary => "Writes the loss of a batch and its gradient for every float tensor that the loss depends on.";

    /// <inheritdoc/>
    public IReadOnlyList<Example> Examples { get; } =
    [
        new("gradients model.onnx --inputs batch.npz -o grads.npz", "Compute gradients as training does"),
        new("gradients model.onnx --inputs batch.npz -o reference.npz --engine torch", "Compute them by libtorch"),
    ];

    /// <inheritdoc/>
    public void Declare(Command command)
    {
        arguments.Declare(command);
        command.Add(inputs);
        command.Add(output);
        command.Add(engine);
    }

    /// <inheritdoc/>
    public int Run(ParseResult given, Terminal terminal, CancellationToken cancellation)
    {
        var path = OutputPath.File(given.GetRequiredValue(output));
        var batch = given.GetRequiredValue(inputs);
        var file = OnnxFile.Load(arguments.Path(given));
        var arrays = NpzFile.Read(batch);
        var isLinear = file.Graph.Outputs.Any(o => arrays.ContainsKey(LinearObjective.Direction(o.Name)));
        var options = arguments.Read(given) with { Form = isLinear ? ImportForm.AsFile : ImportForm.OwnHead, Policy = TrainablePolicy.EveryFloat, HalfEdges = false };
        var model = ModelImporter.Import(file, options with { InputShapes = Shapes(file.Graph, arrays, options.InputShapes) });
        cancellation.ThrowIfCancellationRequested();
        var feeds = new Dictionary<string, TensorData>(GivenInputs.Read(batch, model.Graph), StringComparer.Ordinal);
        TensorData?[] goals = isLinear ? [.. model.Graph.Outputs.Select(o => Direction(batch, arrays, o))] : [Labels(batch, arrays, model)];
        Value[] tensors = [.. model.Trainable.Select(t => t.Tensor)];
        var (loss, gradients) = given.GetValue(engine) == "torch"
            ? TorchLoss.Run(model.Graph, feeds, isLinear ? TorchLoss.Linear(goals) : TorchLoss.CrossEntropy(goals[0]!), tensors)
            : Step(model.Graph, feeds, isLinear ? new LinearObjective() : new CrossEntropy(), goals, tensors, cancellation);
        var results = tensors.Zip(gradients).Select(p => KeyValuePair.Create(p.First.Name, Arrays.ToArray(p.Second)));
        NpzFile.Write(path, results.Prepend(KeyValuePair.Create("loss", Arrays.ToArray(TensorData.Of([(float)loss], [])))));
        var report = new GradientsReport(path, given.GetValue(engine)!, loss, [.. tensors.Zip(gradients).Select(p => new GradientSize(p.First.Name, [.. p.Second.Dimensions], Norm(p.Second)))]);
        terminal.Show(report, GradientsJson.Default.GradientsReport, console => console.WriteLine(string.Create(
            CultureInfo.InvariantCulture, $"'{path}': loss {loss:G6} and the gradients of {tensors.Length} tensors, of norm {Math.Sqrt(report.Tensors.Sum(t => t.Norm * t.Norm)):G4}.")));
        return ExitCode.Done;
    }

    private static (double Loss, ImmutableArray<TensorData> Gradients) Step(
        Graph graph, Dictionary<string, TensorData> feeds, IObjective objective, TensorData?[] goals, Value[] tensors, CancellationToken cancellation)
    {
        var model = GradientModel.Build(graph, tensors, objective);
        if (objective is CrossEntropy)
            goals = [goals[0], TensorData.Of([goals[0]!.Count], [])];
        foreach (var (input, goal) in model.ObjectiveInputs.Zip(goals.OfType<TensorData>()))
            feeds[input.Name] = goal.ConvertTo(input.Type);
        foreach (var parameter in model.Parameters)
            feeds[parameter.Name] = parameter.Tensor.Data!;
        using var session = OnnxEngine.Open(Model.Canonical(model.Graph));
        var results = session.Run(feeds, cancellation);
        return (results[model.Loss].ToDouble()[0], [.. model.Parameters.Select(p => results[p.Gradient])]);
    }

    // Extents that the file leaves open are those of the batch; the first axis stays open.
    private static ImmutableSortedDictionary<string, Shape> Shapes(Graph graph, ReadOnlyDictionary<string, NpzArray> arrays, ImmutableSortedDictionary<string, Shape> named)
    {
        foreach (var input in graph.Inputs)
            if (!named.ContainsKey(input.Name) && arrays.TryGetValue(input.Name, out var array) && input.Shape is { Rank: > 1 } shape && shape.Rank == array.Shape.Count && shape.Skip(1).Any(d => !d.IsStatic))
                named = named.Add(input.Name, new Shape([shape[0], .. shape.Skip(1).Zip(array.Shape.Skip(1)).Select(p => p.First.IsStatic ? p.First : p.Second)]));
        return named;
    }

    // An output that holds no real numbers has no direction.
    private static TensorData? Direction(string path, ReadOnlyDictionary<string, NpzArray> arrays, Value output)
    {
        if (!output.Type.IsFloating())
            return null;
        return arrays.TryGetValue(LinearObjective.Direction(output.Name), out var array) ? Arrays.ToTensor(array)
            : throw new EngineException($"'{path}' has no array '{LinearObjective.Direction(output.Name)}'; give one of the output's shape for each real output.");
    }

    private static TensorData Labels(string path, IReadOnlyDictionary<string, NpzArray> arrays, ImportedModel model)
    {
        if (!arrays.TryGetValue("labels", out var array))
            throw new EngineException($"'{path}' lacks the array 'labels' (int64, one an example); it holds {string.Join(", ", arrays.Keys)}.");
        if (array.Shape.Count != 1 || array.Count == 0 || array.Type is NpyType.Float16 or NpyType.Float32 or NpyType.Float64 or NpyType.Bool)
            throw new EngineException($"'labels' in '{path}' is {array}; give int64 of the shape [batch].");
        var labels = array.ToInt64s();
        var examples = model.Graph.Inputs.Select(i => arrays[i.Name].Shape).FirstOrDefault(s => s.Count > 0)?[0];
        if (examples is { } count && count != labels.Length)
            throw new EngineException($"'{path}' holds {count} examples and {labels.Length} labels.");
        if (model.Classes is { } classes && labels.Any(l => l < 0 || l >= classes))
            throw new EngineException($"'labels' in '{path}' has {labels.First(l => l < 0 || l >= classes)}, and the model's classes are 0 to {classes - 1}.");
        return TensorData.Vector(labels);
    }

    private static double Norm(TensorData data) => Math.Sqrt(data.ToDouble().Sum(v => v * v));
}

/// <summary>What <c>gradients --json</c> prints.</summary>
/// <param name="Path">The file written.</param>
/// <param name="Engine">What computed it.</param>
/// <param name="Loss">The mean cross-entropy, in nats, or Σ⟨output, direction⟩.</param>
/// <param name="Tensors">The tensors in the order of first use.</param>
internal sealed record GradientsReport(string Path, string Engine, double Loss, IReadOnlyList<GradientSize> Tensors);

/// <summary>A tensor's gradient.</summary>
/// <param name="Name">The tensor's name in the file.</param>
/// <param name="Shape">Its dimensions.</param>
/// <param name="Norm">The gradient's Euclidean norm.</param>
internal sealed record GradientSize(string Name, IReadOnlyList<long> Shape, double Norm);

[JsonSourceGenerationOptions(PropertyNamingPolicy = JsonKnownNamingPolicy.CamelCase)]
[JsonSerializable(typeof(GradientsReport))]
internal sealed partial class GradientsJson : JsonSerializerContext;
