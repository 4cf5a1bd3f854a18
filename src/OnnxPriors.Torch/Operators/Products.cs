using static TorchSharp.torch;

namespace OnnxPriors.Torch.Operators;

/// <summary>Matrix products and what is made of them.</summary>
internal static class Products
{
    public static OperatorTable Table { get; } = new()
    {
        { "MatMul", c => c[0].matmul(c[1]) },
        { "Gemm", Gemm },
        { "Einsum", c => einsum(c.Attributes.String("equation"), [.. c.All]) },
        { "Det", c => c[0].det() },
    };

    private static Tensor Gemm(Call call)
    {
        var a = call.Attributes.Flag("transA") ? call[0].t() : call[0];
        var b = call.Attributes.Flag("transB") ? call[1].t() : call[1];
        double alpha = call.Attributes.Float("alpha", 1f), beta = call.Attributes.Float("beta", 1f);
        var product = a.matmul(b);
        if (alpha != 1) product = (product * alpha).to(product.dtype);
        if (call.Optional(2) is not { } c || beta == 0) return product;
        return product + (beta == 1 ? c : (c * beta).to(product.dtype));
    }
}
