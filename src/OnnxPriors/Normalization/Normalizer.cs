using System.Collections.Immutable;
using OnnxPriors.Graphs;
using OnnxPriors.Normalization.Passes;
using OnnxPriors.Onnx;

namespace OnnxPriors.Normalization;

/// <summary>A graph in the canonical form, and how it came to it.</summary>
/// <param name="Graph">The graph, at <see cref="GraphBuilder.CanonicalOpset"/>.</param>
/// <param name="Passes">What each pass did.</param>
/// <param name="Names">For each name of a value in the file, the value of <paramref name="Graph"/> that stands for it.</param>
/// <param name="NodeOutputs">The name of the first output of each named node in the file.</param>
public sealed record NormalizedGraph(
    Graph Graph,
    ImmutableArray<PassReport> Passes,
    IReadOnlyDictionary<string, Value> Names,
    IReadOnlyDictionary<string, string> NodeOutputs);

/// <summary>
/// Brings a model of any opset to the canonical form: standard operators of one opset, float32, shapes inferred, constants folded.
/// The passes are values in a list; this runs and logs them.
/// </summary>
public static class Normalizer
{
    /// <summary>The oldest version of the standard operators that is read.</summary>
    public const long MinOpset = 1;

    /// <summary>The newest version of the standard operators that is read.</summary>
    public const long MaxOpset = 28;

    /// <summary>The passes in the order they run.</summary>
    public static ImmutableArray<INormalizationPass> Passes { get; } =
    [
        new BindInputs(),
        new FixShapes(),
        new MakeBatchDynamic(),
        new UpgradeOperators(),
        new WidenHalf(),
        new FloatQuantised(),
        new DropInference(),
        new FreezeStatistics(),
        new SeparateStatistics(),
        new TakeOffSoftmax(),
    ];

    /// <summary>Brings a model to the canonical form.</summary>
    /// <param name="model">The model as read.</param>
    /// <param name="options">How.</param>
    /// <exception cref="UnsupportedModelException">Nodes are not supported; all of them are named.</exception>
    /// <exception cref="NormalizationException">The opset is too old or too new, or an option does not fit the model.</exception>
    /// <exception cref="GraphException">A node contradicts its inputs.</exception>
    public static NormalizedGraph Run(Model model, NormalizationOptions? options = null)
    {
        ArgumentNullException.ThrowIfNull(model);
        CheckOpset(model);
        var context = new NormalizationContext(model, options ?? new());
        var reports = ImmutableArray.CreateBuilder<PassReport>();
        var graph = model.Graph;
        foreach (var pass in Passes)
        {
            if (!pass.Requires.Holds(graph))
                throw new InvalidOperationException($"The pass '{pass.Name}' needs what no pass before it ensures: {pass.Requires.Text}.");
            var next = pass.Run(graph, context);
            if (context.Unsupported.Count > 0)
                throw new UnsupportedModelException([.. context.Unsupported]);
            reports.Add(new(pass.Name, !ReferenceEquals(next, graph), graph.Nodes.Length, next.Nodes.Length, context.TakeNotes()));
            graph = next;
        }
        return new(graph, reports.ToImmutable(), context.Names, context.NodeOutputs);
    }

    private static void CheckOpset(Model model)
    {
        if (!model.Graph.Nodes.Any(n => n.Domain.Length == 0))
            return;
        if (model.Opset == 0)
            throw new NormalizationException("The model uses standard operators but does not say which version of them; export it again.");
        if (model.Opset < MinOpset)
            throw new NormalizationException($"The model uses opset {model.Opset}; {MinOpset} is the oldest that is read. Convert it with onnx.version_converter, or export it again.");
        if (model.Opset > MaxOpset)
            throw new NormalizationException($"The model uses opset {model.Opset}; {MaxOpset} is the newest that is read. Export it again for an older one, such as {GraphBuilder.CanonicalOpset}.");
    }
}
