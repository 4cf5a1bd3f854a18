using OnnxPriors.Cli.Engines;
using OnnxPriors.Graphs;
using OnnxPriors.Importing;
using OnnxPriors.Normalization;
using OnnxPriors.Onnx;
using OnnxPriors.Torch.Operators;

namespace OnnxPriors.Cli.Conformance;

/// <summary>Runs one case: imports its model as the file has it, computes with an engine, compares.</summary>
internal static class CaseRunner
{
    /// <summary>ONNX Runtime computes.</summary>
    public const string Onnx = "onnx";

    /// <summary>TorchSharp computes.</summary>
    public const string Torch = "torch";

    private delegate IReadOnlyDictionary<string, TensorData> Compute(IReadOnlyDictionary<string, TensorData> inputs);

    /// <summary>The verdict on a case under an engine. Nothing that a case does wrong comes out as an exception.</summary>
    public static ConformanceVerdict Run(ConformanceCase one, string engine)
    {
        try
        {
            var problem = Problem(one, engine);
            return new(one.Name, engine, problem is null ? ConformanceStatus.Pass : ConformanceStatus.Fail, problem ?? "");
        }
        catch (Exception e) when (e is UnsupportedModelException or UnsupportedOperatorException or NormalizationException or ImportException or ModelFormatException)
        {
            return new(one.Name, engine, ConformanceStatus.Refused, OneLine(e.Message));
        }
        // Whatever an engine throws is a verdict; the other cases go on.
        catch (Exception e)
        {
            return new(one.Name, engine, ConformanceStatus.Fail, OneLine(e.Message));
        }
    }

    private static string? Problem(ConformanceCase one, string engine)
    {
        var imported = ModelImporter.Import(OnnxFile.Load(one.Model), new ImportOptions { Form = ImportForm.AsFile });
        if (engine == Torch)
            return Problem(one, imported.Graph, inputs => TorchEngine.Run(imported.Graph, inputs));
        using var session = OnnxEngine.Open(imported.ToModel());
        return Problem(one, imported.Graph, inputs => session.Run(inputs));
    }

    private static string? Problem(ConformanceCase one, Graph graph, Compute compute)
    {
        var sets = one.DataSets;
        if (sets.Count == 0)
            return "the case has no folder test_data_set_0 with inputs and outputs";
        foreach (var set in sets)
        {
            var files = ConformanceCase.Inputs(set);
            if (files.Count < graph.Inputs.Length)
                return $"the model has {graph.Inputs.Length} inputs and '{Path.GetFileName(set)}' has {files.Count}";
            var inputs = graph.Inputs.Select((value, i) => (value, Data: TensorFile.Load(files[i])))
                .ToDictionary(p => p.value.Name, p => Given(p.value, p.Data), StringComparer.Ordinal);
            var outputs = compute(inputs);
            foreach (var (file, value) in ConformanceCase.Outputs(set).Zip(graph.Outputs))
                if (OutputComparison.Difference(value.Name, TensorFile.Load(file), outputs[value.Name]) is { } difference)
                    return difference;
        }
        return null;
    }

    // An import takes bfloat16 as float32, and such files as call bfloat16 by the type of its bits.
    private static TensorData Given(Value input, TensorData data) =>
        input.Type == ElementType.Float && data.Type == ElementType.BFloat16 ? data.ConvertTo(ElementType.Float) : data;

    private static string OneLine(string message) =>
        string.Join(' ', message.Split((char[])['\r', '\n'], StringSplitOptions.RemoveEmptyEntries | StringSplitOptions.TrimEntries));
}
