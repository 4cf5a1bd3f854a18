using OnnxPriors.Importing;
using OnnxPriors.Normalization;

namespace OnnxPriors.Cli.Inspection;

/// <summary>What <c>import</c> did; its JSON has these names.</summary>
internal sealed record ImportSummary
{
    public required string Output { get; init; }

    public required int Opset { get; init; }

    public required IReadOnlyList<TensorSummary> Inputs { get; init; }

    public required IReadOnlyList<TensorSummary> Outputs { get; init; }

    /// <summary>The number of classes; absent where the outputs are as the file has them.</summary>
    public int? Classes { get; init; }

    public SplitSummary? Split { get; init; }

    public string? SplitProblem { get; init; }

    public required long Trainable { get; init; }

    public required IReadOnlyDictionary<string, int> Operators { get; init; }

    public required IReadOnlyList<RoleSummary> Tensors { get; init; }

    public required IReadOnlyList<PassReport> Passes { get; init; }

    public static ImportSummary Of(ImportedModel imported, string output) => new()
    {
        Output = output,
        Opset = Graphs.GraphBuilder.CanonicalOpset,
        Inputs = [.. imported.Graph.Inputs.Select(TensorSummary.Of)],
        Outputs = [.. imported.Graph.Outputs.Select(TensorSummary.Of)],
        Classes = imported.Classes,
        Split = imported.Split is { } split ? SplitSummary.Of(split) : null,
        SplitProblem = imported.SplitProblem is { Length: > 0 } problem ? problem : null,
        Trainable = imported.Trainable.Sum(t => t.Count),
        Operators = imported.Graph.Nodes.GroupBy(n => n.Op).OrderByDescending(g => g.Count()).ThenBy(g => g.Key, StringComparer.Ordinal).ToDictionary(g => g.Key, g => g.Count()),
        Tensors = [.. imported.Tensors.Select(RoleSummary.Of)],
        Passes = imported.Passes,
    };
}
