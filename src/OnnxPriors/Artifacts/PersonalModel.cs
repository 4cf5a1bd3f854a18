using System.Runtime.InteropServices;
using OnnxPriors.Graphs;
using OnnxPriors.Onnx;

namespace OnnxPriors.Artifacts;

/// <summary>One model of a baked folder's network with given parameters inside: the preprocessed tensor in, class probabilities out.</summary>
public static class PersonalModel
{
    /// <summary>The output: class probabilities [batch, C].</summary>
    public const string Output = "probabilities";

    /// <summary>Puts parameters into an eval model, where they are inputs, or a model for inference, where they are initializers.</summary>
    /// <param name="model">The model; its first output is the logits [batch, C].</param>
    /// <param name="layout">Where the parameters lie in the flat state.</param>
    /// <param name="theta">The flat state [P].</param>
    /// <exception cref="ArtifactException">The model lacks a parameter, or a value is not finite.</exception>
    public static Model Build(Model model, StateLayout layout, ReadOnlySpan<float> theta)
    {
        ArgumentNullException.ThrowIfNull(model);
        ArgumentNullException.ThrowIfNull(layout);
        var missing = layout.Entries.Select(e => e.Name).ToHashSet(StringComparer.Ordinal);
        var b = new GraphBuilder();
        var map = new Dictionary<Value, Value>();
        foreach (var value in model.Graph.Inputs.Concat(model.Graph.Initializers))
            if (missing.Remove(value.Name))
                map[value] = b.Parameter(value.Name, Tensor(layout[value.Name], theta));
            else if (value.Kind == ValueKind.Input)
                map[value] = b.Input(value.Name, value.Type, value.Shape);
        if (missing.Count > 0)
            throw new ArtifactException($"The package's model lacks {string.Join(", ", missing.Order(StringComparer.Ordinal).Take(5).Select(n => $"'{n}'"))}; bake the package again.");
        var outputs = b.Inline(model.Graph, map);
        return Model.Canonical(b.Build([(Output, b.Softmax(outputs[0]))], "classifier"), model.Metadata);
    }

    private static TensorData Tensor(StateEntry entry, ReadOnlySpan<float> theta)
    {
        var values = theta.Slice((int)entry.Offset, (int)entry.Count).ToArray();
        return Array.TrueForAll(values, float.IsFinite)
            ? TensorData.Of(values, ImmutableCollectionsMarshal.AsImmutableArray(entry.Shape))
            : throw new ArtifactException($"The parameter '{entry.Name}' holds a value that is not finite: the training diverged. Lower the learning rate and train again.");
    }
}
