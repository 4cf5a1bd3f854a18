using OnnxPriors.Graphs;

namespace OnnxPriors.Normalization.Passes;

/// <summary>Makes constants of the inputs that the user gives values for; what follows from them folds later.</summary>
internal sealed class BindInputs : INormalizationPass
{
    public string Name => "bind-inputs";

    public GraphCondition Requires => GraphCondition.None;

    public GraphCondition Ensures => GraphCondition.None;

    public Graph Run(Graph graph, NormalizationContext context)
    {
        if (context.Options.Bindings.IsEmpty)
            return graph;
        var bound = new Dictionary<Value, Value>();
        foreach (var binding in context.Options.Bindings)
        {
            var input = InputNamed(graph, binding.Name);
            var data = binding.ToTensor(input.Type, input.Shape);
            bound[input] = new Value(input.Name, ValueKind.Constant, data.Type, data.Shape, data);
            context.Note($"input '{input.Name}' is bound to {(binding.Numbers.Length <= 8 ? string.Join(", ", binding.Numbers) : $"{binding.Numbers.Length} numbers")}");
        }
        var replacement = new InputReplacement(bound);
        var result = replacement.Apply(graph);
        context.Follow(replacement.Map);
        return result;
    }

    /// <summary>The input of a name.</summary>
    /// <exception cref="NormalizationException">There is none; the message has those there are.</exception>
    public static Value InputNamed(Graph graph, string name) => graph.Inputs.FirstOrDefault(i => i.Name == name)
        ?? throw new NormalizationException($"The model has no input '{name}'; its inputs are {string.Join(", ", graph.Inputs.Select(i => $"'{i.Name}'"))}.");
}
