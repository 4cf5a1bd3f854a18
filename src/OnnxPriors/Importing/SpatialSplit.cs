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
        var (maps, seen, pending) = (new List<Value>(), new HashSet<Value>(), new Stack<Value>([split.Features]));
        while (pending.TryPop(out var value))
        {
            if (!seen.Add(value))
                continue;
            if (IsMap(value))
                maps.Add(value);
            else
                foreach (var input in value.Producer?.Inputs ?? [])
                    if (input is not null && uses.DependsOnInput(input))
                        pending.Push(input);
        }
        return maps is [var one] ? split with { Features = one }
            : throw new ImportException($"The last feature map is not clear: {(maps.Count == 0 ? "no map [N, F, h, w] of several places" : string.Join(", ", maps.Select(m => $"'{m.Name}' {m.Shape}")))} leads to '{split.Features.Name}' {split.Features.Shape} before the head. Name a map with --features VALUE.");
    }

    private static bool IsMap(Value value) =>
        value.Kind == ValueKind.Computed && value.Shape is { Rank: 4 } shape && shape[2].Value is not (0 or 1) && shape[3].Value is not (0 or 1);
}
