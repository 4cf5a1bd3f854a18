using OnnxPriors.Graphs;
using OnnxPriors.Normalization.Upgrades.Vendor;

namespace OnnxPriors.Normalization.Upgrades.Standard;

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
    private static void Gelu(NodeUpgrade node) => node.FinishWith(node.Attributes.String("approximate", "none") == "tanh"
        ? FusedOperators.FastGelu(node.B, node.Input(0))
        : FusedOperators.Gelu(node.B, node.Input(0)));

    /// <summary>x · sigmoid(αx) (opset 24).</summary>
    private static void Swish(NodeUpgrade node) => node.FinishWith(Swished(node));

    private static Value Swished(NodeUpgrade node) =>
        node.Input(0) * node.B.Sigmoid(node.Input(0) * node.Attributes.Float("alpha", 1));

    /// <summary>x/√(mean(x²) + ε) · scale over the axes from one on (opset 23).</summary>
    private static void RmsNormalization(NodeUpgrade node) =>
        node.FinishWith(VendorNormalisation.RootMeanSquare(node, node.Input(0), node.Input(1), node.Attributes.Float("epsilon", 1e-5f)).Normal);
}
