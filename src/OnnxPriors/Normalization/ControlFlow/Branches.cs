using OnnxPriors.Graphs;

namespace OnnxPriors.Normalization.ControlFlow;

/// <summary>If (ONNX 1, 11, 13, 16, 19): where the condition folds, the node is its branch; the branch reads the values around it by reference.</summary>
internal static class Branches
{
    public static void Take(Node node, InlineScope scope)
    {
        var condition = scope.Tensor(node, 0);
        if (InlineScope.Number(condition) is not { } chosen)
            throw UnfoldedInputs.Refuse("its condition", condition);
        var branch = InlineScope.Body(node, chosen != 0 ? "then_branch" : "else_branch", 0);
        if (branch.Outputs.Length < node.Outputs.Length)
            throw new GraphException($"A branch of {node.Title} has {branch.Outputs.Length} outputs where the node has {node.Outputs.Length}.");
        scope.Walk(branch);
        // All are read before any is set: a branch may hand on what an output's name stood for.
        Item[] results = [.. branch.Outputs.Take(node.Outputs.Length).Select(scope.Get)];
        for (var i = 0; i < results.Length; i++)
            scope.Set(node.Outputs[i], results[i]);
    }
}
