using System.Collections.Immutable;
using OnnxPriors.Graphs.Inference;

namespace OnnxPriors.Graphs.Folding;

/// <summary>
/// Computes at building time what depends on literals alone. Parameters are never folded away; <see cref="Evaluate"/> may still read
/// them where a shape or an option of an operator hangs on one.
/// </summary>
internal static class ConstantFolding
{
    // Folding is for shape arithmetic and small tables; a large result would only grow the file.
    private const long MaxElements = 1 << 20;

    private static readonly Dictionary<string, Func<FoldedCall, TensorData?>> Rules = Gather(ElementwiseFolding.Rules, MovementFolding.Rules);

    /// <summary>The results of a call on constants, or null where it stays a node.</summary>
    public static ImmutableArray<TensorData>? TryFold(OperatorCall call)
    {
        if (call.Domain.Length > 0 || call.OutputCount != 1)
            return null;
        var contents = call.OutputContents[0];
        if (!contents.IsDefault && contents.All(d => d.IsStatic) && call.OutputShapes[0]?.Static is { } dimensions)
            return [TensorData.Of([.. contents.Select(d => d.Value!.Value)], [.. dimensions]).ConvertTo(call.OutputTypes[0])];
        // Small parameters that end in an integer are options such as the scales of a Resize, not weights.
        var mayReadParameters = !call.OutputTypes[0].IsFloating();
        foreach (var input in call.Inputs)
            if (input is not null && !(input.Kind == ValueKind.Constant || (mayReadParameters && input is { Kind: ValueKind.Parameter, Data.Count: <= 16 })))
                return null;
        return Compute(call.Op, call.Attributes, call.OutputTypes[0], call.OutputShapes[0], [.. call.Inputs.Select(i => i?.Data)]) is { } result ? [result] : null;
    }

    /// <summary>The contents of a value, followed back to constants and parameters; null where that is not possible.</summary>
    public static TensorData? Evaluate(Value value)
    {
        if (value.Data is not null)
            return value.Data;
        if (!value.Contents.IsDefault && value.Contents.All(d => d.IsStatic) && value.Shape?.Static is { } dimensions)
            return TensorData.Of([.. value.Contents.Select(d => d.Value!.Value)], [.. dimensions]).ConvertTo(value.Type);
        if (value.Producer is not { Domain.Length: 0, Outputs.Length: 1 } node || !Rules.ContainsKey(node.Op))
            return null;
        var inputs = new TensorData?[node.Inputs.Length];
        for (var i = 0; i < inputs.Length; i++)
            if (node.Inputs[i] is { } input && (inputs[i] = Evaluate(input)) is null)
                return null;
        return Compute(node.Op, node.Attributes, value.Type, value.Shape, inputs);
    }

    private static TensorData? Compute(string op, Attributes attributes, ElementType type, Shape? shape, TensorData?[] inputs) =>
        Rules.TryGetValue(op, out var rule) && shape?.Elements.Value is >= 0 and <= MaxElements && shape.Static is { } dimensions
        && inputs.All(i => i is null || i.Count <= MaxElements)
            ? rule(new FoldedCall(op, attributes, type, [.. dimensions], inputs))
            : null;

    private static Dictionary<string, Func<FoldedCall, TensorData?>> Gather(params ReadOnlySpan<IReadOnlyDictionary<string, Func<FoldedCall, TensorData?>>> families)
    {
        var all = new Dictionary<string, Func<FoldedCall, TensorData?>>(StringComparer.Ordinal);
        foreach (var family in families)
            foreach (var (op, rule) in family)
                all.Add(op, rule);
        return all;
    }
}

/// <summary>A call whose inputs are all literal, with the type and shape its result has.</summary>
internal sealed record FoldedCall(string Op, Attributes Attributes, ElementType Type, ImmutableArray<long> Dimensions, TensorData?[] Inputs)
{
    public TensorData Input(int index) => Inputs[index] ?? throw new GraphException($"{Op} lacks its input {index}.");

    public long Count => Dimensions.Aggregate(1L, (product, d) => product * d);
}
