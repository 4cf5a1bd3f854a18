using System.Collections.Immutable;
using OnnxPriors.Graphs;

namespace OnnxPriors.Gradients;

/// <summary>
/// Reverse-mode differentiation on a graph being built. It alone decides what is computed and adds up the contributions of a value's
/// uses; what each operator's derivative is stands in the rules. It names no operator but the sum.
/// </summary>
public static class ReverseSweep
{
    /// <summary>Adds the nodes that compute gradients of Σ⟨output, seed⟩.</summary>
    /// <param name="b">The builder that holds the forward nodes.</param>
    /// <param name="seeds">Outputs with the gradient that each starts with, of its shape. For a scalar loss that is the number 1.</param>
    /// <param name="wanted">The values to differentiate for.</param>
    /// <returns>The gradient of each wanted value in its shape; null where no output depends on it.</returns>
    /// <exception cref="GradientException">Nodes between wanted values and outputs have no gradient; all are listed.</exception>
    public static ImmutableArray<Value?> Run(GraphBuilder b, IEnumerable<(Value Output, Value Seed)> seeds, IReadOnlyList<Value> wanted)
    {
        ArgumentNullException.ThrowIfNull(b);
        ArgumentNullException.ThrowIfNull(seeds);
        ArgumentNullException.ThrowIfNull(wanted);
        // The backward nodes are added behind these.
        var forward = b.Nodes.ToImmutableArray();
        var dependent = Dependents(forward, wanted);
        var contributions = new Dictionary<Value, List<Value>>();
        foreach (var (output, seed) in seeds)
            Accept(output, seed);

        var refused = Missing(forward, dependent, contributions.Keys);
        if (refused.Count > 0)
            throw new GradientException([.. refused]);
        foreach (var node in forward.Reverse())
        {
            if (!node.Outputs.Any(o => o is not null && contributions.ContainsKey(o)))
                continue;
            if (GradientRules.Find(node) is not { } rule || !node.Inputs.Any(i => i is not null && dependent.Contains(i)))
                continue;
            var gradients = node.Outputs.Select(o => o is null ? null : Total(o)).ToImmutableArray();
            try
            {
                rule(new GradientCall(b, node, gradients, dependent.Contains, Accept));
            }
            catch (GradientException e) when (!e.Nodes.IsEmpty)
            {
                refused.AddRange(e.Nodes);
            }
            catch (GraphException e)
            {
                refused.Add(Refused(node, e.Message.TrimEnd('.')));
            }
            catch (Exception e) when (e is ArgumentException or InvalidOperationException or ArithmeticException or IndexOutOfRangeException or NullReferenceException)
            {
                // Rules rely on ranks and extents that a file may leave open, or state wrongly.
                refused.Add(Refused(node, $"its shapes are not known, or contradict each other ({e.Message.TrimEnd('.')})"));
            }
        }
        return refused.Count > 0 ? throw new GradientException([.. refused]) : [.. wanted.Select(Total)];

        void Accept(Value value, Value gradient)
        {
            if (!dependent.Contains(value))
                return;
            if (!contributions.TryGetValue(value, out var list))
                contributions.Add(value, list = []);
            list.Add(gradient);
        }

        Value? Total(Value value)
        {
            if (!contributions.TryGetValue(value, out var list))
                return null;
            if (list.Count > 1)
                contributions[value] = list = [list.Count == 2 ? list[0] + list[1] : b.Sum([.. list])];
            return list[0];
        }
    }

    internal static RefusedNode Refused(Node node, string reason) => new(
        node.Domain.Length == 0 ? node.Op : $"{node.Domain}.{node.Op}",
        node.Name.Length > 0 ? node.Name : node.Outputs.FirstOrDefault(o => o is not null)?.Name ?? "",
        reason);

    // All values that change with a wanted one and have a gradient: real numbers, not behind an operator of zero derivative.
    private static HashSet<Value> Dependents(ImmutableArray<Node> nodes, IEnumerable<Value> wanted)
    {
        var dependent = new HashSet<Value>(wanted);
        foreach (var node in nodes)
            if (!GradientRules.IsZero(node) && node.Inputs.Any(i => i is not null && dependent.Contains(i)))
                foreach (var output in node.Outputs)
                    if (output is not null && (output.Type.IsFloating() || output.Type == ElementType.Undefined))
                        dependent.Add(output);
        return dependent;
    }

    private static List<RefusedNode> Missing(ImmutableArray<Node> nodes, HashSet<Value> dependent, IEnumerable<Value> outputs)
    {
        var reached = new HashSet<Value>(outputs);
        var missing = new List<RefusedNode>();
        foreach (var node in nodes.Reverse())
        {
            if (!node.Outputs.Any(o => o is not null && reached.Contains(o)))
                continue;
            foreach (var input in node.Inputs)
                if (input is not null && dependent.Contains(input))
                    reached.Add(input);
            if (GradientRules.Find(node) is null && !GradientRules.IsZero(node) && node.Inputs.Any(i => i is not null && dependent.Contains(i)))
                missing.Add(Refused(node, "its operator has no gradient here"));
        }
        missing.Reverse();
        return missing;
    }
}
