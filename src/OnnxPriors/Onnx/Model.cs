using System.Collections.Immutable;
using OnnxPriors.Graphs;

namespace OnnxPriors.Onnx;

/// <summary>An ONNX model: its graph as the file has it, and what the file says about itself.</summary>
/// <param name="Graph">The graph, its nodes in a valid order whatever the file's, of the opsets below.</param>
/// <param name="Opsets">The version of each operator domain; the standard one is the empty name.</param>
public sealed record Model(Graph Graph, ImmutableSortedDictionary<string, long> Opsets)
{
    /// <summary>The version of the file format; 8 goes with the canonical opset.</summary>
    public long IrVersion { get; init; } = 8;

    /// <summary>The program that wrote the file.</summary>
    public string Producer { get; init; } = "OnnxPriors";

    /// <summary>That program's version.</summary>
    public string ProducerVersion { get; init; } = typeof(Model).Assembly.GetName().Version?.ToString(3) ?? "";

    /// <summary>Free text by key.</summary>
    public ImmutableSortedDictionary<string, string> Metadata { get; init; } = ImmutableSortedDictionary<string, string>.Empty;

    /// <summary>SHA-256 of the file it was read from, in lower-case hexadecimal; empty for one made here. External data is not covered.</summary>
    public string Sha256 { get; init; } = "";

    /// <summary>The version of the standard operators.</summary>
    public long Opset => Opsets.GetValueOrDefault("");

    /// <summary>A model of the canonical opset made here.</summary>
    /// <param name="graph">A builder's graph.</param>
    /// <param name="metadata">Free text by key.</param>
    public static Model Canonical(Graph graph, IReadOnlyDictionary<string, string>? metadata = null) => new(
        graph,
        ImmutableSortedDictionary<string, long>.Empty.Add("", GraphBuilder.CanonicalOpset))
    {
        Metadata = (metadata ?? ImmutableSortedDictionary<string, string>.Empty).ToImmutableSortedDictionary(StringComparer.Ordinal),
    };
}
