using OnnxPriors.Graphs;

namespace OnnxPriors.Importing;

/// <summary>Gives each float tensor of a graph its role, by what uses it.</summary>
internal sealed class RoleAssignment
{
    private static readonly Dictionary<string, int[]> WeightInputs = new(StringComparer.Ordinal)
    {
        ["Conv"] = [1, 2],
        ["ConvTranspose"] = [1, 2],
        ["Gemm"] = [0, 1, 2],
        ["MatMul"] = [0, 1],
        ["Einsum"] = [0, 1, 2, 3],
        ["BatchNormalization"] = [1, 2],
        ["InstanceNormalization"] = [1, 2],
        ["LayerNormalization"] = [1, 2],
        ["PRelu"] = [1],
        ["Gather"] = [0],
        ["LSTM"] = [1, 2, 3, 7],
        ["GRU"] = [1, 2, 3],
        ["RNN"] = [1, 2, 3],
    };

    private static readonly HashSet<string> Preparing = new(StringComparer.Ordinal)
    {
        "Add", "Sub", "Mul", "Div", "Pow", "Cast", "Identity", "Transpose", "Reshape", "Flatten", "Squeeze", "Unsqueeze", "Slice", "Gather",
        "Concat", "Pad", "Resize", "Clip", "Neg", "Sqrt", "Min", "Max",
    };

    private readonly Graph graph;
    private readonly TrainablePolicy policy;
    private readonly ParameterUses uses;
    private readonly HashSet<Value> differentiable;
    private readonly HashSet<Value> raw;

    public RoleAssignment(Graph graph, TrainablePolicy policy)
    {
        this.graph = graph;
        this.policy = policy;
        uses = new ParameterUses(graph);
        differentiable = Differentiability.Reach(graph.Outputs);
        raw = Raw();
    }

    /// <summary>The role of each parameter of the graph before a selection, in the order of first use.</summary>
    public IEnumerable<(Value Tensor, TensorUse Use, string Reason)> All() => graph.Parameters.Select(p => Of(p));

    private (Value, TensorUse, string) Of(Value tensor)
    {
        var places = uses.Of(tensor).ToList();
        var first = places.Count == 0 ? "an output itself" : places[0].Node.Title;
        if (places.Find(u => u is { Node.Op: "BatchNormalization", Input: 3 or 4 }) is { } statistic && !differentiable.Contains(tensor))
            return (tensor, TensorUse.Buffer, $"running {(statistic.Input == 3 ? "mean" : "variance")} of {statistic.Node.Title}");
        if (!differentiable.Contains(tensor))
            return (tensor, TensorUse.Constant, places.Count == 0 ? "an output itself" : $"no output depends on it differentiably; {places[0].Node.Title} uses it");
        if (places.Count > 0 && places.All(u => u is { Node.Op: "Pow", Input: 1 }) && tensor.Data!.ToDouble().All(double.IsInteger))
            return (tensor, TensorUse.Constant, $"a whole exponent: {places[0].Node.Title}");
        if (policy == TrainablePolicy.EveryFloat)
            return (tensor, TensorUse.Trainable, places.Count == 0 ? "an output itself" : $"used by {places[0].Node.Title}");
        if (places.Count == 0)
            return (tensor, TensorUse.Constant, "an output itself");
        if (places.Find(IsWeight) is { } weight)
            return (tensor, TensorUse.Trainable, $"{(weight.Input == 1 ? "weight" : weight.Input == 2 ? "bias" : "factor")} of {weight.Node.Title}");
        if (tensor.Data!.Count == 1)
            return (tensor, TensorUse.Constant, $"a number in a formula: {first}");
        if (places.Count > 0 && places.All(MeetsRawInput))
            return (tensor, TensorUse.Constant, $"prepares the input before the first layer: {first}");
        return (tensor, TensorUse.Trainable, $"used by {first}");
    }

    private static bool IsWeight(ParameterUse use) =>
        WeightInputs.TryGetValue(use.Node.Op, out var inputs) && inputs.Contains(use.Input);

    private bool MeetsRawInput(ParameterUse use) => use.Node.Outputs.Any(o => o is not null && raw.Contains(o));

    // What is made of the inputs by arithmetic alone.
    private HashSet<Value> Raw()
    {
        var all = new HashSet<Value>(graph.Inputs);
        foreach (var node in graph.Nodes)
            if (Preparing.Contains(node.Op) && node.Inputs.Any(i => i is not null && all.Contains(i))
                && node.Inputs.All(i => i is null || all.Contains(i) || !uses.DependsOnInput(i)))
                all.UnionWith(node.Outputs.OfType<Value>());
        return all;
    }
}
