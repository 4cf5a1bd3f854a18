using System.Collections.Immutable;
using OnnxPriors.Graphs;

namespace OnnxPriors.Artifacts;

/// <summary>
/// A graph being copied so that its trained tensors are inputs, under their own names, and what does not train stands in it. Gradient and eval
/// model both start so.
/// </summary>
internal sealed class TrainableCopy
{
    private const int MeanInput = 3;
    private const int VarianceInput = 4;

    private readonly Graph graph;
    private readonly Dictionary<Value, Value> map = [];
    private readonly HashSet<Node> batchNodes;

    /// <summary>Starts a copy: adds the inputs.</summary>
    /// <param name="graph">The graph.</param>
    /// <param name="trained">The parameters that train.</param>
    /// <param name="mode">What BatchNormalization normalises by in training.</param>
    /// <param name="values">Other contents for parameters that do not train.</param>
    public TrainableCopy(Graph graph, IReadOnlyList<Value> trained, BatchNormalizationMode mode, IReadOnlyDictionary<Value, TensorData>? values)
    {
        this.graph = graph;
        foreach (var input in graph.Inputs)
            map[input] = Builder.Input(input.Name, input.Type, input.Shape);
        var known = graph.Parameters.ToHashSet();
        foreach (var tensor in trained)
        {
            if (!known.Contains(tensor))
                throw new ArtifactException($"'{tensor.Name}' is to train and is no parameter of the graph.");
            map.Add(tensor, Builder.Input(tensor.Name, tensor.Type, tensor.Shape));
        }
        batchNodes = mode == BatchNormalizationMode.Frozen ? []
            : [.. graph.Nodes.Where(n => n is { Op: "BatchNormalization", Domain.Length: 0 } && n.Inputs.Skip(1).Take(2).Any(i => i is not null && map.ContainsKey(i)))];
        var buffers = batchNodes.Count == 0 ? [] : graph.Nodes.Where(batchNodes.Contains).SelectMany(n => (Value[])[n.Input(MeanInput), n.Input(VarianceInput)]).Distinct().ToImmutableArray();
        foreach (var buffer in buffers)
        {
            if (buffer.Kind != ValueKind.Parameter)
                throw new ArtifactException($"The running statistic '{buffer.Name}' is computed in the model, so training cannot update it; bake with frozen statistics.");
            map.Add(buffer, Builder.Input(buffer.Name, buffer.Type, buffer.Shape));
        }
        Buffers = buffers;
        Trained = [.. trained];
        // Nobody else may change what stands for a parameter.
        foreach (var (tensor, data) in values ?? ImmutableDictionary<Value, TensorData>.Empty)
            if (known.Contains(tensor) && !map.ContainsKey(tensor))
                map.Add(tensor, Builder.Parameter(tensor.Name, data, tensor.IsLiteral));
    }

    /// <summary>Where the copy is built.</summary>
    public GraphBuilder Builder { get; } = new();

    /// <summary>The parameters that train, of the graph.</summary>
    public ImmutableArray<Value> Trained { get; }

    /// <summary>The running statistics that training updates, of the graph; none where they are frozen.</summary>
    public ImmutableArray<Value> Buffers { get; }

    /// <summary>What stands for a value of the graph.</summary>
    public Value this[Value value] => map[value];

    /// <summary>Copies the nodes.</summary>
    /// <param name="forTraining">Whether BatchNormalization that trains takes the batch's statistics.</param>
    /// <returns>The outputs with their names.</returns>
    public ImmutableArray<(string Name, Value Value)> CopyNodes(bool forTraining)
    {
        foreach (var node in graph.Nodes)
            if (forTraining && batchNodes.Contains(node))
                CopyTraining(node);
            else
                Builder.Copy(node, map);
        return [.. graph.Outputs.Select(o => (o.Name, Builder.Import(o, map)))];
    }

    // From here on the running statistics are the updated ones, also for a second node that shares them.
    private void CopyTraining(Node node)
    {
        var inputs = node.Inputs.Select(i => i is null ? null : Builder.Import(i, map)).ToArray();
        var outputs = Builder.Emit("BatchNormalization", inputs, node.Attributes.With("training_mode", 1), 3, [node.Outputs[0]!.Name, "running_mean", "running_variance"], node.Name);
        map[node.Outputs[0]!] = outputs[0];
        map[node.Input(MeanInput)] = outputs[1];
        map[node.Input(VarianceInput)] = outputs[2];
    }
}
