using System.Text;
using OnnxPriors.Graphs;
using OnnxPriors.Onnx;
using static TorchSharp.torch;

namespace OnnxPriors.Torch.Tests.Operators;

/// <summary>One case of ONNX's own node tests: a model, inputs and the outputs expected of it.</summary>
/// <param name="Folder">The case's folder.</param>
internal sealed record ConformanceCase(string Folder)
{
    private const double Relative = 1e-3, Absolute = 1e-5;

    /// <summary>Where Debian's package libonnx-testdata keeps the cases.</summary>
    public static string Root => "/usr/share/libonnx-testdata/data/node";

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
            var inputs = graph.Inputs.Select((value, i) => (value.Name, Tensor: Tensors.ToTorch(Read(Path.Combine(set, $"input_{i}.pb")))))
                .ToDictionary(p => p.Name, p => p.Tensor);
            var outputs = module.Forward(inputs);
            for (var i = 0; i < graph.Outputs.Length; i++)
            {
                var expected = Read(Path.Combine(set, $"output_{i}.pb"));
                var actual = outputs[graph.Outputs[i].Name];
                if (!actual.shape.SequenceEqual(expected.Dimensions))
                    return $"output {i} has shape [{string.Join(", ", actual.shape)}], not [{string.Join(", ", expected.Dimensions)}]";
                double distance = Tensors.Distance(Tensors.ToDoubles(actual), expected.Type == ElementType.Bool ? [.. expected.Span<bool>().ToArray().Select(b => b ? 1.0 : 0.0)] : expected.ToDouble(), Relative, Absolute);
                if (distance > 1) return $"output {i} is {distance:g3} times the tolerance away";
            }
        }
        return null;
    }

    // A tensor alone in a file, seen as the only initializer of a model: GraphProto.initializer is field 5, output 12, ModelProto.graph 7.
    private static TensorData Read(string path)
    {
        byte[] named = [.. File.ReadAllBytes(path), .. Field(8, Encoding.UTF8.GetBytes("tensor"))];
        byte[] graph = [.. Field(5, named), .. Field(12, Field(1, Encoding.UTF8.GetBytes("tensor")))];
        byte[] model = [0x08, 8, .. Field(8, [0x10, 17]), .. Field(7, graph)];
        return OnnxFile.Load(model, path).Graph.Outputs[0].Data!;
    }

    private static byte[] Field(int number, byte[] contents)
    {
        var header = new List<byte> { (byte)(number << 3 | 2) };
        for (uint rest = (uint)contents.Length; ; rest >>= 7)
        {
            header.Add((byte)(rest < 0x80 ? rest : rest & 0x7f | 0x80));
            if (rest < 0x80) break;
        }
        return [.. header, .. contents];
    }
}
