using OnnxPriors.Graphs;

namespace OnnxPriors.Importing;

/// <summary>Other weights for a graph, by name.</summary>
public static class ModelWeights
{
    private const int MostShown = 20;

    /// <summary>A graph with other contents in its parameters.</summary>
    /// <param name="graph">The graph.</param>
    /// <param name="weights">For every name its new contents, float32.</param>
    /// <param name="required">The parameters that must be given: weights and statistics. Others may be, and stay as they are where they are not.</param>
    /// <param name="where">What messages call the weights: their file.</param>
    /// <exception cref="ImportException">A name or a shape does not fit; all that do not are named.</exception>
    public static Graph Replace(Graph graph, IReadOnlyDictionary<string, TensorData> weights, IReadOnlyCollection<string> required, string where)
    {
        ArgumentNullException.ThrowIfNull(graph);
        ArgumentNullException.ThrowIfNull(weights);
        var parameters = graph.Parameters.ToDictionary(value => value.Name, StringComparer.Ordinal);
        List<string> problems =
        [
            .. required.Where(name => !weights.ContainsKey(name)).Select(name => $"missing: {Shown(parameters[name])}"),
            .. weights.Where(pair => parameters.TryGetValue(pair.Key, out var value) && !value.Data!.Dimensions.AsSpan().SequenceEqual(pair.Value.Dimensions.AsSpan()))
                .Select(pair => $"shape: {pair.Key} is [{string.Join(", ", pair.Value.Dimensions)}] in the weights and [{string.Join(", ", parameters[pair.Key].Data!.Dimensions)}] in the model"),
            .. weights.Where(pair => !parameters.ContainsKey(pair.Key)).Select(pair => $"not in the model: {pair.Key} [{string.Join(", ", pair.Value.Dimensions)}]"),
        ];
        if (problems.Count > 0)
            throw new ImportException(
                $"{where} does not fit the model; {problems.Count} tensors differ. Export the model with its parameters' names kept and without folding them.{Environment.NewLine}"
                + string.Join(Environment.NewLine, problems.Take(MostShown).Select(problem => "  " + problem))
                + (problems.Count > MostShown ? $"{Environment.NewLine}  … and {problems.Count - MostShown} more" : ""));
        var builder = new GraphBuilder();
        var map = new Dictionary<Value, Value>();
        foreach (var input in graph.Inputs)
            map[input] = builder.Input(input.Name, input.Type, input.Shape);
        foreach (var leaf in graph.Initializers)
            if (leaf.Kind == ValueKind.Parameter && weights.TryGetValue(leaf.Name, out var data))
                map[leaf] = builder.Parameter(leaf.Name, data.ConvertTo(leaf.Type), leaf.IsLiteral);
            else
                builder.Import(leaf, map);
        foreach (var node in graph.Nodes)
            builder.Copy(node, map);
        return builder.Build([.. graph.Outputs.Select(output => (output.Name, map[output]))]);
    }

    private static string Shown(Value value) => $"{value.Name} [{string.Join(", ", value.Data!.Dimensions)}]";
}
