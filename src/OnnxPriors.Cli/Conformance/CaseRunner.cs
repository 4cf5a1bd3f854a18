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
            return Problem(one, imported, inputs => TorchEngine.Run(imported.Graph, inputs));
        using var session = OnnxEngine.Open(imported.ToModel());
        return Problem(one, imported, inputs => session.Run(inputs));
    }

    private static string? Problem(ConformanceCase one, ImportedModel imported, Compute compute)
    {
        var (file, graph) = (imported.Source.Graph, imported.Graph);
        var sets = one.DataSets;
        if (sets.Count == 0)
            return "the case has no folder test_data_set_0 with inputs and outputs";
        foreach (var set in sets)
        {
            var given = ConformanceCase.Inputs(set);
            if (given.Count < graph.Inputs.Length)
                return $"the model has {graph.Inputs.Length} inputs and '{Path.GetFileName(set)}' has {given.Count}";
            var inputs = graph.Inputs.Select((value, i) => (value.Name, Data: Stated(TensorFile.Load(given[i]), file.Inputs[i].Type, value.Type)))
                .ToDictionary(p => p.Name, p => p.Data, StringComparer.Ordinal);
            var outputs = compute(inputs);
            var expected = ConformanceCase.Outputs(set);
            for (var i = 0; i < Math.Min(expected.Count, graph.Outputs.Length); i++)
            {
                var name = graph.Outputs[i].Name;
                if (OutputComparison.Difference(name, Stated(TensorFile.Load(expected[i]), file.Outputs[i].Type, null), outputs[name]) is { } difference)
                    return difference;
            }
        }
        return null;
    }

    /// <summary>
    /// A tensor in the type that the model states. NumPy has no bfloat16, so ONNX's cases keep such tensors as the integers of their bits;
    /// an import takes them as float32.
    /// </summary>
    private static TensorData Stated(TensorData data, ElementType stated, ElementType? taken)
    {
        if (stated == ElementType.BFloat16 && data.Type == ElementType.UInt16)
            data = new(ElementType.BFloat16, data.Dimensions, data.Bytes);
        return data.Type == ElementType.BFloat16 && taken is { } type ? data.ConvertTo(type) : data;
    }

    private static string OneLine(string message) =>
        string.Join(' ', message.Split((char[])['\r', '\n'], StringSplitOptions.RemoveEmptyEntries | StringSplitOptions.TrimEntries));
}
