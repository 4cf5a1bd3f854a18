using System.Collections.Immutable;
using OnnxPriors.Gradients;
using OnnxPriors.Graphs;
using OnnxPriors.Objectives;

namespace OnnxPriors.Artifacts;

/// <summary>A tensor that trains, in a gradient model.</summary>
/// <param name="Tensor">The parameter of the source graph.</param>
/// <param name="Name">The input that takes it.</param>
/// <param name="Gradient">The output that gives its gradient.</param>
public sealed record TrainedTensor(Value Tensor, string Name, string Gradient);

/// <summary>A running statistic that training updates, in a gradient model.</summary>
/// <param name="Tensor">The parameter of the source graph.</param>
/// <param name="Name">The input that takes it.</param>
/// <param name="Next">The output that gives its next value.</param>
public sealed record RunningStatistic(Value Tensor, string Name, string Next);

/// <summary>
/// A gradient model: the model's inputs, the objective's, and every trained tensor in; loss, outputs and one gradient for each trained tensor out. Standard
/// operators only, the batch dynamic, nothing flat inside: a host binds inputs and outputs as views of its buffers.
/// </summary>
public sealed record GradientModel
{
    /// <summary>The output for the loss, float [].</summary>
    public const string LossName = "loss";

    /// <summary>The output for the scores that a task's objective is of: [batch, C], or [batch, C, H, W] where every pixel has them.</summary>
    public const string LogitsName = "logits";

    /// <summary>The graph.</summary>
    public required Graph Graph { get; init; }

    /// <summary>The inputs that are the model's own.</summary>
    public required ImmutableArray<Value> Inputs { get; init; }

    /// <summary>The inputs that are the objective's: labels and their number, or directions.</summary>
    public required ImmutableArray<Value> ObjectiveInputs { get; init; }

    /// <summary>The output for the loss.</summary>
    public required string Loss { get; init; }

    /// <summary>The outputs that are the model's own, in its order.</summary>
    public required ImmutableArray<string> Outputs { get; init; }

    /// <summary>The tensors that train, in the order given.</summary>
    public required ImmutableArray<TrainedTensor> Parameters { get; init; }

    /// <summary>The running statistics that training updates; none where they are frozen.</summary>
    public required ImmutableArray<RunningStatistic> Buffers { get; init; }

    /// <summary>Makes the gradient model of a graph.</summary>
    /// <param name="graph">A canonical graph.</param>
    /// <param name="trained">The parameters that train.</param>
    /// <param name="objective">What is differentiated.</param>
    /// <param name="mode">What BatchNormalization normalises by.</param>
    /// <param name="values">Other contents for parameters that do not train: what a fit found.</param>
    /// <exception cref="GradientException">Nodes between trained tensors and outputs have no gradient; all are listed.</exception>
    /// <exception cref="ObjectiveException">The outputs do not fit the objective.</exception>
    /// <exception cref="ArtifactException">A trained tensor is no parameter of the graph.</exception>
    public static GradientModel Build(
        Graph graph,
        IReadOnlyList<Value> trained,
        IObjective objective,
        BatchNormalizationMode mode = BatchNormalizationMode.Frozen,
        IReadOnlyDictionary<Value, TensorData>? values = null)
    {
        ArgumentNullException.ThrowIfNull(graph);
        ArgumentNullException.ThrowIfNull(trained);
        ArgumentNullException.ThrowIfNull(objective);
        var copy = new TrainableCopy(graph, trained, mode, values);
        var b = copy.Builder;
        var inputs = b.Inputs.Take(graph.Inputs.Length).ToImmutableArray();
        var tensors = trained.Select(t => copy[t]).ToImmutableArray();
        var buffers = copy.Buffers.Select(t => copy[t]).ToImmutableArray();
        var outputs = copy.CopyNodes(forTraining: true);
        var term = objective.Add(b, outputs);
        var gradients = ReverseSweep.Run(b, term.Seeds, tensors);

        var names = new OutputNames(b.Inputs.Select(i => i.Name).Concat(graph.Parameters.Select(p => p.Name)));
        var results = new List<(string, Value)>();
        string Out(string wanted, Value value)
        {
            var name = names.Take(wanted);
            results.Add((name, value));
            return name;
        }
        var loss = Out(LossName, term.Loss);
        var own = outputs.Select(o => Out(objective is LinearObjective ? o.Name : LogitsName, o.Value)).ToImmutableArray();
        // What the loss does not depend on has the gradient zero.
        var parameters = trained.Select((t, i) => new TrainedTensor(t, tensors[i].Name, Out($"{tensors[i].Name}.gradient", gradients[i] ?? b.FilledLike(tensors[i], 0)))).ToImmutableArray();
        var statistics = copy.Buffers.Select((t, i) => new RunningStatistic(t, buffers[i].Name, Out($"{buffers[i].Name}.next", copy[t]))).ToImmutableArray();
        var finished = BatchStatistics.Expand(b.Build(results, "gradient"));
        return new()
        {
            Graph = WithInputs(finished, [.. inputs, .. term.Inputs, .. tensors, .. buffers]),
            Inputs = inputs,
            ObjectiveInputs = term.Inputs,
            Loss = loss,
            Outputs = own,
            Parameters = parameters,
            Buffers = statistics,
        };
    }

    // ONNX Runtime orders nodes by walking back from those that nothing reads, the last in the file first. So the gradients stand at the end,
    // those of the last layer last: each is then computed as soon as it can be, and what it needs is free again, where the file's own order
    // would keep every layer's activations until the first layer's gradient is there.
    private static ImmutableArray<Node> Eager(Graph graph)
    {
        var read = graph.Nodes.SelectMany(LiveMemory.Read).ToHashSet();
        var ends = graph.Nodes.Where(n => !n.Outputs.Any(o => o is not null && read.Contains(o))).ToList();
        return [.. graph.Nodes.Except(ends), .. ends.AsEnumerable().Reverse()];
    }

    // What a host gives for each batch comes first.
    private static Graph WithInputs(Graph graph, ImmutableArray<Value> order)
    {
        var byName = graph.Inputs.ToDictionary(i => i.Name, StringComparer.Ordinal);
        return new(graph.Name, [.. order.Select(i => byName[i.Name])], graph.Outputs, Eager(graph));
    }
}

/// <summary>Names for outputs that no input and no initializer has.</summary>
internal sealed class OutputNames(IEnumerable<string> taken)
{
    private readonly HashSet<string> all = new(taken, StringComparer.Ordinal);

    public string Take(string wanted)
    {
        while (!all.Add(wanted))
            wanted += "_1";
        return wanted;
    }
}
