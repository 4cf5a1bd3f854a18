namespace OnnxPriors.Graphs;

// Matrix products, convolutions, pooling and normalisation. The specification of each is the page of the same name among the ONNX operators.
#pragma warning disable CS1591 // The names are the operators'; one comment a line would only repeat them.
public sealed partial class GraphBuilder
{
    public Value MatMul(Value a, Value b) => Apply("MatMul", [a, b]);

    public Value Gemm(Value a, Value b, Value? c = null, bool transposeA = false, bool transposeB = false, double alpha = 1, double beta = 1) =>
        Apply("Gemm", c is null ? [a, b] : [a, b, c],
            Attributes.None.With("transA", transposeA).With("transB", transposeB).With("alpha", alpha).With("beta", beta));

    public Value Einsum(string equation, params ReadOnlySpan<Value> inputs) => Apply("Einsum", inputs!, Attributes.None.With("equation", equation));

    public Value Conv(Value x, Value kernel, Value? bias, Attributes attributes) => Apply("Conv", bias is null ? [x, kernel] : [x, kernel, bias], attributes);

    public Value ConvTranspose(Value x, Value kernel, Value? bias, Attributes attributes) =>
        Apply("ConvTranspose", bias is null ? [x, kernel] : [x, kernel, bias], attributes);

    public Value MaxPool(Value x, Attributes attributes) => Apply("MaxPool", [x], attributes);

    public (Value Output, Value Indices) MaxPoolWithIndices(Value x, Attributes attributes)
    {
        var both = Emit("MaxPool", [x], attributes, 2);
        return (both[0], both[1]);
    }

    public Value AveragePool(Value x, Attributes attributes) => Apply("AveragePool", [x], attributes);

    public Value GlobalAveragePool(Value x) => Apply("GlobalAveragePool", [x]);

    public Value BatchNormalization(Value x, Value scale, Value bias, Value mean, Value variance, double epsilon) =>
        Apply("BatchNormalization", [x, scale, bias, mean, variance], Attributes.None.With("epsilon", epsilon));
}
