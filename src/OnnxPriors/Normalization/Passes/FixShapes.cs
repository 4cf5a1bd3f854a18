using OnnxPriors.Graphs;

namespace OnnxPriors.Normalization.Passes;

/// <summary>Gives inputs the shapes that the user names, and images the height and width.</summary>
internal sealed class FixShapes : INormalizationPass
{
    public string Name => "fix-shapes";

    public GraphCondition Requires => GraphCondition.None;

    public GraphCondition Ensures => GraphCondition.None;

    public Graph Run(Graph graph, NormalizationContext context)
    {
        var options = context.Options;
        foreach (var name in options.InputShapes.Keys)
            BindInputs.InputNamed(graph, name);
        var changed = new Dictionary<Value, Value>();
        foreach (var input in graph.Inputs)
        {
            var shape = options.InputShapes.TryGetValue(input.Name, out var given) ? Fitting(input, given)
                : options.ImageSize is { } size && input.Shape is { Rank: 4 } image && input.Type.IsFloating() ? Sized(image, size)
                : input.Shape;
            if (shape is null || shape.Equals(input.Shape))
                continue;
            changed[input] = new Value(input.Name, ValueKind.Input, input.Type, shape);
            context.Note($"input '{input.Name}' has the shape {shape} in place of {input.Shape?.ToString() ?? "an unknown one"}");
        }
        if (changed.Count == 0)
            return graph;
        var replacement = new InputReplacement(changed);
        var result = replacement.Apply(graph);
        context.Follow(replacement.Map);
        return result;
    }

    private static Shape Fitting(Value input, Shape given) => input.Shape is null || input.Shape.Rank == given.Rank
        ? given
        : throw new NormalizationException($"Input '{input.Name}' has {input.Shape.Rank} axes, {input.Shape}, and cannot have the shape {given}.");

    // Converters from TensorFlow leave images with their channels last.
    private static Shape Sized(Shape image, int size) => image[3].Value is 1 or 3 or 4 && image[1].Value is not (1 or 3 or 4)
        ? image.With(1, size).With(2, size)
        : image.With(2, size).With(3, size);
}
