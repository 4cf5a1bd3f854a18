using System.Collections.Immutable;
using System.Diagnostics.CodeAnalysis;
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

    private static readonly Dictionary<string, Func<FoldedCall, TensorData?>> Rules = Gather(ElementwiseFolding.Rules, MovementFolding.Rules, FunctionFolding.Rules);

    /// <summary>The results of a call on constants, or null where it stays a node.</summary>
    public static ImmutableArray<TensorData>? TryFold(OperatorCall call)
    {
        if (call is { Domain.Length: 0, Op: "Split" } && call.TryInput(0) is { Kind: ValueKind.Constant, Data.Count: <= MaxElements } whole && whole.Shape is { Rank: > 0 } split)
            return FunctionFolding.Split(whole.Data!, call.Attributes.Int("axis"), [.. call.OutputShapes.Select(s => s?[split.Axis(call.Attributes.Int("axis"))].Value)]);
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
        // Each value is computed once, and deep chains take no stack: a hostile file may hold long and much-shared ones.
        var pending = new Stack<Value>([value]);
        while (pending.TryPeek(out var next))
        {
            if (next.IsEvaluated)
                pending.Pop();
            else if (Missing(next) is { } input)
                pending.Push(input);
            else
            {
                next.Evaluated = Once(next);
                next.IsEvaluated = true;
                pending.Pop();
            }
        }
        return value.Evaluated;
    }

    // An input that has to be evaluated first.
    private static Value? Missing(Value value)
    {
        if (value.Data is not null || value.Producer is not { } node || !CanEvaluate(node))
            return null;
        foreach (var input in node.Inputs)
        {
            if (input is null)
                continue;
            if (!input.IsEvaluated)
                return input;
            // One that cannot be computed decides; the others need not be.
            if (input.Evaluated is null)
                return null;
        }
        return null;
    }

    private static bool CanEvaluate(Node node) => node is { Domain.Length: 0, Outputs.Length: 1 } && Rules.ContainsKey(node.Op);

    private static TensorData? Once(Value value)
    {
        if (value.Data is not null)
            return value.Data;
        if (!value.Contents.IsDefault && value.Contents.All(d => d.IsStatic) && value.Shape?.Static is { } dimensions)
            return TensorData.Of([.. value.Contents.Select(d => d.Value!.Value)], [.. dimensions]).ConvertTo(value.Type);
        if (value.Producer is not { } node || !CanEvaluate(node) || node.Inputs.Any(i => i is { Evaluated: null }))
            return null;
        return Compute(node.Op, node.Attributes, value.Type, value.Shape, [.. node.Inputs.Select(i => i?.Evaluated)]);
    }

    private static TensorData? Compute(string op, Attributes attributes, ElementType type, Shape? shape, TensorData?[] inputs)
    {
        if (Rules.TryGetValue(op, out var own) && FunctionFolding.FindsItsShape(op) && inputs is [{ Count: <= MaxElements } only])
            return own(new FoldedCall(op, attributes, type, [], [only]));
        if (!Rules.TryGetValue(op, out var rule) || !IsSmall(shape) || shape.Static is not { } dimensions
            || dimensions.Any(d => d < 0) || inputs.Any(i => i is { Count: > MaxElements }))
            return null;
        try
        {
            return rule(new FoldedCall(op, attributes, type, [.. dimensions], inputs));
        }
        catch (Exception e) when (e is ArgumentException or ArithmeticException or InvalidOperationException or IndexOutOfRangeException)
        {
            throw new GraphException($"{op} of constants cannot be computed ({e.Message.TrimEnd('.')}).", e);
        }
    }

    private static bool IsSmall([NotNullWhen(true)] Shape? shape)
    {
        try
        {
            return shape?.Elements.Value is >= 0 and <= MaxElements;
        }
        catch (OverflowException)
        {
            // More elements than 64 bits count.
            return false;
        }
    }

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
