using OnnxPriors.Graphs;
using OnnxPriors.Onnx;
using OnnxPriors.Testing;
using static TorchSharp.torch;

namespace OnnxPriors.Torch.Tests.Operators;

/// <summary>One case of ONNX's own node tests: a model, inputs and the outputs expected of it.</summary>
/// <param name="Folder">The case's folder.</param>
internal sealed record ConformanceCase(string Folder)
{
    private const double Relative = 1e-3, Absolute = 1e-5;

    /// <summary>Where Debian's package libonnx-testdata keeps the cases.</summary>
    public static string Root => Path.Combine(ConformanceFiles.Root, "node");

    public string Name => Path.GetFileName(Folder);

    /// <summary>Runs the case.</summary>
    /// <returns>What went wrong, or null.</returns>
    public string? Run()
    {
        var graph = OnnxFile.Load(Path.Combine(Folder, "model.onnx")).Graph;
        using var scope = NewDisposeScope();
        using var module = new GraphModule(graph, new GraphModuleOptions { RequiresGradient = false });
        foreach (string set in Directory.GetDirectories(Folder).Order(StringComparer.Ordinal))
        {
            var inputs = graph.Inputs.Select((value, i) => (value.Name, Tensor: Tensors.ToTorch(TensorFile.Load(Path.Combine(set, $"input_{i}.pb")))))
                .ToDictionary(p => p.Name, p => p.Tensor);
            var outputs = module.Forward(inputs);
            for (var i = 0; i < graph.Outputs.Length; i++)
            {
                var expected = TensorFile.Load(Path.Combine(set, $"output_{i}.pb"));
                var actual = outputs[graph.Outputs[i].Name];
                if (!actual.shape.SequenceEqual(expected.Dimensions))
                    return $"output {i} has shape [{string.Join(", ", actual.shape)}], not [{string.Join(", ", expected.Dimensions)}]";
                double distance = Tensors.Distance(Tensors.ToDoubles(actual), expected.Type == ElementType.Bool ? [.. expected.Span<bool>().ToArray().Select(b => b ? 1.0 : 0.0)] : expected.ToDouble(), Relative, Absolute);
                if (distance > 1) return $"output {i} is {distance:g3} times the tolerance away";
            }
        }
        return null;
    }
}
