using OnnxPriors.Cli.Engines;
using OnnxPriors.Gradients;
using OnnxPriors.Graphs;
using OnnxPriors.Onnx;

namespace OnnxPriors.Cli.Verification;

/// <summary>The gradients of Σ⟨output, R⟩ as the library's own backward graph gives them under ONNX Runtime.</summary>
internal static class GradientProbe
{
    private const string Suffix = ".gradient";

    /// <summary>Builds the backward graph and runs it.</summary>
    /// <param name="graph">The forward graph.</param>
    /// <param name="inputs">Its inputs.</param>
    /// <param name="seeds">R for each float output.</param>
    /// <param name="parameters">The parameters to differentiate for.</param>
    /// <exception cref="GradientException">Operators have no gradient; all are named.</exception>
    public static IReadOnlyDictionary<string, double[]> Run(
        Graph graph,
        IReadOnlyDictionary<string, TensorData> inputs,
        IReadOnlyDictionary<string, TensorData> seeds,
        IReadOnlyList<Value> parameters)
    {
        var b = new GraphBuilder();
        var map = new Dictionary<Value, Value>();
        var feeds = new Dictionary<string, TensorData>(inputs, StringComparer.Ordinal);
        foreach (var input in graph.Inputs)
            // The batch given fixes the shapes: what is compared is one run.
            map[input] = b.Input(input.Name, input.Type, inputs[input.Name].Shape);
        foreach (var parameter in parameters)
        {
            // Inputs, as in training, so that the runtime cannot fold them.
            map[parameter] = b.Input(parameter.Name, parameter.Type, parameter.Shape);
            feeds[parameter.Name] = parameter.Data!;
        }
        var outputs = b.Inline(graph, map);
        var starts = new List<(Value, Value)>();
        for (var i = 0; i < outputs.Length; i++)
            if (seeds.TryGetValue(graph.Outputs[i].Name, out var seed))
            {
                var start = b.Input("seed", outputs[i].Type, seed.Shape);
                feeds[start.Name] = seed;
                starts.Add((outputs[i], start));
            }
        Value[] wanted = [.. parameters.Select(p => map[p])];
        var gradients = ReverseSweep.Run(b, starts, wanted);
        var backward = b.Build(wanted.Zip(gradients).Where(p => p.Second is not null).Select(p => (p.First.Name + Suffix, p.Second!)));
        using var engine = OnnxEngine.Open(Model.Canonical(backward));
        var results = engine.Run(feeds);
        return parameters.ToDictionary(
            p => p.Name,
            p => results.TryGetValue(map[p].Name + Suffix, out var gradient) ? gradient.ToDouble() : new double[p.Data!.Count]);
    }
}
