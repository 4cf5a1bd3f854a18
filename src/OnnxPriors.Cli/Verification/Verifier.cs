using Microsoft.ML.OnnxRuntime;
using OnnxPriors.Cli.Engines;
using OnnxPriors.Gradients;
using OnnxPriors.Graphs;
using OnnxPriors.Importing;
using OnnxPriors.Normalization;
using OnnxPriors.Onnx;
using OnnxPriors.Randomness;
using OnnxPriors.Torch;

namespace OnnxPriors.Cli.Verification;

/// <summary>What to verify, and on what.</summary>
/// <param name="Path">The model's file.</param>
/// <param name="Inputs">An NPZ file with its inputs; null for random ones.</param>
/// <param name="Import">What of the model's inputs is fixed.</param>
/// <param name="Seed">Seeds the random inputs and the objective.</param>
internal sealed record VerificationRequest(
    string Path, string? Inputs, ImportOptions Import, ulong Seed);

/// <summary>
/// Compares the file under ONNX Runtime, the imported graph under ONNX Runtime, the TorchSharp module, and the gradient graph with
/// libtorch's autograd in float64: four implementations that share little.
/// </summary>
internal static class Verifier
{
    /// <summary>Runs the comparison.</summary>
    /// <param name="request">What to verify.</param>
    /// <param name="progress">Hears what is being done.</param>
    /// <param name="cancellation">Stops it.</param>
    public static VerificationReport Run(VerificationRequest request, Action<string> progress, CancellationToken cancellation)
    {
        progress("reading the model");
        var model = OnnxFile.Load(request.Path);
        var report = new VerificationReport { Model = Path.GetFileName(request.Path) };
        ImportedModel imported;
        try
        {
            imported = ModelImporter.Import(model, request.Import with { Policy = TrainablePolicy.EveryFloat, HalfEdges = false });
        }
        catch (UnsupportedModelException e)
        {
            return report with { Unsupported = [.. e.Nodes.Select(n => $"{n.Op} '{n.Node}': {n.Reason}")] };
        }
        var graph = imported.Graph;
        report = report with { Operators = Count(graph) };
        if (GraphModule.Unsupported(graph) is { Count: > 0 } missing)
            return report with { Unsupported = [.. missing.Select(n => $"{n.Title}: TorchSharp has no forward for it")] };

        var (inputs, canonical) = Inputs(request, imported, progress, cancellation);
        report = report with { Inputs = new SortedDictionary<string, long[]>(inputs.ToDictionary(p => p.Key, p => p.Value.Dimensions.ToArray()), StringComparer.Ordinal) };
        cancellation.ThrowIfCancellationRequested();
        progress("running the file under ONNX Runtime");
        var forward = CompareWithFile(request, model, inputs, canonical, cancellation);
        var shapes = ShapeComparison.Run(graph, inputs, cancellation);
        progress("running the TorchSharp module");
        if (GraphModule.Remark is { } remark)
            progress(remark);
        var torch = Relative.Worst(TorchEngine.Run(graph, inputs), canonical);
        report = report with { Forward = forward, Shapes = shapes, Torch = new EngineReport(torch) };

        cancellation.ThrowIfCancellationRequested();
        var parameters = imported.Trainable.Select(t => t.Tensor).ToList();
        report = report with { Parameters = parameters.Sum(p => p.Data!.Count), Trainable = parameters.Count };
        var seeds = Seeds(graph, canonical, request.Seed);
        if (parameters.Count == 0 || seeds.Count == 0)
            return report;
        try
        {
            progress("computing gradients under ONNX Runtime");
            var step = GradientProbe.Run(graph, inputs, seeds, parameters);
            cancellation.ThrowIfCancellationRequested();
            progress("computing gradients under libtorch in float64");
            var exact = TorchEngine.Gradients(graph, inputs, seeds, parameters, FloatPrecision.Double);
            var single = TorchEngine.Gradients(graph, inputs, seeds, parameters, FloatPrecision.Single);
            var (error, worst) = Relative.Worst(step, exact);
            return report with { Gradient = new GradientReport(error, Relative.Worst(single, exact).Error, worst) };
        }
        catch (GradientException e) when (!e.Nodes.IsEmpty)
        {
            return report with { Unsupported = [.. e.Nodes.Select(n => $"{n.Operator} '{n.Node}': {n.Reason}")] };
        }
    }

    private static SortedDictionary<string, int> Count(Graph graph) =>
        new(graph.Nodes.GroupBy(n => n.Domain.Length == 0 ? n.Op : $"{n.Domain}.{n.Op}").ToDictionary(g => g.Key, g => g.Count()), StringComparer.Ordinal);

    // The inputs, and what the imported graph makes of them under ONNX Runtime.
    private static (IReadOnlyDictionary<string, TensorData> Inputs, IReadOnlyDictionary<string, TensorData> Outputs) Inputs(
        VerificationRequest request, ImportedModel imported, Action<string> progress, CancellationToken cancellation)
    {
        progress("running the imported graph under ONNX Runtime");
        using var engine = OnnxEngine.Open(imported.ToModel());
        if (request.Inputs is not null)
        {
            var given = Rounded(GivenInputs.Read(request.Inputs, imported.Graph), imported.Source);
            return (given, engine.Run(given, cancellation));
        }
        var random = new RandomInputs(imported.Graph, request.Seed);
        if (!random.HasOpenSizes)
        {
            var inputs = Rounded(random.Make(RandomInputs.Sizes[0]), imported.Source);
            return (inputs, engine.Run(inputs, cancellation));
        }
        OnnxRuntimeException? last = null;
        foreach (var size in RandomInputs.Sizes)
        {
            try
            {
                var inputs = Rounded(random.Make(size), imported.Source);
                return (inputs, engine.Run(inputs, cancellation));
            }
            catch (OnnxRuntimeException e)
            {
                last = e;
            }
        }
        throw new EngineException($"The model runs with none of the sizes {string.Join(", ", RandomInputs.Sizes)} for its open dimensions ({last!.Message}); give shapes with --shape NAME=2x3x48x192.", last);
    }

    private static ForwardReport CompareWithFile(
        VerificationRequest request,
        Model model,
        IReadOnlyDictionary<string, TensorData> inputs,
        IReadOnlyDictionary<string, TensorData> canonical,
        CancellationToken cancellation)
    {
        var given = new Dictionary<string, TensorData>(StringComparer.Ordinal);
        foreach (var input in model.Graph.Inputs)
            if (inputs.TryGetValue(input.Name, out var data))
                given[input.Name] = input.Type is ElementType.Float16 or ElementType.BFloat16 ? data.ConvertTo(input.Type) : data;
        foreach (var binding in request.Import.Bindings)
            if (model.Graph.Inputs.FirstOrDefault(i => i.Name == binding.Name) is { } bound)
                given[binding.Name] = binding.ToTensor(bound.Type, bound.Shape);
        try
        {
            using var file = OnnxEngine.OpenFile(request.Path);
            var half = HalfWidening.HasHalf(model);
            if (!half)
                return new ForwardReport(Relative.Worst(canonical, file.Run(given, cancellation)));
            using var widened = OnnxEngine.Open(HalfWidening.Widen(request.Path));
            var reference = widened.Run(given.ToDictionary(p => p.Key, p => Wide(p.Value)), cancellation);
            var narrow = TryRun(file, given, cancellation);
            return new ForwardReport(Relative.Worst(canonical, reference), narrow is null ? null : Relative.Worst(canonical, narrow));
        }
        catch (OnnxRuntimeException e)
        {
            return new ForwardReport(null, Reason: $"ONNX Runtime {OrtEnv.Instance().GetVersionString()} cannot run the file: {e.Message}");
        }
    }

    // Inputs that the file takes in 16 bits hold what these can hold, so that every engine sees the same numbers.
    private static Dictionary<string, TensorData> Rounded(IReadOnlyDictionary<string, TensorData> inputs, Model model) => inputs.ToDictionary(
        p => p.Key,
        p => model.Graph.Inputs.FirstOrDefault(i => i.Name == p.Key) is { Type: ElementType.Float16 or ElementType.BFloat16 } input
            ? p.Value.ConvertTo(input.Type).ConvertTo(p.Value.Type)
            : p.Value,
        StringComparer.Ordinal);

    private static TensorData Wide(TensorData data) =>
        data.Type is ElementType.Float16 or ElementType.BFloat16 ? data.ConvertTo(ElementType.Float) : data;

    // A 16-bit file that the runtime has no kernels for still has its widened reference.
    private static IReadOnlyDictionary<string, TensorData>? TryRun(OnnxEngine engine, IReadOnlyDictionary<string, TensorData> inputs, CancellationToken cancellation)
    {
        try
        {
            return engine.Run(inputs, cancellation);
        }
        catch (OnnxRuntimeException)
        {
            return null;
        }
    }

    // Σ⟨output, R⟩ has R normal; outputs that are no float tensors have no gradient.
    private static Dictionary<string, TensorData> Seeds(Graph graph, IReadOnlyDictionary<string, TensorData> outputs, ulong seed)
    {
        var seeds = new Dictionary<string, TensorData>(StringComparer.Ordinal);
        foreach (var (output, place) in graph.Outputs.Select((o, i) => (o, i)))
        {
            if (!output.Type.IsFloating())
                continue;
            var numbers = new float[outputs[output.Name].Count];
            Philox.FillNormal(numbers, seed, step: (ulong)place, stream: 1);
            seeds[output.Name] = TensorData.Of(numbers, outputs[output.Name].Dimensions).ConvertTo(output.Type);
        }
        return seeds;
    }
}
