namespace OnnxPriors.Graphs.Inference;

/// <summary>Operators to, from and on quantised integers. A result's integer type is that of its zero point.</summary>
internal static class QuantisedShapes
{
    public static IReadOnlyDictionary<string, ShapeRule> Rules { get; } = new Dictionary<string, ShapeRule>(StringComparer.Ordinal)
    {
        ["QuantizeLinear"] = c => c.Set(
            0, c.TryInput(2)?.Type ?? (ElementType)c.Attributes.Int("output_dtype", (long)ElementType.UInt8), c.ShapeOf(0)),
        ["DequantizeLinear"] = c => c.Set(0, c.Input(1).Type, c.ShapeOf(0)),
        ["DynamicQuantizeLinear"] = c =>
        {
            c.Set(0, ElementType.UInt8, c.ShapeOf(0));
            c.Set(1, ElementType.Float, Shape.Scalar);
            c.Set(2, ElementType.UInt8, Shape.Scalar);
        },
        ["MatMulInteger"] = c => c.Set(0, ElementType.Int32, MatrixShapes.Product(c.Input(0).Shape, c.Input(1).Shape)),
        ["QLinearMatMul"] = c => c.Set(0, c.Input(7).Type, MatrixShapes.Product(c.Input(0).Shape, c.Input(3).Shape)),
        ["ConvInteger"] = c => c.Set(0, ElementType.Int32, ConvolutionShapes.Convolved(c, c.Input(0), c.Input(1))),
        ["QLinearConv"] = c => c.Set(0, c.Input(7).Type, ConvolutionShapes.Convolved(c, c.Input(0), c.Input(3))),
    };
}
