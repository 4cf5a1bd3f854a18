using OnnxPriors.Cli.Engines;
using OnnxPriors.Graphs;
using OnnxPriors.Onnx;

namespace OnnxPriors.Cli.Verification;

/// <summary>
/// Compares the inferred type and shape of every value with those that ONNX Runtime gives when it runs the graph with all of them as outputs.
/// Named extents stand for the numbers of the inputs given.
/// </summary>
internal static class ShapeComparison
{
    /// <summary>Runs the comparison.</summary>
    /// <param name="graph">The imported graph.</param>
    /// <param name="inputs">Its inputs.</param>
    /// <param name="cancellation">Stops it.</param>
    public static ShapeReport Run(Graph graph, IReadOnlyDictionary<string, TensorData> inputs, CancellationToken cancellation)
    {
        var extents = new Dictionary<string, Dimension>(StringComparer.Ordinal);
        foreach (var input in graph.Inputs)
            if (input.Shape is { } shape && inputs.TryGetValue(input.Name, out var data))
                foreach (var (dimension, extent) in shape.Zip(data.Dimensions))
                    if (dimension.Symbol is { } symbol)
                        extents[symbol] = extent;
        var all = graph.WithEveryOutput();
        if (all.Outputs.IsEmpty)
            return new(0, 0, []);
        using var engine = OnnxEngine.Open(Model.Canonical(all));
        var results = engine.Run(inputs, cancellation);
        var wrong = new List<string>();
        var open = 0;
        foreach (var value in all.Outputs)
        {
            var actual = results[value.Name];
            Dimension[]? inferred = value.Shape is null ? null : [.. value.Shape.Select(d => d.Substitute(extents))];
            if (inferred is null || inferred.Any(d => d.Value is null))
                open++;
            if (value.Type != actual.Type || (inferred is not null && !Fits(inferred, [.. actual.Dimensions])))
                wrong.Add($"'{value.Name}' of {value.Producer!.Op} is inferred as {value.Type}{value.Shape?.ToString() ?? "[…]"} and runs as {actual.Type}[{string.Join(", ", actual.Dimensions.ToArray())}]");
        }
        return new(all.Outputs.Length, open, wrong);
    }

    private static bool Fits(Dimension[] inferred, long[] actual) =>
        inferred.Length == actual.Length && inferred.Zip(actual).All(p => p.First.Value is not { } number || number == p.Second);
}
