using OnnxPriors.Graphs;
using OnnxPriors.Onnx;

namespace OnnxPriors.Artifacts;

/// <summary>
/// Gives a host control of a sampler's noise. In the file, ξ is a RandomNormalLike node named <c>noise</c>, so the file is standard and
/// whole; a host that must repeat its chain replaces the node by an input [P] and fills it itself.
/// </summary>
public static class NoiseInput
{
    /// <summary>The node's name in the file, and the input's.</summary>
    public const string Name = "noise";

    /// <summary>Reads an update model and replaces its noise node by an input.</summary>
    /// <param name="path">The update model.</param>
    /// <returns>The model as bytes, and whether it has such an input; without a noise node it is the model as it stands.</returns>
    /// <exception cref="ModelFormatException">The file is no ONNX model.</exception>
    public static (byte[] Model, bool TakesNoise) Expose(string path)
    {
        var model = OnnxFile.Load(path);
        var noise = model.Graph.Nodes.FirstOrDefault(node => node.Name == Name && node.Op == "RandomNormalLike");
        if (noise?.Outputs[0] is not { } output)
            return (OnnxFile.ToBytes(model), false);
        var builder = new GraphBuilder();
        var map = new Dictionary<Value, Value>();
        foreach (var input in model.Graph.Inputs)
            map[input] = builder.Input(input.Name, input.Type, input.Shape);
        map[output] = builder.Input(Name, noise.Input(0).Type, noise.Input(0).Shape);
        foreach (var node in model.Graph.Nodes)
            if (node != noise)
                builder.Copy(node, map);
        var outputs = model.Graph.Outputs.Select(value => (value.Name, builder.Import(value, map))).ToList();
        return (OnnxFile.ToBytes(model with { Graph = builder.Build(outputs, model.Graph.Name) }), true);
    }
}
