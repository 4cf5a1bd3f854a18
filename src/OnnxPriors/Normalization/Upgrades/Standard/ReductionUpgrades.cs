namespace OnnxPriors.Normalization.Upgrades.Standard;

/// <summary>Reductions: the axes became an input, of ReduceSum at opset 13 and of the others at 18.</summary>
internal static class ReductionUpgrades
{
    public static IEnumerable<UpgradeRule> Rules =>
    [
        UpgradeRule.Before(13, "ReduceSum", AxesToInput),
        .. from op in (string[])["ReduceMean", "ReduceMax", "ReduceMin", "ReduceProd", "ReduceL1", "ReduceL2", "ReduceLogSum", "ReduceLogSumExp", "ReduceSumSquare"]
           select UpgradeRule.Before(18, op, AxesToInput),
    ];

    private static void AxesToInput(NodeUpgrade node)
    {
        // An empty list meant all axes, as none does.
        if (node.Attributes.Ints("axes") is { Length: > 0 } axes)
            node.SetInput(1, node.B.Ints(axes));
        node.Attributes = node.Attributes.Without("axes");
    }
}
