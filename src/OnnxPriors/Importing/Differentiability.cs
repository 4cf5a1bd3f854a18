using OnnxPriors.Graphs;

namespace OnnxPriors.Importing;

/// <summary>Through which inputs of an operator a result depends differentiably, almost everywhere and with a derivative that is not zero.</summary>
internal static class Differentiability
{
    // Steps: flat wherever they have a derivative.
    private static readonly HashSet<string> Flat = new(StringComparer.Ordinal)
    {
        "Sign", "Floor", "Ceil", "Round", "ArgMax", "ArgMin", "Shape", "Size", "Hardmax", "NonZero", "IsNaN", "IsInf", "Equal", "Greater",
        "GreaterOrEqual", "Less", "LessOrEqual", "RandomNormalLike", "RandomUniformLike", "Bernoulli", "EyeLike", "OneHotEncoder", "Range",
    };

    // The first inputs alone carry a derivative; the rest are options, indices or statistics.
    private static readonly Dictionary<string, int> FirstInputs = new(StringComparer.Ordinal)
    {
        // Bounds and fillings were attributes in older opsets; a model does not learn more for having a newer one.
        ["Clip"] = 1,
        ["Pad"] = 1,
        ["Resize"] = 1,
        ["Reshape"] = 1,
        ["Expand"] = 1,
        ["Tile"] = 1,
        ["Slice"] = 1,
        ["Split"] = 1,
        ["Squeeze"] = 1,
        ["Unsqueeze"] = 1,
        ["Dropout"] = 1,
        ["TopK"] = 1,
        ["CumSum"] = 1,
        ["BatchNormalization"] = 3,
        ["RoiAlign"] = 1,
    };

    /// <summary>Whether a node's outputs depend differentiably on one of its inputs.</summary>
    public static bool Through(Node node, int input) =>
        node.TryInput(input) is { } value && value.Type.IsFloating() && !Flat.Contains(node.Op)
        && node.Outputs.Any(o => o is not null && o.Type.IsFloating())
        && (!FirstInputs.TryGetValue(node.Op, out var count) || input < count);

    /// <summary>All values that some of the given ones depend on differentiably.</summary>
    public static HashSet<Value> Reach(IEnumerable<Value> outputs)
    {
        var reached = new HashSet<Value>();
        var pending = new Stack<Value>(outputs.Where(o => o.Type.IsFloating()));
        while (pending.TryPop(out var value))
        {
            if (!reached.Add(value) || value.Producer is not { } node)
                continue;
            for (var i = 0; i < node.Inputs.Length; i++)
                if (Through(node, i))
                    pending.Push(node.Inputs[i]!);
        }
        return reached;
    }
}
