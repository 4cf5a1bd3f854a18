using System.Globalization;
using OnnxPriors.Artifacts;
using OnnxPriors.Graphs;
using OnnxPriors.Importing;
using OnnxPriors.Objectives;
using OnnxPriors.Onnx;
using OnnxPriors.Runtime.Steps;

namespace OnnxPriors.Runtime.Export;

/// <summary>
/// One model of the mean predictive distribution: the eval graph once for each state, its parameters initializers, a Softmax on each
/// one's logits and their mean, p(y | x) ≈ 1/S Σ softmax(f(x; θₛ)); a Sigmoid for labels each by themselves, the means as they are for regression. What does not depend on a trained tensor is there once.
/// </summary>
internal static class AveragedModel
{
    /// <summary>The name of the output.</summary>
    public const string Output = "probabilities";

    /// <summary>The name of a regression's output.</summary>
    public const string Means = "mean";

    public static Model Build(Model eval, Manifest manifest, IReadOnlyList<EvalState> states)
    {
        var (layout, buffers) = (manifest.StateLayout(), manifest.BufferLayout());
        var trained = eval.Graph.Inputs.Where(input => layout.Contains(input.Name) || buffers.Contains(input.Name)).ToHashSet();
        var b = new GraphBuilder();
        var shared = new Dictionary<Value, Value>();
        foreach (var input in eval.Graph.Inputs)
            if (!trained.Contains(input))
                shared[input] = b.Input(input.Name, input.Type, input.Shape);
        foreach (var initializer in eval.Graph.Initializers)
            b.Import(initializer, shared);
        var dependent = Dependent(eval.Graph, trained);
        foreach (var node in eval.Graph.Nodes)
            if (!dependent.Contains(node))
                b.Copy(node, shared);

        var task = manifest.Task.Kind();
        Value? sum = null;
        for (var s = 0; s < states.Count; s++)
        {
            var map = new Dictionary<Value, Value>(shared);
            foreach (var input in trained)
                map[input] = b.Parameter(
                    states.Count == 1 ? input.Name : Name(input.Name, s),
                    Tensor(input.Name, states[s]));
            foreach (var node in eval.Graph.Nodes)
                if (dependent.Contains(node))
                    Copy(b, node, map, states.Count == 1 || node.Name.Length == 0 ? node.Name : Name(node.Name, s));
            var logits = b.Import(Logits(eval.Graph, manifest), map);
            var probabilities = task switch
            {
                LearningTask.MultiLabel => b.Sigmoid(logits),
                LearningTask.Regression => logits,
                LearningTask.Segmentation => b.Softmax(logits, 1),
                _ => b.Softmax(logits),
            };
            sum = sum is null ? probabilities : sum + probabilities;
        }
        var mean = states.Count == 1 ? sum! : sum! * (1.0 / states.Count);
        var metadata = eval.Metadata.SetItems(manifest.Preprocessing)
            .SetItem(MetadataKeys.Source, manifest.Source.Sha256)
            .SetItem("onnxpriors.samples", states.Count.ToString(CultureInfo.InvariantCulture));
        if (task != LearningTask.Classification)
            metadata = metadata.SetItem(TaskMetadata.Key, TaskMetadata.Write(manifest.Task));
        return Model.Canonical(b.Build([(task == LearningTask.Regression ? Means : Output, mean)], task == LearningTask.Classification ? "classifier" : manifest.Task.Name), metadata);

        TensorData Tensor(string name, EvalState state)
        {
            var isParameter = layout.Contains(name);
            var entry = isParameter ? layout[name] : buffers[name];
            var values = isParameter ? state.ParameterValues : state.StatisticsValues;
            return TensorData.Of(values.Slice((int)entry.Offset, (int)entry.Count).ToArray(), [.. entry.Shape]);
        }
    }

    private static string Name(string name, int sample) => string.Create(CultureInfo.InvariantCulture, $"{name}.sample{sample + 1}");

    // As the builder copies, but under another name: ONNX Runtime refuses two nodes of one name.
    private static void Copy(GraphBuilder b, Node node, Dictionary<Value, Value> map, string name)
    {
        Value?[] inputs = [.. node.Inputs.Select(input => input is null ? null : b.Import(input, map))];
        var results = b.Emit(node.Op, inputs, node.Attributes, node.Outputs.Length, [.. node.Outputs.Select(o => o?.Name)], name, node.Domain);
        for (var i = 0; i < results.Length; i++)
            if (node.Outputs[i] is { } output)
                map[output] = results[i];
    }

    private static Value Logits(Graph graph, Manifest manifest) =>
        graph.Outputs.FirstOrDefault(output => output.Name == manifest.Logits)
        ?? throw new ExportException($"'{StepFiles.Eval}' has no output '{manifest.Logits}'; bake and train again.");

    private static HashSet<Node> Dependent(Graph graph, HashSet<Value> trained)
    {
        var (values, nodes) = (new HashSet<Value>(trained), new HashSet<Node>());
        foreach (var node in graph.Nodes)
            if (node.Inputs.Any(input => input is not null && values.Contains(input)))
            {
                nodes.Add(node);
                values.UnionWith(node.Outputs.OfType<Value>());
            }
        return nodes;
    }
}
