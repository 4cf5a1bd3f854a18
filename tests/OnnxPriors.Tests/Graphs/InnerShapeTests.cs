using OnnxPriors.Graphs;
using OnnxPriors.Importing;
using OnnxPriors.Normalization;
using OnnxPriors.Onnx;
using OnnxPriors.Testing;
using OnnxPriors.Tests.Engines;

namespace OnnxPriors.Tests.Graphs;

/// <summary>Types and shapes inferred for every value inside an imported graph are those that ONNX Runtime computes.</summary>
[TestClass]
public sealed class InnerShapeTests
{
    [TestMethod]
    [RequiresConformanceCases]
    public void Values_inside_the_cases_are_as_inferred()
    {
        var wrong = new List<string>();
        var values = 0;
        foreach (var folder in ConformanceFiles.Folders)
        {
            var set = Path.Combine(folder, "test_data_set_0");
            try
            {
                var graph = ModelImporter.Import(OnnxFile.Load(Path.Combine(folder, "model.onnx")), new() { HalfEdges = false }).Graph;
                if (graph.Nodes.Length < 2)
                    continue;
                var inputs = graph.Inputs.Select((v, i) => (v.Name, TensorFile.Load(Path.Combine(set, $"input_{i}.pb")).ConvertTo(v.Type))).ToDictionary(p => p.Name, p => p.Item2, StringComparer.Ordinal);
                values += Compare(Path.GetFileName(folder), graph, inputs, wrong);
            }
            catch (Exception e) when (e is UnsupportedModelException or ModelFormatException || e.Message.Contains("Invalid rank for input", StringComparison.Ordinal))
            {
                // The check of conformance holds the list of what is refused, by the import or by the runtime.
            }
        }
        Assert.IsEmpty(wrong, string.Join(Environment.NewLine, wrong));
        // That the cases written out by the specification's function bodies were among them.
        Assert.IsGreaterThan(1000, values);
    }

    [TestMethod]
    [RequiresShared]
    [DataRow("mnist-cnn-cntk.onnx")]
    [DataRow("squeezenet-imagenet-caffe2-fp16.onnx")]
    [DataRow("efficientnet-lite0-imagenet-pytorch.onnx")]
    public void Values_inside_networks_are_as_inferred(string file)
    {
        var graph = ModelImporter.Import(OnnxFile.Load(SharedFiles.Path($"models/{file}")), new() { HalfEdges = false, DynamicBatch = true }).Graph;
        var wrong = new List<string>();
        Compare(file, graph, graph.Inputs.ToDictionary(i => i.Name, i => OnnxRuntime.Normal(i.Shape!, 3, i.Type, batch: 2)), wrong);
        Assert.IsEmpty(wrong, string.Join(Environment.NewLine, wrong));
    }

    private static int Compare(string name, Graph graph, IReadOnlyDictionary<string, TensorData> inputs, List<string> wrong)
    {
        // The same graph with every value as an output.
        var b = new GraphBuilder();
        var map = graph.Inputs.ToDictionary(i => i, i => b.Input(i.Name, i.Type, i.Shape));
        b.Inline(graph, map);
        Value[] all = [.. graph.Nodes.SelectMany(n => n.Outputs).OfType<Value>().Where(map.ContainsKey).Select(v => map[v]).Where(v => v.Kind == ValueKind.Computed).Distinct()];
        var open = b.Build(all.Select(v => (v.Name, v)));
        var results = OnnxRuntime.Run(Model.Canonical(open), inputs);
        foreach (var value in open.Outputs)
        {
            var actual = results[value.Name];
            var sizes = graph.Inputs.SelectMany(i => i.Shape!.Zip(inputs[i.Name].Dimensions)).Where(p => p.First.Symbol is not null)
                .DistinctBy(p => p.First.Symbol).ToDictionary(p => p.First.Symbol!, p => (Dimension)p.Second);
            if (value.Type != actual.Type)
                wrong.Add($"{name}: {value} is {actual.Type}");
            if (value.Shape is { } shape && (shape.Rank != actual.Dimensions.Length || shape.Zip(actual.Dimensions).Any(p => p.First.Substitute(sizes).Value is { } extent && extent != p.Second)))
                wrong.Add($"{name}: {value} is [{string.Join(", ", actual.Dimensions)}]");
        }
        return open.Outputs.Length;
    }
}
