using static TorchSharp.torch;

namespace OnnxPriors.Torch.Operators;

/// <summary>Matrix products and what is made of them.</summary>
internal static class Products
{
    public static OperatorTable Table { get; } = new()
    {
        { "MatMul", c => Multiply(c[0], c[1]) },
        { "Gemm", Gemm },
        { "Einsum", c => einsum(c.Attributes.String("equation"), [.. c.All]) },
        { "Det", c => c[0].det() },
    };

    /// <summary>
    /// The product of matrices, stacks of them, or vectors, as NumPy's matmul. TorchSharp's own does not catch libtorch's errors and would
    /// end the process, so what libtorch would refuse is refused here.
    /// </summary>
    /// <param name="a">The left factor [..., n, k].</param>
    /// <param name="b">The right factor [..., k, m].</param>
    /// <exception cref="ArgumentException">The factors are scalars, of different types, or do not fit.</exception>
    public static Tensor Multiply(Tensor a, Tensor b)
    {
        if (a.dim() == 0 || b.dim() == 0) throw new ArgumentException("a scalar is no matrix");
        if (a.dtype != b.dtype) throw new ArgumentException($"the factors are of types {a.dtype} and {b.dtype}");
        long inner = b.shape[b.dim() == 1 ? 0 : b.dim() - 2];
        if (a.shape[^1] != inner) throw new ArgumentException($"the inner extents {a.shape[^1]} and {inner} differ");
        for (var i = 3; i <= Math.Min(a.dim(), b.dim()); i++)
            if (a.shape[^i] != b.shape[^i] && a.shape[^i] != 1 && b.shape[^i] != 1)
                throw new ArgumentException($"the stacks' extents {a.shape[^i]} and {b.shape[^i]} do not broadcast");
        return a.matmul(b);
    }

    private static Tensor Gemm(Call call)
    {
        var a = call.Attributes.Flag("transA") ? call[0].t() : call[0];
        var b = call.Attributes.Flag("transB") ? call[1].t() : call[1];
        double alpha = call.Attributes.Float("alpha", 1f), beta = call.Attributes.Float("beta", 1f);
        var product = Multiply(a, b);
        if (alpha != 1) product = (product * alpha).to(product.dtype);
        if (call.Optional(2) is not { } c || beta == 0) return product;
        return product + (beta == 1 ? c : (c * beta).to(product.dtype));
    }
}
