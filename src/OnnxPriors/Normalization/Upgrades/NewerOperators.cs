using OnnxPriors.Graphs;

namespace OnnxPriors.Normalization.Upgrades;

/// <summary>Operators newer than the canonical opset, written in older ones by the bodies that the specification gives them.</summary>
internal static class NewerOperators
{
    public static IEnumerable<UpgradeRule> Rules =>
    [
        UpgradeRule.Always("Gelu", Gelu),
        UpgradeRule.Always("Swish", Swish),
        UpgradeRule.Always("SwiGLU", node => node.Finish("Mul", [Swished(node), node.Input(1)])),
        UpgradeRule.Always("Mish", node => node.Finish("Mul", [node.Input(0), node.B.Tanh(node.B.Softplus(node.Input(0)))])),
        UpgradeRule.Always("HardSwish", node =>
            node.Finish("Mul", [node.Input(0), node.B.Apply("HardSigmoid", [node.Input(0)], Attributes.None.With("alpha", 1.0 / 6).With("beta", 0.5))])),
        UpgradeRule.Always("RMSNormalization", RmsNormalization),
    ];

    /// <summary>½x(1 + erf(x/√2)), or with a tanh (opset 20).</summary>
    private static void Gelu(NodeUpgrade node)
    {
        var x = node.Input(0);
        var inner = node.Attributes.String("approximate", "none") == "tanh"
            ? node.B.Tanh(Math.Sqrt(2 / Math.PI) * (x + 0.044715 * (x * x * x)))
            : node.B.Erf(x / Math.Sqrt(2));
        node.Finish("Mul", [0.5 * x, inner + 1]);
    }

    /// <summary>x · sigmoid(αx) (opset 24).</summary>
    private static void Swish(NodeUpgrade node) => node.FinishWith(Swished(node));

    private static Value Swished(NodeUpgrade node) =>
        node.Input(0) * node.B.Sigmoid(node.Input(0) * node.Attributes.Float("alpha", 1));

    /// <summary>x/√(mean(x²) + ε) · scale over the axes from one on (opset 23).</summary>
    private static void RmsNormalization(NodeUpgrade node)
    {
        var x = node.Input(0);
        var first = x.Shape is { } shape ? shape.Axis(node.Attributes.Int("axis", -1))
            : throw NodeUpgrade.Refuse("the number of axes is not known", "Give the model's inputs fixed shapes");
        long[] axes = [.. Enumerable.Range(first, x.Rank - first).Select(i => (long)i)];
        var mean = node.B.ReduceMean(x * x, axes);
        node.Finish("Mul", [x / node.B.Sqrt(mean + node.Attributes.Float("epsilon", 1e-5f)), node.Input(1)]);
    }
}
