using OnnxPriors.Graphs.Inference;

namespace OnnxPriors.Graphs;

/// <summary>What does nothing is not added: × 1, + 0, Identity, a cast to the same type, a transpose that undoes a transpose.</summary>
internal static class Simplification
{
    public static Value? TryReplace(GraphBuilder b, string op, ReadOnlySpan<Value?> inputs, Attributes attributes)
    {
        if (inputs.Length == 0 || inputs[0] is not { } x)
            return null;
        var second = inputs.Length > 1 ? inputs[1] : null;
        switch (op)
        {
            case "Identity" or "Sum" or "Max" or "Min" or "Mean" when inputs.Length == 1 && x.Kind == ValueKind.Computed:
                return x;
            case "Cast" when x.Type == (ElementType)attributes.Int("to") && x.Type != ElementType.Undefined:
                return x;
            case "Mul" when IsScalar(second, 1):
                return Same(x, second!);
            case "Mul" when second is not null && IsScalar(x, 1):
                return Same(second, x);
            case "Div" or "Pow" when IsScalar(second, 1):
                return Same(x, second!);
            case "Add" or "Sub" when IsScalar(second, 0):
                return Same(x, second!);
            case "Add" when second is not null && IsScalar(x, 0):
                return Same(second, x);
            case "Neg" when x.Producer is { Op: "Neg", Domain.Length: 0 } inner:
                return inner.Input(0);
            case "Transpose" when attributes.Ints("perm") is { } permutation:
                if (IsInOrder(permutation))
                    return x;
                if (x.Producer is { Op: "Transpose", Domain.Length: 0 } first && first.Attributes.Ints("perm") is { } before)
                    return b.Transpose(first.Input(0), Array.ConvertAll(permutation, axis => before[axis]));
                return null;
            case "Reshape" when second is { } target && x.Shape is { } shape && IsSame(shape, target):
                return x;
            case "Reshape" when x.Producer is { Op: "Reshape", Domain.Length: 0 } earlier && earlier.Attributes.Int("allowzero") == 0 && second is not null && HasNoZero(second):
                return b.Reshape(earlier.Input(0), second);
            case "Pad" when second is { } pads && !pads.Contents.IsDefault && pads.Contents.All(d => d.Value == 0):
                return x;
            case "Expand" when second is { } target && x.Shape is { } shape && IsSame(shape, target):
                return x;
            case "Concat" when inputs.Length == 1:
                return x;
            case "ReduceSum" when second is { Data.Count: 0 } && attributes.Flag("noop_with_empty_axes"):
                return x;
            default:
                return null;
        }
    }

    /// <summary>
    /// A Reshape's target that is computed, where the result is known up to one extent, becomes a constant with −1 for that extent; what
    /// computed it is no longer needed.
    /// </summary>
    public static void PlainTarget(GraphBuilder b, OperatorCall call)
    {
        if (call.Op == "Reshape" && call.Domain.Length == 0 && call.Inputs is [_, { Kind: ValueKind.Computed }] && call.OutputShapes[0] is { } shape
            && shape.All(d => d.IsKnown && d.Value != 0) && shape.Count(d => !d.IsStatic) <= 1)
            call.Inputs = call.Inputs.SetItem(1, b.Ints([.. shape.Select(d => d.Value ?? -1)]));
    }

    private static bool IsScalar(Value? value, double number) =>
        value is { Kind: ValueKind.Constant, Data.Count: 1 } && value.Type != ElementType.Bool && value.Data.ToDouble()[0] == number;

    // A one-element constant can still raise the rank.
    private static Value? Same(Value kept, Value dropped) => kept.Shape is { } shape && dropped.Rank <= shape.Rank ? kept : null;

    private static bool IsInOrder(long[] permutation)
    {
        for (var i = 0; i < permutation.Length; i++)
            if (permutation[i] != i)
                return false;
        return true;
    }

    private static bool IsSame(Shape shape, Value target) =>
        !target.Contents.IsDefault && target.Contents.Length == shape.Rank
        && shape.Zip(target.Contents).All(p => p.First.IsKnown && p.First == p.Second && p.First.Value != 0);

    private static bool HasNoZero(Value target) => !target.Contents.IsDefault && target.Contents.All(d => d.IsKnown && d.Value != 0);
}
