using OnnxPriors.Graphs;

namespace OnnxPriors.Tests.Normalization.Newer;

/// <summary>Numbers in few bits: quantisation in the forms of opset 21 and newer, of the runtime's quantiser, and bits read as another type.</summary>
internal static partial class NewerForms
{
    private static IEnumerable<OperatorForm> Quantised()
    {
        const string ms = "com.microsoft.";
        return
        [
            new("to 16 bits", 21, "QuantizeLinear", "x:3x4 =s =z") { Given = { ["s"] = Scale(0.001f), ["z"] = Zero(30000, ElementType.UInt16) } },
            new("to the type of an attribute", 21, "QuantizeLinear", "x:3x4 =s", ("output_dtype", ElementType.Int16)) { Given = { ["s"] = Scale(0.001f) } },
            new("to signed 8 bits by an attribute", 21, "QuantizeLinear", "x:3x4 =s", ("output_dtype", ElementType.Int8)) { Given = { ["s"] = Scale(0.02f) } },
            new("in blocks", 21, "QuantizeLinear", "x:3x7 s:3x3 =z", ("axis", 1), ("block_size", 3)) { IsPositive = true, Given = { ["z"] = new TensorData(ElementType.UInt8, [3, 3], (byte[])[1, 2, 3, 4, 5, 6, 7, 8, 9]) } },
            new("in blocks along the first axis", 21, "QuantizeLinear", "x:5x2 s:3x2", ("axis", 0), ("block_size", 2), ("output_dtype", ElementType.Int16)) { IsPositive = true },
            new("of 16 bits", 21, "DequantizeLinear", "x =s =z") { Given = { ["x"] = TensorData.Vector(-300, 20000, 5).ConvertTo(ElementType.Int16), ["s"] = Scale(0.01f), ["z"] = Zero(7, ElementType.Int16) } },
            new("in blocks", 21, "DequantizeLinear", "x:u3x7 s:3x3", ("axis", -1), ("block_size", 3)),
            new("constants in blocks", 21, "DequantizeLinear", "=x:s6x4 =s:2x4 =z:s2x4", ("axis", 0), ("block_size", 3)),
            new("constants of 4 bits in blocks", 21, "DequantizeLinear", "=x =s", ("axis", 1), ("block_size", 4))
            {
                Given = { ["x"] = new TensorData(ElementType.Int4, [2, 6], (byte[])[1, 2, 3, 0xF8, 5, 6, 7, 0xFF, 0xFE, 3, 0, 4]), ["s"] = TensorData.Of([0.5f, 2, 1, 0.25f], 2, 2) },
                Formula = _ => [0.5, 1, 1.5, -4, 10, 12, 7, -1, -2, 3, 0, 1],
                Shape = [2, 6],
            },
            new("to 4 bits", 21, "QuantizeLinear", "x:1x4 =s =z")
            {
                Given = { ["x"] = TensorData.Of([-100f, 0.6f, 2.5f, 100], 1, 4), ["s"] = Scale(1), ["z"] = new TensorData(ElementType.Int4, [], (byte[])[1]) },
                Formula = _ => [-8, 2, 3, 7],
            },
            new("float32 as integers", 26, "BitCast", "x", ("to", ElementType.Int32)) { Given = { ["x"] = Strange() } },
            new("float32 as unsigned integers", 26, "BitCast", "x", ("to", ElementType.UInt32)) { Given = { ["x"] = Strange() } },
            new("float64 as integers", 26, "BitCast", "x", ("to", ElementType.Int64)) { Given = { ["x"] = TensorData.Of([1.5, -0.0, double.Epsilon, double.MaxValue, -3e-310, double.NegativeInfinity], 6) } },
            new("integers as float32", 26, "BitCast", "x", ("to", ElementType.Float)) { Given = { ["x"] = TensorData.Vector(0, 1, 0x3F800000, -1082130432, 0x7F800000, 8388607, 8388608, -2147483648).ConvertTo(ElementType.Int32) } },
            new("integers as float64", 26, "BitCast", "x", ("to", ElementType.Double)) { Given = { ["x"] = TensorData.Vector(0, 1, 0x3FF8000000000000, unchecked((long)0xC008000000000000), 0x7FF0000000000000, 0x000FFFFFFFFFFFFF) } },
            new("bytes as signed ones", 26, "BitCast", "x:u3x4", ("to", ElementType.Int8)),
            new("signed numbers as unsigned ones", 26, "BitCast", "x", ("to", ElementType.UInt32)) { Given = { ["x"] = TensorData.Vector(-1, 5, int.MinValue).ConvertTo(ElementType.Int32) } },
            new("a sum", 13, ms + "QLinearAdd", "a:u2x4 =as =az b:u2x4 =bs =bz =ys =yz") { Given = Grids(), Tolerance = Exact },
            new("a product", 13, ms + "QLinearMul", "a:u2x4 =as =az b:u1x4 =bs =bz =ys =yz") { Given = Grids(), Tolerance = Exact },
            new("a sigmoid", 13, ms + "QLinearSigmoid", "a:u2x4 =as =az =ys =yz") { Given = Grids(), Tolerance = Exact },
            new("leaky", 13, ms + "QLinearLeakyRelu", "a:u2x4 =as =az =ys =yz", ("alpha", 0.2f)) { Given = Grids(), Tolerance = Exact },
            new("a mean over windows", 13, ms + "QLinearAveragePool", "a:u1x2x6x6 =as =az =ys =yz", ("kernel_shape", new long[] { 2, 3 })) { Given = Grids(), Tolerance = Step },
            new("a mean of channels at the end", 13, ms + "QLinearGlobalAveragePool", "a:u1x4x4x3 =as =az =ys =yz", ("channels_last", 1)) { Given = Grids(), Tolerance = Step },
            new("a join", 13, ms + "QLinearConcat", "=ys =yz a:u2x4 =as =az b:u2x3 =bs =bz", ("axis", 1)) { Given = Grids(), Tolerance = Step },
            new("quantised as it comes", 13, ms + "DynamicQuantizeMatMul", "x:3x8 =w:s8x4 =as _ c:4") { Given = Grids() },
            new("made float", 13, ms + "MatMulIntegerToFloat", "a:u3x8 =w:s8x4 =as =bs =az _ c:4") { Given = Grids() },
            new("as it is", 17, ms + "QAttention", "x:u2x4x12 =w:s12x36 =c:36 =as =bs _ =az _", ("num_heads", 3)) { Given = Grids() },
            new("looking back, over a past", 17, ms + "QAttention", "x:u2x4x12 =w:s12x36 =c:36 =as =bs _ =az _ p:2x2x3x2x4", ("num_heads", 3), ("unidirectional", 1)) { Given = Grids(), Outputs = "y z" },
            new("weights of 4 bits", 17, ms + "MatMulNBits", "x:2x32 =w:u3x2x8 =s:3x2", ("K", 32), ("N", 3), ("bits", 4), ("block_size", 16)),
            new("weights of 4 bits with zeros, and a part of a block", 17, ms + "MatMulNBits", "x:2x40 =w:u3x3x8 =s:3x3 =z:u3x2", ("K", 40), ("N", 3), ("bits", 4), ("block_size", 16)),
            new("weights of 8 bits", 17, ms + "MatMulNBits", "x:2x32 =w:u3x2x16 =s:3x2", ("K", 32), ("N", 3), ("bits", 8), ("block_size", 16)) { Tolerance = 1e-4 },
        ];
    }

    // A difference of one step of 255 would be 4e-3.
    private const double Exact = 1e-6;

    // The runtime's integer kernels round halves in their own way; one step of the result.
    private const double Step = 0.006;

    private static TensorData Scale(float value) => TensorData.Of([value], []);

    private static TensorData Zero(long value, ElementType type) => TensorData.Of([value], []).ConvertTo(type);

    private static TensorData Strange() =>
        TensorData.Of([1.5f, -2.75f, 0f, -0f, float.Epsilon, float.MaxValue, float.PositiveInfinity, float.NegativeInfinity, 1.17549435e-38f, -5.877e-39f, 8388609f], 11);

    private static Dictionary<string, TensorData> Grids() => new()
    {
        ["as"] = Scale(0.02f),
        ["az"] = Zero(110, ElementType.UInt8),
        ["bs"] = Scale(0.03f),
        ["bz"] = Zero(130, ElementType.UInt8),
        ["ys"] = Scale(0.025f),
        ["yz"] = Zero(120, ElementType.UInt8),
    };
}
