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

    public static Model Build(IReadOnlyList<AveragedPart> parts)
    {
        var b = new GraphBuilder();
        var total = parts.Sum(part => part.States.Count);
        Value? sum = null;
        var done = 0;
        foreach (var part in parts)
        {
            foreach (var probabilities in Outputs(b, part, done, total))
                sum = sum is null ? probabilities : sum + probabilities;
            done += part.States.Count;
        }
        var mean = total == 1 ? sum! : sum! * (1.0 / total);
        var manifest = parts[0].Manifest;
        var metadata = parts[0].Eval.Metadata.SetItems(manifest.Preprocessing)
            .SetItem(MetadataKeys.Source, manifest.Source.Sha256)
            .SetItem("onnxpriors.samples", total.ToString(CultureInfo.InvariantCulture));
        var task = manifest.Task.Kind();
        if (task != LearningTask.Classification)
            metadata = metadata.SetItem(TaskMetadata.Key, TaskMetadata.Write(manifest.Task));
        return Model.Canonical(b.Build([(task == LearningTask.Regression ? Means : Output, mean)], task == LearningTask.Classification ? "classifier" : manifest.Task.Name), metadata);
    }

    // One part's probabilities, a state after the other; inputs of the same name are those of the parts before.
    private static List<Value> Outputs(GraphBuilder b, AveragedPart part, int first, int total)
    {
        var (eval, layout, buffers) = (part.Eval, part.Manifest.StateLayout(), part.Manifest.BufferLayout());
        var trained = eval.Graph.Inputs.Where(input => layout.Contains(input.Name) || buffers.Contains(input.Name)).ToHashSet();
        var shared = new Dictionary<Value, Value>();
        foreach (var input in eval.Graph.Inputs)
            if (!trained.Contains(input))
                shared[input] = b.Inputs.FirstOrDefault(there => there.Name == input.Name) ?? b.Input(input.Name, input.Type, input.Shape);
        foreach (var initializer in eval.Graph.Initializers)
            b.Import(initializer, shared);
        var dependent = Dependent(eval.Graph, trained);
        foreach (var node in eval.Graph.Nodes)
            if (!dependent.Contains(node))
                b.Copy(node, shared);

        var outputs = new List<Value>();
        for (var s = 0; s < part.States.Count; s++)
        {
            var map = new Dictionary<Value, Value>(shared);
            foreach (var input in trained)
                map[input] = b.Parameter(total == 1 ? input.Name : Name(input.Name, first + s), Tensor(input.Name, part.States[s]));
            foreach (var node in eval.Graph.Nodes)
                if (dependent.Contains(node))
                    Copy(b, node, map, total == 1 || node.Name.Length == 0 ? node.Name : Name(node.Name, first + s));
            var logits = b.Import(Logits(eval.Graph, part.Manifest), map);
            outputs.Add(part.Manifest.Task.Kind() switch
            {
                LearningTask.MultiLabel => b.Sigmoid(logits),
                LearningTask.Regression => logits,
                LearningTask.Segmentation => b.Softmax(logits, 1),
                _ => b.Softmax(logits),
            });
        }
        return outputs;

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

/// <summary>States of one eval model in an average.</summary>
/// <param name="Eval">The eval model.</param>
/// <param name="Manifest">Its manifest.</param>
/// <param name="States">The states.</param>
internal sealed record AveragedPart(Model Eval, Manifest Manifest, IReadOnlyList<EvalState> States);
