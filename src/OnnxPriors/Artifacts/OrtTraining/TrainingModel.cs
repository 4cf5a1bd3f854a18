using System.Collections.Immutable;
using OnnxPriors.Graphs;
using OnnxPriors.Onnx;

namespace OnnxPriors.Artifacts.OrtTraining;

/// <summary>
/// The training and the eval model of a package: the gradient model's graph with the prior in its loss and gradients, in the form that the
/// ORT Training API takes. Forward and backward pass are standard operators; only the accumulation of gradients is the runtime's own.
/// </summary>
internal sealed class TrainingModel
{
    /// <summary>The weight of the prior's energy beside the mean loss, float [].</summary>
    public const string PriorWeight = "prior_weight";

    /// <summary>The deviation of the noise that is added to each gradient, float [].</summary>
    public const string NoiseScale = "noise_scale";

    private const string LazyReset = "lazy_reset_grad";
    private const string Microsoft = "com.microsoft";

    // A smaller frozen tensor stands in both models; a larger one is shared through the checkpoint.
    private const long SmallestShared = 256;

    private readonly GradientModel gradient;
    private readonly IReadOnlyList<TensorPrior> priors;
    private readonly bool hasNoise;
    private readonly ImmutableArray<Value> frozen;

    public TrainingModel(GradientModel gradient, IReadOnlyList<TensorPrior> priors, bool hasNoise)
    {
        (this.gradient, this.priors, this.hasNoise) = (gradient, priors, hasNoise);
        frozen = [.. gradient.Graph.Parameters.Where(p => p.Type == ElementType.Float && p.Data!.Count >= SmallestShared)];
        (Training, Inputs) = Build(isTraining: true);
        (Eval, _) = Build(isTraining: false);
    }

    /// <summary>Batch, parameters and gradient buffers in; loss and logits out.</summary>
    public Graph Training { get; }

    /// <summary>The same without the backward pass.</summary>
    public Graph Eval { get; }

    /// <summary>What an application gives with each batch, in the models' order.</summary>
    public ImmutableArray<Value> Inputs { get; }

    /// <summary>The frozen weights that stand in the checkpoint.</summary>
    public IEnumerable<(string Name, TensorData Data)> Frozen => frozen.Select(f => (f.Name, f.Data!));

    /// <summary>A graph as a file: its opset is within what every runtime of 1.16 to 1.19 takes.</summary>
    public static Model ToModel(Graph graph)
    {
        var model = Model.Canonical(graph);
        return model with { Opsets = model.Opsets.Add(Microsoft, 1) };
    }

    private (Graph Graph, ImmutableArray<Value> Inputs) Build(bool isTraining)
    {
        var b = new GraphBuilder();
        var map = new Dictionary<Value, Value>();
        var given = gradient.Graph.Inputs.ToDictionary(i => i.Name, StringComparer.Ordinal);
        foreach (var input in gradient.Inputs)
            Take(input);
        var (labels, labelCount) = (gradient.ObjectiveInputs[0], gradient.ObjectiveInputs[1]);
        Take(labels);
        var weight = Input(b, PriorWeight, ElementType.Float, Shape.Scalar);
        var noise = hasNoise ? Input(b, NoiseScale, ElementType.Float, Shape.Scalar) : null;
        ImmutableArray<Value> inputs = [.. b.Inputs];
        ImmutableArray<Value> parameters = [.. gradient.Parameters.Select(p => Take(given[p.Name]))];
        foreach (var tensor in frozen)
            map[tensor] = Input(b, tensor.Name, tensor.Type, tensor.Shape);
        var prior = priors.Zip(parameters, (p, theta) => PriorInputs(b, p, theta)).ToArray();
        foreach (var parameter in isTraining ? parameters : [])
            Input(b, Buffer(parameter), parameter.Type, parameter.Shape);
        if (isTraining)
            Input(b, LazyReset, ElementType.Bool, [1]);
        map[given[labelCount.Name]] = b.Cast(b.SizeOf(map[given[labels.Name]]), ElementType.Float);

        b.Inline(gradient.Graph, map);
        Value Result(string name) => map[gradient.Graph.Outputs.First(o => o.Name == name)];
        var loss = Result(gradient.Loss);
        Value[] slopes = [.. gradient.Parameters.Select(p => Result(p.Gradient))];
        if (prior.Length > 0)
        {
            var (energy, pulls) = TensorPriorGraph.Apply(b, prior);
            loss += weight * energy;
            for (var i = 0; i < slopes.Length; i++)
                slopes[i] += weight * pulls[i];
        }
        for (var i = 0; noise is not null && i < slopes.Length; i++)
            slopes[i] += noise * b.RandomNormalLike(parameters[i]);

        var outputs = new List<(string, Value)> { (GradientModel.LossName, loss), (GradientModel.LogitsName, Result(gradient.Outputs[0])) };
        if (isTraining)
            outputs.AddRange(parameters.Zip(slopes, (p, slope) => ($"{p.Name}_grad", slope)));
        var graph = SlicesAsSplit.Rewrite(b.Build(outputs, isTraining ? "training" : "eval"));
        return (isTraining ? Accumulated(graph, parameters) : graph, inputs);

        Value Take(Value input) => map[given[input.Name]] = Input(b, input.Name, input.Type, input.Shape);
    }

    private static TensorPriorInputs PriorInputs(GraphBuilder b, TensorPrior prior, Value theta) => new(
        theta,
        prior.HasMean ? Input(b, prior.MeanName, theta.Type, theta.Shape) : null,
        Input(b, prior.PrecisionName, theta.Type, prior.IsIsotropic ? Shape.Scalar : theta.Shape),
        prior.Rank > 0 ? Input(b, prior.FactorName, theta.Type, [prior.Rank, theta.Shape!.Aggregate(1L, (product, d) => product * d.Value!.Value)]) : null);

    // The runtime finds parameters, buffers and the reset flag by these very names.
    private static Value Input(GraphBuilder b, string name, ElementType type, Shape? shape)
    {
        var input = b.Input(name, type, shape);
        return input.Name == name
            ? input
            : throw new ArtifactException($"The model already has an input or tensor called '{name}', a name that a package for the ORT Training API needs; rename it, or bake the step (--target step).");
    }

    private static string Buffer(Value parameter) => $"{parameter.Name}_grad.accumulation.buffer";

    // The accumulators are not the specification's operators, so they are put behind what the builder made.
    private static Graph Accumulated(Graph graph, ImmutableArray<Value> parameters)
    {
        var own = graph.Outputs.Length - parameters.Length;
        var given = graph.Inputs.ToDictionary(i => i.Name, StringComparer.Ordinal);
        var flags = parameters.Select(p => new Value($"{p.Name}_grad.accumulation.out", ValueKind.Computed, ElementType.Bool, [1])).ToImmutableArray();
        var nodes = flags.Select((flag, i) => new Node(
            "InPlaceAccumulatorV2", Microsoft, "", [given[Buffer(parameters[i])], graph.Outputs[own + i], given[LazyReset]], [flag], Attributes.None));
        return new(graph.Name, graph.Inputs, [.. graph.Outputs.Take(own), .. flags], [.. graph.Nodes, .. nodes]);
    }
}
