using System.Collections.Immutable;
using OnnxPriors.Graphs;
using OnnxPriors.Normalization;
using OnnxPriors.Onnx;

namespace OnnxPriors.Importing;

/// <summary>How often a file uses an operator.</summary>
/// <param name="Op">The operator, with its domain in front where that is not the standard one.</param>
/// <param name="Count">The number of nodes, those of inner graphs included.</param>
public sealed record OperatorCount(string Op, int Count);

/// <summary>What can be said of a model before anything is done with it, whether or not it can be imported.</summary>
/// <param name="Model">The model as read.</param>
/// <param name="Operators">Its operators, the most frequent first.</param>
/// <param name="Unsupported">The nodes that are not supported.</param>
/// <param name="Imported">The import with its outputs as the file has them; null where there is none.</param>
/// <param name="Problem">Why there is none; empty where there is.</param>
public sealed record ModelSurvey(
    Model Model,
    ImmutableArray<OperatorCount> Operators,
    ImmutableArray<UnsupportedNode> Unsupported,
    ImportedModel? Imported,
    string Problem)
{
    /// <summary>Surveys a model.</summary>
    /// <param name="model">The model as read.</param>
    /// <param name="options">How it would be imported; the form is always the file's own.</param>
    public static ModelSurvey Of(Model model, ImportOptions? options = null)
    {
        ArgumentNullException.ThrowIfNull(model);
        var operators = AllNodes(model.Graph).GroupBy(n => n.Domain.Length == 0 ? n.Op : $"{n.Domain}.{n.Op}", StringComparer.Ordinal)
            .Select(g => new OperatorCount(g.Key, g.Count()))
            .OrderByDescending(o => o.Count).ThenBy(o => o.Op, StringComparer.Ordinal).ToImmutableArray();
        try
        {
            return new(model, operators, [], ModelImporter.Import(model, (options ?? new()) with { Form = ImportForm.AsFile }), "");
        }
        catch (UnsupportedModelException e)
        {
            return new(model, operators, e.Nodes, null, e.Message);
        }
        catch (OnnxPriorsException e)
        {
            return new(model, operators, [], null, e.Message);
        }
    }

    /// <summary>The number of elements of the file's float tensors.</summary>
    public long Elements => Model.Graph.Parameters.Sum(p => p.Data!.Count);

    private static IEnumerable<Node> AllNodes(Graph graph) => graph.Nodes.SelectMany(node => new[] { node }
        .Concat(node.Attributes.Select(a => a.Value).OfType<Graph>().SelectMany(AllNodes))
        .Concat(node.Attributes.Select(a => a.Value).OfType<ImmutableArray<Graph>>().SelectMany(graphs => graphs.SelectMany(AllNodes))));
}
