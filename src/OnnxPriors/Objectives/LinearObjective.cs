using System.Collections.Immutable;
using OnnxPriors.Graphs;

namespace OnnxPriors.Objectives;

/// <summary>
/// Σ⟨output, R⟩ over all real outputs, with a direction R of each output's shape as an input: its gradient tries every path of a graph,
/// whatever its outputs mean.
/// </summary>
public sealed class LinearObjective : IObjective
{
    /// <inheritdoc/>
    public string Name => "linear";

    /// <summary>The input for an output's direction.</summary>
    /// <param name="output">The output's name.</param>
    public static string Direction(string output) => $"{output}.direction";

    /// <inheritdoc/>
    public ObjectiveTerm Add(GraphBuilder b, IReadOnlyList<(string Name, Value Value)> outputs)
    {
        ArgumentNullException.ThrowIfNull(b);
        ArgumentNullException.ThrowIfNull(outputs);
        var seeds = outputs.Where(o => o.Value.Type.IsFloating())
            .Select(o => (Output: o.Value, Seed: b.Input(Direction(o.Name), o.Value.Type, o.Value.Shape))).ToImmutableArray();
        if (seeds.IsEmpty)
            throw new ObjectiveException("The graph has no real output, so there is nothing to differentiate.");
        var products = seeds.Select(s => b.Cast(b.SumAll(s.Output * s.Seed), seeds[0].Output.Type)).ToArray();
        return new(b.Sum(products), seeds, [.. seeds.Select(s => s.Seed)]);
    }
}
