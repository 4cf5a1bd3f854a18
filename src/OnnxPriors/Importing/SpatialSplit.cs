using OnnxPriors.Graphs;

namespace OnnxPriors.Importing;

/// <summary>Where the last feature map of a network lies: the features of a head that scores every pixel.</summary>
internal static class SpatialSplit
{
    /// <summary>
    /// Goes back from a split's features to the last map [N, F, h, w] of more than one place, past pooling and flattening, and past the
    /// layers of a classifier that stand behind them.
    /// </summary>
    /// <exception cref="ImportException">Several paths lead there, or none.</exception>
    public static FeatureSplit Of(Graph graph, FeatureSplit split)
    {
        var uses = new ParameterUses(graph);
        var value = split.Features;
        while (!IsMap(value))
        {
            Value[] before = [.. (value.Producer?.Inputs ?? []).OfType<Value>().Where(uses.DependsOnInput).Distinct()];
            value = before is [var one] ? one
                : throw new ImportException($"The last feature map is not clear: '{value.Name}' {value.Shape} before the head is no map of several places, and {(before.Length == 0 ? "nothing" : "more than one path")} leads to it. Name a map [N, F, h, w] with --features VALUE.");
        }
        return split with { Features = value };
    }

    private static bool IsMap(Value value) =>
        value.Kind == ValueKind.Computed && value.Shape is { Rank: 4 } shape && shape[2].Value is not (0 or 1) && shape[3].Value is not (0 or 1);
}
