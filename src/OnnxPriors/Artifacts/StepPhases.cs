using OnnxPriors.Graphs;
using OnnxPriors.Onnx;

namespace OnnxPriors.Artifacts;

/// <summary>What a node of a step is for.</summary>
public enum StepPhase
{
    /// <summary>The loss, and all that it is computed from.</summary>
    Forward,

    /// <summary>The gradients.</summary>
    Backward,

    /// <summary>The prior's energy and gradient.</summary>
    Prior,

    /// <summary>Clipping, the update rule and its noise.</summary>
    Optimizer,
}

/// <summary>
/// Names every node of a gradient or update model by its phase (<c>backward/17</c>), so that a profile of the runtime tells where a step's
/// time goes. Only a copy in memory is named: files have no need of it.
/// </summary>
public static class StepPhases
{
    /// <summary>Names the nodes of a gradient model: what the loss depends on is the forward pass, the rest the backward pass.</summary>
    /// <param name="model">The model; its nodes are named in place of the old names.</param>
    /// <param name="loss">The output for the loss.</param>
    public static Model OfGradient(Model model, string loss)
    {
        ArgumentNullException.ThrowIfNull(model);
        var needed = new HashSet<Node>();
        var pending = new Stack<Value>(model.Graph.Outputs.Where(o => o.Name == loss));
        while (pending.TryPop(out var value))
            if (value.Producer is { } node && needed.Add(node))
                foreach (var input in node.Inputs.OfType<Value>())
                    pending.Push(input);
        return Named(model, node => needed.Contains(node) ? StepPhase.Forward : StepPhase.Backward);
    }

    /// <summary>Names the nodes of an update model: what reads the prior's inputs, directly or not, without reading the optimizer's, is the prior's.</summary>
    /// <param name="model">The model; its nodes are named in place of the old names.</param>
    public static Model OfUpdate(Model model)
    {
        ArgumentNullException.ThrowIfNull(model);
        // θ − μ, its energy and its gradient read only θ and the prior; what joins them with the data's gradient reads more.
        var own = new HashSet<Value>(model.Graph.Inputs.Where(i => i.Name.StartsWith("prior_", StringComparison.Ordinal)));
        var prior = new HashSet<Node>();
        foreach (var node in model.Graph.Nodes)
        {
            var inputs = node.Inputs.OfType<Value>().Where(v => v.Kind is ValueKind.Input or ValueKind.Computed).ToList();
            if (inputs.Any(own.Contains) && inputs.All(v => own.Contains(v) || v.Name == "theta"))
            {
                prior.Add(node);
                own.UnionWith(node.Outputs.OfType<Value>());
            }
        }
        return Named(model, node => prior.Contains(node) ? StepPhase.Prior : StepPhase.Optimizer);
    }

    /// <summary>The phase that a node's name says, or null where the runtime made the node and named it itself.</summary>
    /// <param name="name">The node's name in the profile.</param>
    public static StepPhase? Of(string name)
    {
        ArgumentNullException.ThrowIfNull(name);
        foreach (var phase in Enum.GetValues<StepPhase>())
            if (name.Contains(Prefix(phase), StringComparison.Ordinal))
                return phase;
        return null;
    }

    private static string Prefix(StepPhase phase) => phase.ToString().ToLowerInvariant() + "/";

    private static Model Named(Model model, Func<Node, StepPhase> phase)
    {
        // All phases first: a new node takes its outputs over from the old one.
        var phases = model.Graph.Nodes.Select(phase).ToList();
        var nodes = model.Graph.Nodes.Select((n, i) => new Node(n.Op, n.Domain, $"{Prefix(phases[i])}{i}", n.Inputs, n.Outputs, n.Attributes));
        return model with { Graph = new Graph(model.Graph.Name, model.Graph.Inputs, model.Graph.Outputs, [.. nodes]) };
    }
}
