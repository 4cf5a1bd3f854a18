using OnnxPriors.Graphs;
using OnnxPriors.Graphs.Inference;
using OnnxPriors.Normalization.Upgrades;
using OnnxPriors.Onnx;

namespace OnnxPriors.Normalization.ControlFlow;

/// <summary>The operators that hold graphs, or pass something else than tensors: written out, so that canonical graphs know neither.</summary>
internal static class Structures
{
    private static readonly Dictionary<string, Action<Node, InlineScope>> Rules = new(Sequences.Rules, StringComparer.Ordinal)
    {
        ["If"] = Branches.Take,
        ["Loop"] = Loops.Unroll,
        ["Scan"] = Scans.Unroll,
    };

    /// <summary>The standard operators that are written out here.</summary>
    public static IReadOnlyCollection<string> Operators => Rules.Keys;

    /// <summary>Writes a node out if it is one of these, or one that hands on something else than a tensor.</summary>
    /// <returns>False for every other node.</returns>
    public static bool TryExpand(Node node, InlineScope scope)
    {
        if (node.Inputs.Any(i => i?.NotTensor == Value.Text))
            throw NodeUpgrade.Refuse("text is not numbers", "Prepare the text outside of the model, and export its network part alone");
        foreach (var input in node.Inputs)
            if (input is not null)
                _ = scope.Get(input);
        // What follows from something unsupported is unknown too; only the cause is worth telling.
        if (node.Domain.Length == 0 && Rules.TryGetValue(node.Op, out var rule))
        {
            if (node.Inputs.Any(i => i is not null && scope.Get(i) is TensorItem { Value.Producer.Domain: "unsupported" }))
                scope.Placeholders(node);
            else
                Expand(node, rule, scope);
            return true;
        }
        if (!node.Inputs.Any(i => i is not null && scope.Context.Structures.ContainsKey(i)))
            return false;
        if (node is not { Domain.Length: 0, Op: "Identity" })
            throw NodeUpgrade.Refuse("it takes a sequence or an optional value", "Export the model so that it passes tensors alone");
        scope.Set(node.Outputs[0], scope.Get(node.Input(0)));
        return true;
    }

    private static void Expand(Node node, Action<Node, InlineScope> rule, InlineScope scope)
    {
        try
        {
            rule(node, scope);
        }
        catch (UnsupportedNodeException)
        {
            // What is inside will not be walked; what of it is not supported either is told in the same go.
            foreach (var (_, value) in node.Attributes)
                if (value is Graph graph)
                    Survey(graph, scope.Context);
            throw;
        }
    }

    private static void Survey(Graph graph, NormalizationContext context)
    {
        foreach (var node in graph.Nodes)
        {
            if (node.Domain.Length == 0 && !Rules.ContainsKey(node.Op) && !ShapeInference.IsKnown(node.Domain, node.Op) && !UpgradeTables.For(node.Domain, node.Op, context.Opset).Any()
                && UnsupportedReasons.For(node, context) is var unsupported)
                context.Refuse(new(node.Op, node.Name.Length > 0 ? node.Name : node.Outputs.FirstOrDefault(o => o is not null)?.Name ?? "?", unsupported.Reason, unsupported.Advice));
            foreach (var (_, value) in node.Attributes)
                if (value is Graph inner)
                    Survey(inner, context);
        }
    }

    /// <summary>Refuses inputs and outputs of a model that are no tensors.</summary>
    public static void CheckEdges(Graph graph, InlineScope scope)
    {
        var context = scope.Context;
        foreach (var input in graph.Inputs)
            if (input.NotTensor is { } kind && !context.Unsupported.Any(u => u.Node == input.Name))
                context.Refuse(new("input", input.Name, $"it is {kind}", "Export the model so that its inputs are tensors"));
        foreach (var input in graph.Inputs)
            if (NarrowNumbers.Bits(input.Type) > 0)
                context.Refuse(new("input", input.Name, $"its type is {input.Type}, which no array has", "Export the model so that its inputs are floats or integers of 8 bits and more"));
        foreach (var output in graph.Outputs)
            if (output.NotTensor is { } kind && output.Kind == ValueKind.Input && !graph.Inputs.Contains(output))
                context.Refuse(new("output", output.Name, $"it is {kind}", "Export the model so that its outputs are tensors"));
            else if (!scope.IsMade(output))
                context.Refuse(new("output", output.Name, $"it is an output of {output.Producer?.Title ?? "a node"} that has no canonical form", "Export the model without that output"));
            else if (context.Structures.TryGetValue(output, out var item))
                context.Refuse(new("output", output.Name, item is SequenceItem ? "it is a sequence" : "it is an optional value", "Export the model so that its outputs are tensors"));
    }
}
