using OnnxPriors.Graphs;

namespace OnnxPriors.Normalization.Upgrades.Vendor;

/// <summary>
/// Operators of com.microsoft that join a product or a sum to what follows it, as ONNX Runtime's optimizer leaves them in a file; each
/// is taken apart again.
/// </summary>
internal static class FusedOperators
{
    private const string Domain = "com.microsoft.";

    public static IEnumerable<UpgradeRule> Rules =>
    [
        UpgradeRule.Always(Domain + "Gelu", node => node.FinishWith(Gelu(node.B, node.Input(0)))),
        UpgradeRule.Always(Domain + "BiasGelu", node => node.FinishWith(Gelu(node.B, node.Input(0) + node.Input(1)))),
        UpgradeRule.Always(Domain + "FastGelu", node => node.FinishWith(FastGelu(node.B, node.TryInput(1) is { } bias ? node.Input(0) + bias : node.Input(0)))),
        UpgradeRule.Always(Domain + "QuickGelu", node => node.FinishWith(node.Input(0) * node.B.Sigmoid(node.Input(0) * node.Attributes.Float("alpha", 1.702f)))),
        UpgradeRule.Always(Domain + "FusedMatMul", node => node.FinishWith(Product(node))),
        UpgradeRule.Always(Domain + "TransposeMatMul", node => node.FinishWith(Product(node))),
        UpgradeRule.Always(Domain + "FusedMatMulActivation", node => node.FinishWith(Activated(node, Product(node)))),
        UpgradeRule.Always(Domain + "FusedGemm", node => node.FinishWith(Activated(node, node.B.Apply("Gemm", node.Inputs, Only(node, "alpha", "beta", "transA", "transB"))))),
        UpgradeRule.Always(Domain + "FusedConv", FusedConvolution),
        UpgradeRule.Always(Domain + "NhwcConv", ChannelsLastConvolution),
        UpgradeRule.Always(Domain + "BiasSoftmax", BiasSoftmax),
        // The same operators under another domain.
        .. from op in (string[])["Trilu", "GatherND", "Pad", "Range", "GridSample"] select UpgradeRule.Always(Domain + op, Standard),
    ];

    /// <summary>½x(1 + erf(x/√2)).</summary>
    public static Value Gelu(GraphBuilder b, Value x) => 0.5 * x * (b.Erf(x / Math.Sqrt(2)) + 1);

    /// <summary>½x(1 + tanh(√(2/π)(x + 0.044715x³))).</summary>
    public static Value FastGelu(GraphBuilder b, Value x) => 0.5 * x * (b.Tanh(Math.Sqrt(2 / Math.PI) * (x + 0.044715 * (x * x * x))) + 1);

    /// <summary>α · AB with either transposed: its last two axes, or its first axis and those of the batch.</summary>
    private static Value Product(NodeUpgrade node)
    {
        var a = Turned(node.Input(0), node.Attributes.Flag("transBatchA"), node.Attributes.Flag("transA"));
        var c = Turned(node.Input(1), node.Attributes.Flag("transBatchB"), node.Attributes.Flag("transB"));
        return node.B.MatMul(a, c) * node.Attributes.Float("alpha", 1);

        Value Turned(Value x, bool batch, bool matrix)
        {
            var rank = x.Rank;
            if (batch)
                x = node.B.Transpose(x, [.. Enumerable.Range(1, rank - 2).Select(i => (long)i), 0, rank - 1]);
            return matrix && rank > 1 ? node.B.TransposeMatrix(x) : x;
        }
    }

    /// <summary>activation(Conv(x) + z).</summary>
    private static void FusedConvolution(NodeUpgrade node)
    {
        var y = node.B.Apply("Conv", [node.Input(0), node.Input(1), node.TryInput(2)], Only(node, "auto_pad", "dilations", "group", "kernel_shape", "pads", "strides"));
        node.FinishWith(Activated(node, node.TryInput(3) is { } z ? y + z : y));
    }

    /// <summary>Conv of [N, …, C] with a kernel [M, …, C/groups], as the runtime's scripts for diffusion models write it.</summary>
    private static void ChannelsLastConvolution(NodeUpgrade node)
    {
        var (b, rank) = (node.B, node.ShapeOf(0).Rank);
        long[] first = [0, rank - 1, .. Enumerable.Range(1, rank - 2).Select(i => (long)i)];
        long[] last = [0, .. Enumerable.Range(2, rank - 2).Select(i => (long)i), 1];
        var y = b.Apply("Conv", [b.Transpose(node.Input(0), first), b.Transpose(node.Input(1), first), node.TryInput(2)], node.Attributes);
        node.FinishWith(b.Transpose(y, last));
    }

    /// <summary>Softmax over the axes from one on, of a sum in which the second term broadcasts from the front or from the back.</summary>
    private static void BiasSoftmax(NodeUpgrade node)
    {
        var b = node.B;
        var shape = node.ShapeOf(0);
        var axis = shape.Axis(node.Attributes.Int("axis", 1));
        var sum = node.Input(0) + node.Input(1);
        node.Finish("Reshape", [b.Softmax(b.Flatten(sum, axis)), b.ShapeOf(sum)]);
    }

    private static Value Activated(NodeUpgrade node, Value y)
    {
        var b = node.B;
        var numbers = node.Attributes.Floats("activation_params");
        return node.Attributes.String("activation") switch
        {
            "" => y,
            "Relu" or "Tanh" or "Sigmoid" or "Softplus" or "Softsign" => b.Apply(node.Attributes.String("activation"), [y]),
            "LeakyRelu" => b.Apply("LeakyRelu", [y], Attributes.None.With("alpha", Number("activation_alpha", 0, 0.01f))),
            "Elu" => b.Apply("Elu", [y], Attributes.None.With("alpha", Number("activation_alpha", 0, 1))),
            "HardSigmoid" => b.Apply("HardSigmoid", [y], Attributes.None.With("alpha", Number("activation_alpha", 0, 0.2f)).With("beta", Number("activation_beta", 1, 0.5f))),
            "Clip" => b.Clip(y, b.Scalar(Number("activation_alpha", 0, float.MinValue), y.Type), b.Scalar(Number("activation_beta", 1, float.MaxValue), y.Type)),
            "HardSwish" => y * b.Apply("HardSigmoid", [y], Attributes.None.With("alpha", 1f / 6).With("beta", 0.5f)),
            "Gelu" => Gelu(b, y),
            "QuickGelu" => y * b.Sigmoid(y * Number("activation_alpha", 0, 1.702f)),
            var other => throw NodeUpgrade.Refuse($"it is joined to the activation '{other}'", "Use the model as exported, before a runtime's optimizer"),
        };

        // A list of numbers for convolutions, attributes of their own for matrix products.
        float Number(string name, int place, float otherwise) =>
            numbers is not null && place < numbers.Length ? numbers[place] : node.Attributes.Float(name, otherwise);
    }

    private static void Standard(NodeUpgrade node)
    {
        if (node.Op == "GridSample")
            node.Attributes = node.Attributes.With("mode", node.Attributes.String("mode", "bilinear"));
        node.Finish(node.Op, node.Inputs, node.Attributes);
    }

    private static Attributes Only(NodeUpgrade node, params string[] names) =>
        node.Attributes.Without([.. node.Attributes.Names.Except(names)]);
}
