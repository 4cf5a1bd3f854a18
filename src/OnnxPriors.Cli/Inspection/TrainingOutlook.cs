using OnnxPriors.Artifacts;
using OnnxPriors.Gradients;
using OnnxPriors.Graphs;
using OnnxPriors.Importing;
using OnnxPriors.Objectives;
using OnnxPriors.Onnx;
using OnnxPriors.Optimizers;

namespace OnnxPriors.Cli.Inspection;

/// <summary>What training a model as it stands would take: the memory of a step, or what is in the way. Its JSON has these names.</summary>
internal sealed record TrainingOutlook
{
    /// <summary>What is differentiated: cross-entropy over the model's own classes, or any function of its outputs.</summary>
    public string? Objective { get; init; }

    /// <summary>The memory of a step; absent where none can be built.</summary>
    public MemorySummary? Memory { get; init; }

    /// <summary>Nodes between trained tensors and the loss that have no gradient, by operator.</summary>
    public IReadOnlyList<UnsupportedSummary> WithoutGradient { get; init; } = [];

    /// <summary>Why no step can be built, where nodes without a gradient are not the reason.</summary>
    public string? Problem { get; init; }

    /// <summary>Builds the model's gradient model, and estimates its memory.</summary>
    /// <param name="model">The model as read.</param>
    /// <param name="options">How it is imported.</param>
    /// <param name="optimizer">The optimizer.</param>
    /// <param name="rank">The rank of the prior's factor.</param>
    /// <param name="batch">Examples in the batch.</param>
    public static TrainingOutlook Of(Model model, ImportOptions options, Optimizer optimizer, int rank, int batch)
    {
        try
        {
            var (imported, objective) = Import(model, options);
            Value[] trained = [.. imported.Trainable.Select(t => t.Tensor)];
            if (trained.Length == 0)
                return new() { Problem = "Nothing in the model trains: no weight has a way to an output." };
            var gradient = GradientModel.Build(imported.Graph, trained, objective);
            return new()
            {
                Objective = objective.Name,
                Memory = MemorySummary.Of(StepMemory.Estimate(gradient, optimizer, rank, batch), optimizer.Name, rank),
            };
        }
        catch (GradientException e) when (!e.Nodes.IsEmpty)
        {
            return new()
            {
                WithoutGradient = UnsupportedSummary.Of(e.Nodes.Select(n => (n.Operator, n.Node, n.Reason,
                    "Train what comes after it (--train from:NAME), or cut the model before it with --features"))),
            };
        }
        catch (OnnxPriorsException e)
        {
            return new() { Problem = e.Message };
        }
    }

    // A classifier under its own head; any other model with its outputs as they are.
    private static (ImportedModel Model, IObjective Objective) Import(Model model, ImportOptions options)
    {
        try
        {
            return (ModelImporter.Import(model, options with { Form = ImportForm.OwnHead }), new CrossEntropy());
        }
        catch (ImportException)
        {
            return (ModelImporter.Import(model, options with { Form = ImportForm.AsFile, DynamicBatch = true, HalfEdges = false }), new LinearObjective());
        }
    }
}

/// <summary>The memory of a training step in bytes, as <see cref="StepMemory"/> counts it.</summary>
internal sealed record MemorySummary(
    long Batch, string Optimizer, int Rank, long Weights, long Gradients, long State, long Prior, long Inputs, long Activations, long Update, long Total, int Unknown)
{
    public static MemorySummary Of(StepMemory memory, string optimizer, int rank) => new(
        memory.Batch, optimizer, rank, memory.Weights, memory.Gradients, memory.Optimizer, memory.Prior, memory.Inputs, memory.Activations, memory.Update, memory.Total, memory.Unknown);
}

/// <summary>An operator that is not supported, with all nodes it is refused in for one reason.</summary>
internal sealed record UnsupportedSummary(string Operator, int Count, IReadOnlyList<string> Nodes, string Reason, string Advice)
{
    public static IReadOnlyList<UnsupportedSummary> Of(IEnumerable<(string Op, string Node, string Reason, string Advice)> nodes) =>
    [
        .. nodes.GroupBy(n => (n.Op, n.Reason, n.Advice)).OrderByDescending(g => g.Count()).ThenBy(g => g.Key.Op, StringComparer.Ordinal)
            .Select(g => new UnsupportedSummary(g.Key.Op, g.Count(), [.. g.Select(n => n.Node)], g.Key.Reason, g.Key.Advice)),
    ];
}
