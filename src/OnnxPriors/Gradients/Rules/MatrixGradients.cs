using OnnxPriors.Graphs;

namespace OnnxPriors.Gradients.Rules;

/// <summary>Matrix products.</summary>
internal static class MatrixGradients
{
    public static IReadOnlyDictionary<string, GradientRule> Rules { get; } = new Dictionary<string, GradientRule>(StringComparer.Ordinal)
    {
        ["MatMul"] = MatMul,
        ["Gemm"] = Gemm,
        ["Einsum"] = EinsumGradient.Rule,
        ["Det"] = c => c.Give(0, () => c.B.Unsqueeze(c.Dy(), [-1, -2]) * Cofactors(c)),
    };

    // Y = αA′B′ + βC with A′, B′ transposed where the flags say so: dA′ = α dY B′ᵀ, dB′ = α A′ᵀ dY.
    private static void Gemm(GradientCall c)
    {
        var (b, dy) = (c.B, c.Dy());
        var (transA, transB, alpha) = (c.Attributes.Flag("transA"), c.Attributes.Flag("transB"), (double)c.Attributes.Float("alpha", 1));
        c.Give(0, () => transA ? b.Gemm(c.X(1), dy, null, transB, true, alpha) : b.Gemm(dy, c.X(1), null, false, !transB, alpha));
        c.Give(1, () => transB ? b.Gemm(dy, c.X(0), null, true, transA, alpha) : b.Gemm(c.X(0), dy, null, !transA, false, alpha));
        c.Give(2, () => dy * c.Attributes.Float("beta", 1));
    }

    private static void MatMul(GradientCall c)
    {
        var (b, dy, left, right) = (c.B, c.Dy(), c.X(0), c.X(1));
        // A vector is a matrix of one row on the left, of one column on the right; the result lacks that axis.
        var a = left.Rank == 1 ? b.Unsqueeze(left, 0) : left;
        var w = right.Rank == 1 ? b.Unsqueeze(right, 1) : right;
        if (right.Rank == 1)
            dy = b.Unsqueeze(dy, -1);
        if (left.Rank == 1)
            dy = b.Unsqueeze(dy, -2);
        c.Give(0, () =>
        {
            var da = a.Rank == 2 && w.Rank == 2 ? b.Gemm(dy, w, transposeB: true) : b.MatMul(dy, b.TransposeMatrix(w));
            return left.Rank == 1 ? b.Squeeze(da, -2) : da;
        });
        c.Give(1, () =>
        {
            // One matrix for all rows of a batch: one product, not one for each and a sum.
            var dw = w.Rank == 2 ? b.Gemm(Rows(b, a), Rows(b, dy), transposeA: true) : b.MatMul(b.TransposeMatrix(a), dy);
            return right.Rank == 1 ? b.Squeeze(dw, -1) : dw;
        });
    }

    private static Value Rows(GraphBuilder b, Value x) => x.Rank == 2 ? x : b.Reshape(x, b.Join(b.Ints(-1), b.Extent(x, x.Rank - 1)));

    // (−1)^(i+j) times the determinant without row i and column j: right for singular matrices too.
    private static Value Cofactors(GradientCall c)
    {
        var (b, x) = (c.B, c.X());
        if (x.Shape![x.Rank - 1].Value is not { } n)
            throw c.Refuse("the number of its rows is not fixed");
        if (n == 1)
            return b.FilledLike(x, 1);
        long[] others = [.. Enumerable.Range(0, (int)n).SelectMany(i => Enumerable.Range(0, (int)n).Where(k => k != i)).Select(k => (long)k)];
        var indices = b.Constant(TensorData.Of(others, n, n - 1));
        // […, n, n − 1, n, n − 1]: which row is left out, the other rows, which column, the other columns.
        var minors = b.Gather(b.Gather(x, indices, x.Rank - 2), indices, x.Rank);
        long[] order = [.. Enumerable.Range(0, x.Rank - 2), x.Rank - 2, x.Rank, x.Rank - 1, x.Rank + 1];
        var signs = TensorData.Of(Enumerable.Range(0, (int)(n * n)).Select(i => (i / n + i % n) % 2 == 0 ? 1.0 : -1.0).ToArray(), n, n).ConvertTo(x.Type);
        return b.Apply("Det", [b.Transpose(minors, order)]) * b.Constant(signs);
    }
}
