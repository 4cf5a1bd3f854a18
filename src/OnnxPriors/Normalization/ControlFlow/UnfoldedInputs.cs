using OnnxPriors.Graphs;
using OnnxPriors.Normalization.Upgrades;

namespace OnnxPriors.Normalization.ControlFlow;

/// <summary>Why something does not fold, in words that say which inputs to bind.</summary>
internal static class UnfoldedInputs
{
    /// <summary>A refusal of a node that needs to know a number.</summary>
    /// <param name="what">What has to be known, such as 'its condition'.</param>
    /// <param name="value">The value that holds it.</param>
    public static UnsupportedNodeException Refuse(string what, Value value)
    {
        var contents = new List<string>();
        var shapes = new List<string>();
        var seen = new HashSet<(Value, bool)>();
        var pending = new Stack<(Value Value, bool IsShape)>([(value, false)]);
        while (pending.TryPop(out var next))
        {
            if (!seen.Add(next))
                continue;
            if (next.Value.Kind == ValueKind.Input)
                (next.IsShape ? shapes : contents).Add(next.Value.Name);
            foreach (var input in next.Value.Producer?.Inputs ?? [])
                if (input is not null)
                    pending.Push((input, next.IsShape || next.Value.Producer!.Op is "Shape" or "Size"));
        }
        contents.Sort(StringComparer.Ordinal);
        shapes.Sort(StringComparer.Ordinal);
        if (contents.Count > 0)
            return new($"{what} depends on {Named(contents)}", $"Bind {(contents.Count == 1 ? "it" : "them")} with {string.Join(' ', contents.Select(c => $"--bind {c}=VALUE"))}, or export the model without {Of(what)}");
        if (shapes.Count > 0)
            return new($"{what} depends on the shape of {Named(shapes)}", $"Fix it with {string.Join(' ', shapes.Select(s => $"--shape {s}=DIMS"))}, or export the model without {Of(what)}");
        return new($"{what} cannot be worked out from the model's constants", $"Export the model without {Of(what)}");
    }

    private static string Named(List<string> names) => $"{(names.Count == 1 ? "the input" : "the inputs")} {string.Join(", ", names.Select(n => $"'{n}'"))}";

    private static string Of(string what) => what.Contains("condition", StringComparison.Ordinal) ? "the branch" : what.Contains("iteration", StringComparison.Ordinal) ? "the loop" : "it";
}
