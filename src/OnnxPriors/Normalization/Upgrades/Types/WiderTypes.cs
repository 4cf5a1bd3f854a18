using OnnxPriors.Graphs;

namespace OnnxPriors.Normalization.Upgrades.Types;

/// <summary>
/// Integer types that the specification allows and ONNX Runtime's CPU provider has no kernel for: computed in a wider type, which holds
/// every result that the narrow one does. Text, which no type here holds, is refused.
/// </summary>
internal static class WiderTypes
{
    public static IEnumerable<UpgradeRule> Rules =>
    [
        UpgradeRule.Always("BitShift", node => Compute(node, ElementType.UInt32, ElementType.UInt16)),
        .. from op in (string[])["Max", "Min", "Clip"]
           select UpgradeRule.Always(op, node => Compute(node, ElementType.Int32, ElementType.Int16, ElementType.UInt16)),
        UpgradeRule.Always("Pow", node =>
        {
            if (node.Input(1).Type is ElementType.UInt8 or ElementType.Int8 or ElementType.UInt16 or ElementType.Int16 or ElementType.UInt32 or ElementType.UInt64)
                node.SetInput(1, node.B.Cast(node.Input(1), ElementType.Int64));
        }),
        UpgradeRule.Always("Cast", node =>
        {
            if ((ElementType)node.Attributes.Int("to") == ElementType.String || node.Input(0).Type == ElementType.String)
                throw NodeUpgrade.Refuse("text is not numbers", "Convert between text and numbers outside of the model");
        }),
        UpgradeRule.Always("TfIdfVectorizer", node =>
        {
            if (node.Attributes.Has("pool_strings"))
                throw NodeUpgrade.Refuse("text is not numbers", "Prepare the text outside of the model: give it numbers of words");
        }),
    ];

    private static void Compute(NodeUpgrade node, ElementType wide, params ReadOnlySpan<ElementType> narrow)
    {
        var type = node.Input(0).Type;
        if (!narrow.Contains(type))
            return;
        var b = node.B;
        var result = b.Apply(node.Op, [.. node.Inputs.Select(i => i is null ? null : b.Cast(i, wide))], node.Attributes);
        node.Finish("Cast", [result], Attributes.None.With("to", type));
    }
}
