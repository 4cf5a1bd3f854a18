using System.Collections.Immutable;
using OnnxPriors.Graphs;
using OnnxPriors.Normalization;
using OnnxPriors.Onnx;

namespace OnnxPriors.Importing;

/// <summary>
/// Imports a model: brings it to the canonical form, finds or replaces its head, and gives each tensor its role.
/// </summary>
public static class ModelImporter
{
    private const string LogitsName = "logits";

    /// <summary>Imports a model.</summary>
    /// <param name="model">The model as read.</param>
    /// <param name="options">How; by default inputs and outputs stay as the file has them.</param>
    /// <exception cref="UnsupportedModelException">Nodes are not supported; all of them are named.</exception>
    /// <exception cref="NormalizationException">The opset is too old or too new, or an option does not fit the model.</exception>
    /// <exception cref="GraphException">A node contradicts its inputs.</exception>
    /// <exception cref="ImportException">The head is not clear, the output holds no class scores, or a name is not there.</exception>
    public static ImportedModel Import(Model model, ImportOptions? options = null)
    {
        ArgumentNullException.ThrowIfNull(model);
        options ??= new();
        if (options.Features is null && model.Metadata.TryGetValue(MetadataKeys.Features, out var remembered))
            options = options with { Features = remembered };
        var normalized = Normalizer.Run(model, options.Normalization);
        return options.Form switch
        {
            ImportForm.AsFile => AsFile(model, normalized, options),
            ImportForm.OwnHead => OwnHead(model, normalized, options),
            _ => NewHead(model, normalized, options),
        };
    }

    private static ImportedModel AsFile(Model model, NormalizedGraph normalized, ImportOptions options)
    {
        FeatureSplit? split = null;
        var problem = "";
        try
        {
            split = SplitOf(normalized, ClassScores(normalized.Graph, options), options);
        }
        catch (ImportException e)
        {
            problem = e.Message;
        }
        return Finish(model, normalized, normalized.Graph, normalized.Names, split, options) with { SplitProblem = problem };
    }

    private static ImportedModel OwnHead(Model model, NormalizedGraph normalized, ImportOptions options)
    {
        var output = ClassScores(normalized.Graph, options);
        var part = new GraphPart(normalized.Graph, [output]);
        var logits = part[output];
        if (logits.Rank > 2)
            logits = part.Builder.Flatten(logits);
        var classes = logits.Shape![1].Value;
        FeatureSplit? split = null;
        var problem = "";
        try
        {
            split = SplitOf(normalized, output, options);
        }
        catch (ImportException e) when (options.Features is null)
        {
            problem = e.Message;
        }
        return Finish(model, normalized, part, logits, split, options) with { Classes = (int?)classes, SplitProblem = problem };
    }

    private static ImportedModel NewHead(Model model, NormalizedGraph normalized, ImportOptions options)
    {
        if (options.Classes is not { } classes)
            throw new ImportException("A fresh head needs the number of classes; give --classes C.");
        if (options.Head != HeadForm.Linear)
            return NewPixelHead(model, normalized, options, classes);
        var split = SplitOf(normalized, options.Features is null ? ClassScores(normalized.Graph, options) : null, options);
        var part = new GraphPart(normalized.Graph, [split.Features]);
        var logits = FreshHead.Add(part.Builder, part[split.Features], classes, options.FewestClasses, options.Seed);
        return Finish(model, normalized, part, logits, split, options) with { Classes = classes };
    }

    // A network that classifies is cut at its last feature map; one that scores pixels already, before its own last layer.
    private static ImportedModel NewPixelHead(Model model, NormalizedGraph normalized, ImportOptions options, int classes)
    {
        var output = options.Features is not null ? null : PixelScores(normalized.Graph, options) ?? ClassScores(normalized.Graph, options);
        var split = SpatialSplit.Of(normalized.Graph, SplitOf(normalized, output, options));
        var part = new GraphPart(normalized.Graph, [split.Features]);
        var picture = part.Builder.Inputs.Where(i => i.Shape is { Rank: 4 }).ToArray() is [var one] ? one
            : throw new ImportException($"Which input is the picture is not clear: {string.Join(", ", part.Builder.Inputs.Select(i => $"'{i.Name}' {i.Shape}"))}. Scores for every pixel need one input [batch, channels, H, W]; make the others constants with --bind.");
        var logits = new SegmentationHead(part.Builder, classes, options.Seed).Add(part[split.Features], picture, options.Head, options.PyramidWidth);
        return Finish(model, normalized, part, logits, split, options) with { Classes = classes };
    }

    private static Value? PixelScores(Graph graph, ImportOptions options)
    {
        var outputs = options.Output is { } name ? graph.Outputs.Where(o => o.Name == name) : graph.Outputs;
        return outputs.Where(o => o.Type.IsFloating() && o.Shape is { Rank: 4 } shape && !IsScores(o) && shape[1].Value is > 0).ToArray() is [var one] ? one : null;
    }

    private static FeatureSplit SplitOf(NormalizedGraph normalized, Value? logits, ImportOptions options)
    {
        if (options.Features is not { } name)
            return FeatureSplit.Find(normalized.Graph, logits!);
        var value = normalized.Names.GetValueOrDefault(name) ?? normalized.Graph.Find(name)
            ?? (normalized.NodeOutputs.TryGetValue(name, out var output) ? normalized.Names.GetValueOrDefault(output) : null)
            ?? throw new ImportException($"The model has no value '{name}' to take as features, or it was folded away; `inspect` lists the values.");
        return value.Kind == ValueKind.Computed ? new(value, null)
            : throw new ImportException($"'{name}' is not computed by the model and cannot be its features.");
    }

    /// <summary>The output that holds one row of class scores an example.</summary>
    private static Value ClassScores(Graph graph, ImportOptions options)
    {
        if (options.Output is { } name)
            return Checked(graph.Outputs.FirstOrDefault(o => o.Name == name)
                ?? throw new ImportException($"The model has no output '{name}'; its outputs are {Named(graph.Outputs)}."));
        if (graph.Outputs is [var only])
            return Checked(only);
        Value[] fitting = [.. graph.Outputs.Where(IsScores)];
        return fitting is [var one] ? one
            : throw new ImportException($"Which output holds the class scores is not clear; name it with --output: {Named(fitting.Length > 0 ? fitting : [.. graph.Outputs])}.");

        static Value Checked(Value output) => IsScores(output) ? output
            : throw new ImportException($"The output '{output.Name}' has the type {output.Type} and the shape {output.Shape?.ToString() ?? "?"}; class scores are float [batch, C]. Fix the sizes of the inputs, or name another output.");

        static string Named(IEnumerable<Value> values) => string.Join(", ", values.Select(v => $"'{v.Name}' {v.Shape}"));
    }

    private static bool IsScores(Value output) => output.Type.IsFloating() && output.Shape is { Rank: >= 2 } shape
        && shape[1].Value is > 0 && shape.Skip(2).All(d => d.Value == 1);

    private static ImportedModel Finish(Model model, NormalizedGraph normalized, GraphPart part, Value logits, FeatureSplit? split, ImportOptions options)
    {
        if (logits.Shape is { } shape && shape[0].Value is { } rows && (options.DynamicBatch ?? true))
            throw new ImportException($"The batch cannot be made dynamic: the class scores '{logits.Name}' have the shape {shape} for every batch. The model ties its examples together, or holds a batch of {rows} in a way that is not understood.");
        var graph = part.Builder.Build([(FreeName(part.Builder, part.Graph), logits)], normalized.Graph.Name);
        var names = normalized.Names.Where(n => part.Map.ContainsKey(n.Value)).ToDictionary(n => n.Key, n => part.Map[n.Value], StringComparer.Ordinal);
        var moved = split is null || !part.Map.TryGetValue(split.Features, out var features) ? null
            : new FeatureSplit(features, split.Layer?.Outputs[0] is { } output && part.Map.TryGetValue(output, out var own) ? own.Producer : split.Layer);
        return Finish(model, normalized, graph, names, moved, options) with { Logits = graph.Outputs[0] };
    }

    private static string FreeName(GraphBuilder builder, Graph source)
    {
        var taken = builder.Inputs.Select(i => i.Name).Concat(source.Initializers.Select(i => i.Name)).ToHashSet(StringComparer.Ordinal);
        var name = LogitsName;
        for (var i = 1; taken.Contains(name); i++)
            name = $"{LogitsName}_{i}";
        return name;
    }

    private static ImportedModel Finish(
        Model model,
        NormalizedGraph normalized,
        Graph graph,
        IReadOnlyDictionary<string, Value> names,
        FeatureSplit? split,
        ImportOptions options) => new()
        {
            Source = model,
            Graph = graph,
            Passes = normalized.Passes,
            Names = names,
            Split = split,
            Tensors = Roles(graph, names, normalized, split, options),
        };

    private static ImmutableArray<TensorRole> Roles(
        Graph graph,
        IReadOnlyDictionary<string, Value> names,
        NormalizedGraph normalized,
        FeatureSplit? split,
        ImportOptions options)
    {
        var selection = TrainSelection.Parse(options.Train, graph, names, normalized.NodeOutputs);
        if (options.Train == "head" && split is null)
            throw new ImportException("--train head needs a split into features and head; name the features with --features VALUE.");
        var inFeatures = split is null ? null : Upstream(split.Features);
        var places = new Dictionary<Value, int>();
        for (var i = 0; i < graph.Nodes.Length; i++)
            foreach (var input in graph.Nodes[i].Inputs)
                if (input is not null)
                    places.TryAdd(input, i);
        var roles = new RoleAssignment(graph, options.Policy).All().Select(role =>
        {
            var (tensor, use, reason) = role;
            var part = inFeatures is null || inFeatures.Contains(tensor) ? ModelPart.Features : ModelPart.Head;
            // A fresh head is random: it trains whatever is selected of the rest.
            var isFresh = options.Form == ImportForm.NewHead && part == ModelPart.Head;
            return use == TensorUse.Trainable && !isFresh && !selection.Selects(tensor, part, places.GetValueOrDefault(tensor, -1))
                ? new TensorRole(tensor, TensorUse.Frozen, part, $"not selected by --train {selection}; {reason}")
                : new TensorRole(tensor, use, part, reason);
        }).ToImmutableArray();
        if (options.Train is not ("all" or "head") && roles.Any(r => r.Use == TensorUse.Frozen) && !roles.Any(r => r.Use == TensorUse.Trainable && (options.Form != ImportForm.NewHead || r.Part == ModelPart.Features)))
            throw new ImportException($"--train {options.Train} selects no tensor; the first that may train are {string.Join(", ", roles.Where(r => r.Use == TensorUse.Frozen).Take(6).Select(r => $"'{r.Name}'"))}.");
        return roles;
    }

    private static HashSet<Value> Upstream(Value value)
    {
        var all = new HashSet<Value>();
        var pending = new Stack<Value>([value]);
        while (pending.TryPop(out var next))
            if (all.Add(next))
                foreach (var input in next.Producer?.Inputs ?? [])
                    if (input is not null)
                        pending.Push(input);
        return all;
    }
}
