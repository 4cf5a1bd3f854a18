using OnnxPriors.Graphs;

namespace OnnxPriors.Normalization.Upgrades.Types;

/// <summary>
/// QuantizeLinear and DequantizeLinear in forms newer than the canonical opset: in blocks, of 2, 4 and 16 bits, with a type as an
/// attribute. Such a node is written out; quantised constants become the numbers they stand for.
/// </summary>
internal static class QuantisedUpgrades
{
    public static IEnumerable<UpgradeRule> Rules =>
    [
        UpgradeRule.Always("QuantizeLinear", Quantise),
        UpgradeRule.Always("DequantizeLinear", Dequantise),
        UpgradeRule.Always("com.microsoft.QuantizeLinear", Quantise),
        UpgradeRule.Always("com.microsoft.DequantizeLinear", Dequantise),
    ];

    /// <summary>The type of 8 bits that holds integers of fewer; any other type is its own.</summary>
    public static ElementType Wider(ElementType type) => type switch
    {
        ElementType.Int2 or ElementType.Int4 => ElementType.Int8,
        ElementType.UInt2 or ElementType.UInt4 => ElementType.UInt8,
        _ => type,
    };

    private static void Quantise(NodeUpgrade node)
    {
        var (b, a, x) = (node.B, node.Attributes, node.Input(0));
        var given = node.Node.TryInput(2)?.Type ?? ElementType.Undefined;
        var type = given != ElementType.Undefined ? given : node.TryInput(2)?.Type ?? (a.Int("output_dtype") is var t and not 0 ? (ElementType)t : ElementType.UInt8);
        if (type.IsFloating() || type is >= ElementType.Float8E4M3FN and <= ElementType.Float8E5M2FNUZ or ElementType.Float4E2M1 or ElementType.Float8E8M0)
            throw NodeUpgrade.Refuse("it makes floats of 4 or 8 bits", "Export the model with integers, or before it was quantised");
        var block = a.Int("block_size");
        if (block == 0 && type is ElementType.UInt8 or ElementType.Int8)
        {
            if (node.TryInput(2) is null && type == ElementType.Int8)
                node.SetInput(2, Filled(node, type));
            node.Finish("QuantizeLinear", node.Inputs, Attributes.None.With("axis", a.Int("axis", 1)));
            return;
        }
        var (low, high) = QuantisationGrid.Range(type);
        var scaled = x / b.Cast(Spread(node, node.Input(1)), x.Type);
        // To train, nothing is rounded, and what follows sees floats.
        var q = node.IsTraining ? scaled : b.Round(scaled);
        if (node.TryInput(2) is { } zero)
            q += b.Cast(Spread(node, zero), x.Type);
        q = b.Clip(q, b.Scalar(low, x.Type), b.Scalar(high, x.Type));
        node.FinishWith(node.IsTraining ? q : b.Cast(q, Wider(type)));
    }

    private static void Dequantise(NodeUpgrade node)
    {
        var (b, a, x, scale) = (node.B, node.Attributes, node.Input(0), node.Input(1));
        var (block, zero) = (a.Int("block_size"), node.TryInput(2));
        var result = a.Int("output_dtype") is var t and not 0 ? (ElementType)t : scale.Type;
        var isNarrow = node.Node.Input(0).Type is var type && Wider(type) != type;
        if (block == 0 && !isNarrow && x.Type is ElementType.UInt8 or ElementType.Int8 or ElementType.Int32 && (zero is null || zero.Type == x.Type))
        {
            var y = b.Emit("DequantizeLinear", node.Inputs, Attributes.None.With("axis", a.Int("axis", 1)), 1, [node.Node.Outputs[0]?.Name], node.Node.Name)[0];
            node.FinishWith(b.Cast(y, result));
            return;
        }
        if (x.Kind == ValueKind.Constant && GraphBuilder.TryEvaluate(scale) is { } s && (zero is null || GraphBuilder.TryEvaluate(zero) is not null))
        {
            var grid = new QuantisationGrid(x.Type, s, GraphBuilder.TryEvaluate(zero), a.Int("axis", 1), block);
            node.FinishWith(b.Cast(b.Parameter(x.Name, grid.Real(x.Data!)), result));
            return;
        }
        var wide = b.Cast(x, scale.Type);
        if (zero is not null)
            wide -= b.Cast(Spread(node, zero), scale.Type);
        node.FinishWith(b.Cast(wide * Spread(node, scale), result));
    }

    private static Value Filled(NodeUpgrade node, ElementType type) => node.B.Filled(node.B.ShapeOf(node.Input(1)), 0, type);

    /// <summary>A scale or zero point for each element: as it is for all, along its axis, or each repeated over its block.</summary>
    private static Value Spread(NodeUpgrade node, Value parameter)
    {
        var b = node.B;
        if (parameter.Shape is not { } shape)
            throw NodeUpgrade.Refuse("the shape of its scale is not known", "Give the model's inputs fixed shapes");
        if (shape.Elements.Value == 1)
            return b.Reshape(parameter, b.Ints());
        var rank = node.ShapeOf(0).Rank;
        var axis = node.ShapeOf(0).Axis(node.Attributes.Int("axis", 1));
        var block = node.Attributes.Int("block_size");
        if (block == 0)
            return b.Reshape(parameter, [.. Enumerable.Range(0, rank).Select(i => i == axis ? -1L : 1L)]);
        var counts = new long[rank + 1];
        Array.Fill(counts, 1);
        counts[axis + 1] = block;
        var repeated = b.Expand(b.Unsqueeze(parameter, axis + 1), b.Ints(counts));
        List<Value> target = [b.ShapeOf(parameter, axis, axis + 1) * b.Ints(block)];
        if (axis > 0)
            target.Insert(0, b.ShapeOf(parameter, 0, axis));
        if (axis + 1 < rank)
            target.Add(b.ShapeOf(parameter, axis + 1, rank));
        return b.Slice(b.Reshape(repeated, b.Concat(target, 0)), b.Ints(0), b.ShapeOf(node.Input(0), axis, axis + 1), b.Ints(axis));
    }
}
