using OnnxPriors.Graphs;
using OnnxPriors.Normalization.Upgrades;

namespace OnnxPriors.Normalization.ControlFlow;

/// <summary>How far the loops of a model are written out: iterations for each loop, and nodes for all of them, inner loops included.</summary>
/// <param name="context">What the passes share, with what is used up.</param>
internal sealed class UnrollBudget(NormalizationContext context)
{
    /// <summary>The nodes that all iterations of all loops may come to.</summary>
    public const int MaxNodes = 200_000;

    private int iterations;

    /// <summary>Takes one iteration.</summary>
    /// <exception cref="UnsupportedNodeException">There are too many.</exception>
    public void Take(Graph body)
    {
        if (++iterations > context.Options.UnrollLimit)
            throw NodeUpgrade.Refuse(
                $"it runs for more than {context.Options.UnrollLimit} iterations", "Allow more with --unroll, bind an input that shortens it, or export the model without the loop");
        context.UnrolledNodes += Math.Max(1, body.Nodes.Length);
        if (context.UnrolledNodes > MaxNodes)
            throw NodeUpgrade.Refuse($"the loops of the model come to more than {MaxNodes} nodes", "Bind an input that shortens them, or export the model without loops");
    }
}
