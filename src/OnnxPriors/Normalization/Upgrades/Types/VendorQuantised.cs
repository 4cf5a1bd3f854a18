using OnnxPriors.Graphs;

namespace OnnxPriors.Normalization.Upgrades.Types;

/// <summary>
/// Operators of com.microsoft on quantised integers, as ONNX Runtime's quantiser writes them: between a DequantizeLinear of each operand
/// and a QuantizeLinear of the result stands the operator on floats.
/// </summary>
internal static class VendorQuantised
{
    private const string Domain = "com.microsoft.";

    public static IEnumerable<UpgradeRule> Rules =>
    [
        UpgradeRule.Always(Domain + "QLinearAdd", node => Result(node, Real(node, 0) + Real(node, 3), 6)),
        UpgradeRule.Always(Domain + "QLinearMul", node => Result(node, Real(node, 0) * Real(node, 3), 6)),
        UpgradeRule.Always(Domain + "QLinearSigmoid", node => Result(node, node.B.Sigmoid(Real(node, 0)), 3)),
        UpgradeRule.Always(Domain + "QLinearLeakyRelu", node => Result(node, node.B.Apply("LeakyRelu", [Real(node, 0)], node.Attributes), 3)),
        UpgradeRule.Always(Domain + "QLinearSoftmax", Softmax),
        UpgradeRule.Always(Domain + "QLinearAveragePool", node => Pool(node, "AveragePool")),
        UpgradeRule.Always(Domain + "QLinearGlobalAveragePool", node => Pool(node, "GlobalAveragePool")),
        UpgradeRule.Always(Domain + "QLinearConcat", Concat),
        UpgradeRule.Always(Domain + "DynamicQuantizeMatMul", DynamicProduct),
        UpgradeRule.Always(Domain + "MatMulIntegerToFloat", IntegerProduct),
        UpgradeRule.Always(Domain + "MatMulNBits", NarrowProduct),
    ];

    private static Value Real(NodeUpgrade node, int input) =>
        node.B.Apply("DequantizeLinear", [node.Input(input), node.Input(input + 1), node.TryInput(input + 2)]);

    private static void Result(NodeUpgrade node, Value y, int scale) =>
        node.Finish("QuantizeLinear", [y, node.Input(scale), node.TryInput(scale + 1) ?? node.B.Filled(node.B.Ints(), 0, node.Input(0).Type)]);

    private static void Softmax(NodeUpgrade node)
    {
        var b = node.B;
        var x = Real(node, 0);
        var axis = x.Shape is { } shape ? shape.Axis(node.Attributes.Int("axis", -1)) : throw NodeUpgrade.Refuse("the number of axes is not known", "Give the model's inputs fixed shapes");
        // Before opset 13 all axes from that one on count as one.
        Result(node, node.Attributes.Int("opset") < 13 ? b.Reshape(b.Softmax(b.Flatten(x, axis)), b.ShapeOf(x)) : b.Softmax(x, axis), 3);
    }

    private static void Pool(NodeUpgrade node, string op)
    {
        var b = node.B;
        var isLast = node.Attributes.Flag("channels_last");
        var x = Real(node, 0);
        var rank = x.Rank;
        if (isLast)
            x = b.Transpose(x, [0, rank - 1, .. Enumerable.Range(1, rank - 2).Select(i => (long)i)]);
        var y = b.Apply(op, [x], node.Attributes.Without("channels_last"));
        Result(node, isLast ? b.Transpose(y, [0, .. Enumerable.Range(2, rank - 2).Select(i => (long)i), 1]) : y, 3);
    }

    /// <summary>The result's scale and zero point come first, then each part with its own.</summary>
    private static void Concat(NodeUpgrade node)
    {
        List<Value> parts = [];
        for (var i = 2; i < node.Inputs.Length; i += 3)
            parts.Add(Real(node, i));
        Result(node, node.B.Concat(parts, node.Attributes.Int("axis")), 0);
    }

    /// <summary>A is quantised as it comes; the product with integer weights becomes float again, plus a bias.</summary>
    private static void DynamicProduct(NodeUpgrade node)
    {
        var b = node.B;
        var quantised = b.Emit("DynamicQuantizeLinear", [node.Input(0)], outputs: 3);
        Rescaled(node, quantised[0], quantised[2], node.Input(1), node.TryInput(3), quantised[1] * node.Input(2), node.TryInput(4));
    }

    private static void IntegerProduct(NodeUpgrade node) =>
        Rescaled(node, node.Input(0), node.TryInput(4), node.Input(1), node.TryInput(5), node.Input(2) * node.Input(3), node.TryInput(6));

    private static void Rescaled(NodeUpgrade node, Value a, Value? zeroA, Value w, Value? zeroW, Value scale, Value? bias)
    {
        var b = node.B;
        var y = b.Cast(b.Apply("MatMulInteger", [a, w, zeroA, zeroW]), ElementType.Float) * scale;
        node.FinishWith(bias is null ? y : y + bias);
    }

    /// <summary>
    /// Weights [N, K] in blocks along K of 2, 4 or 8 bits, packed from the lowest bit of each byte on, with a scale for each block and
    /// the middle of the range as zero where none is given: A times the float weights.
    /// </summary>
    private static void NarrowProduct(NodeUpgrade node)
    {
        var (b, a) = (node.B, node.Attributes);
        var (columns, depth, block, bits) = (a.Int("N"), a.Int("K"), a.Int("block_size"), a.Int("bits", 4));
        if (node.TryInput(4) is not null || (node.TryInput(3)?.Type.IsFloating() ?? false))
            throw NodeUpgrade.Refuse("its groups are permuted or its zero points are floats", "Export the model before it was quantised");
        if (columns < 1 || depth < 1 || block < 1 || bits is not (2 or 4 or 8))
            throw new GraphException($"{node.Node.Title} gives its weights the shape [{columns}, {depth}] in blocks of {block} with {bits} bits.");
        var (packed, scales) = (node.Constant(1, "its packed weights"), node.Constant(2, "the scales of its weights").ToDouble());
        var zeros = node.TryInput(3) is null ? (ReadOnlyMemory<byte>?)null : node.Constant(3, "the zero points of its weights").Bytes;
        var blocks = (depth + block - 1) / block;
        var (perBlock, perRow) = (block * bits / 8, (blocks * bits + 7) / 8);
        if (packed.Length != columns * blocks * perBlock || scales.Length != columns * blocks || (zeros is { } z && z.Length != columns * perRow))
            throw new GraphException($"{node.Node.Title} holds {packed.Length} bytes and {scales.Length} scales, which do not fit [{columns}, {depth}] in blocks of {block}.");
        var weights = new float[checked((int)(depth * columns))];
        for (var n = 0L; n < columns; n++)
            for (var k = 0L; k < depth; k++)
            {
                var group = n * blocks + k / block;
                var zero = zeros is { } given ? Code(given.Span, n * perRow, k / block) : 1 << (int)(bits - 1);
                weights[k * columns + n] = (float)((Code(packed.Bytes.Span, group * perBlock, k % block) - zero) * scales[group]);
            }
        var y = b.MatMul(node.Input(0), b.Parameter(node.Input(1).Name, TensorData.Of(weights, depth, columns)));
        node.FinishWith(node.TryInput(5) is { } bias ? y + bias : y);

        int Code(ReadOnlySpan<byte> bytes, long start, long place) => bytes[(int)(start + place * bits / 8)] >> (int)(place * bits % 8) & ((1 << (int)bits) - 1);
    }
}
