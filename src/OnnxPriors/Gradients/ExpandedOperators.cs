namespace OnnxPriors.Gradients;

/// <summary>
/// Operators outside the canonical opset, or written in others by normalisation, whose gradient is that of what becomes of them. Each is tried as such; one
/// that is not, is not here.
/// </summary>
public static class ExpandedOperators
{
    private const string Microsoft = "com.microsoft";

    /// <summary>The operators, by domain and name.</summary>
    public static IReadOnlyCollection<(string Domain, string Op)> All { get; } = new HashSet<(string, string)>(
    [
        .. ((string[])
        [
            "Affine", "AffineGrid", "Attention", "CausalConvWithState", "Crop", "CumProd", "DeformConv", "DequantizeLinear", "DynamicSlice", "Gelu",
            "ImageScaler", "LinearAttention", "ParametricSoftplus", "QuantizeLinear", "RMSNormalization", "RotaryEmbedding", "Scale", "ScaledTanh",
            "Scatter", "SimplifiedLayerNormalization", "SwiGLU", "Swish", "TensorScatter", "Upsample",
        ]).Select(op => ("", op)),
        .. ((string[])
        [
            "Attention", "BiasGelu", "BiasSoftmax", "DynamicQuantizeMatMul", "EmbedLayerNormalization", "FastGelu", "FusedConv", "FusedGemm", "FusedMatMul",
            "FusedMatMulActivation", "GatherND", "Gelu", "GridSample", "GroupNorm", "GroupQueryAttention", "LayerNormalization", "MatMulNBits", "MultiHeadAttention",
            "NhwcConv", "Pad", "QuickGelu", "RotaryEmbedding", "SimplifiedLayerNormalization", "SkipLayerNormalization", "SkipSimplifiedLayerNormalization", "TransposeMatMul",
            "Trilu",
        ]).Select(op => (Microsoft, op)),
        ("ai.onnx.preview", "FlexAttention"),
    ]);
}
