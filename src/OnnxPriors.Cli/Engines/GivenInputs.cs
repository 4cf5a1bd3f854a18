using OnnxPriors.Data.Arrays;
using OnnxPriors.Graphs;

namespace OnnxPriors.Cli.Engines;

/// <summary>The arrays of a file as a graph's inputs, each checked against what the graph asks for.</summary>
internal static class GivenInputs
{
    /// <summary>Reads the inputs of a graph from an NPZ file; arrays of other names are passed over.</summary>
    /// <exception cref="EngineException">An input is missing or has another shape; the message names all that do not fit.</exception>
    public static IReadOnlyDictionary<string, TensorData> Read(string path, Graph graph)
    {
        var arrays = NpzFile.Read(path);
        var inputs = new Dictionary<string, TensorData>(StringComparer.Ordinal);
        var problems = new List<string>();
        foreach (var input in graph.Inputs)
        {
            if (!arrays.TryGetValue(input.Name, out var array))
                problems.Add($"'{input.Name}' is missing");
            else if (input.Shape is { } shape && !Fits(shape, array.Shape))
                problems.Add($"'{input.Name}' has the shape [{string.Join(", ", array.Shape)}] where the model takes {shape}");
            else
                inputs.Add(input.Name, Arrays.ToTensor(array).ConvertTo(input.Type));
        }
        if (problems.Count > 0)
            throw new EngineException($"'{path}' does not hold the model's inputs: {string.Join("; ", problems)}. It holds {string.Join(", ", arrays.Keys)}.");
        return inputs;
    }

    private static bool Fits(Shape wanted, IReadOnlyList<long> given) =>
        wanted.Rank == given.Count && wanted.Zip(given).All(p => p.First.Value is not { } number || number == p.Second);
}
