namespace OnnxPriors.Priors;

/// <summary>Eigenvalues and eigenvectors of small symmetric matrices in float64 by cyclic Jacobi rotations (Golub and Van Loan, 'Matrix Computations', algorithm 8.5.3).</summary>
internal static class SymmetricEigen
{
    private const int MostSweeps = 60;

    /// <summary>Decomposes a matrix.</summary>
    /// <param name="matrix">A symmetric matrix [N, N] of finite numbers; it is left as it is.</param>
    /// <returns>The eigenvalues, largest first, and their orthonormal eigenvectors as the rows of a matrix [N, N].</returns>
    /// <exception cref="ArithmeticException">A number is not finite.</exception>
    public static (double[] Values, double[][] Vectors) Of(double[,] matrix)
    {
        var n = matrix.GetLength(0);
        var a = (double[,])matrix.Clone();
        var vectors = new double[n][];
        for (var i = 0; i < n; i++)
            (vectors[i] = new double[n])[i] = 1;
        var scale = 0.0;
        foreach (var value in a)
            scale += double.IsFinite(value) ? value * value : throw new ArithmeticException("The matrix is not finite.");
        for (var sweep = 0; sweep < MostSweeps && OffDiagonal(a) > 1e-32 * scale; sweep++)
            for (var p = 0; p < n; p++)
                for (var q = p + 1; q < n; q++)
                    Rotate(a, vectors, p, q);
        int[] order = [.. Enumerable.Range(0, n).OrderByDescending(i => a[i, i])];
        return ([.. order.Select(i => a[i, i])], [.. order.Select(i => vectors[i])]);
    }

    private static double OffDiagonal(double[,] a)
    {
        var sum = 0.0;
        for (var p = 0; p < a.GetLength(0); p++)
            for (var q = p + 1; q < a.GetLength(0); q++)
                sum += a[p, q] * a[p, q];
        return sum;
    }

    private static void Rotate(double[,] a, double[][] vectors, int p, int q)
    {
        if (a[p, q] == 0)
            return;
        var theta = (a[q, q] - a[p, p]) / (2 * a[p, q]);
        var t = theta >= 0 ? 1 / (theta + Math.Sqrt(1 + theta * theta)) : -1 / (-theta + Math.Sqrt(1 + theta * theta));
        var c = 1 / Math.Sqrt(1 + t * t);
        var s = t * c;
        for (var k = 0; k < vectors.Length; k++)
            (a[k, p], a[k, q]) = (c * a[k, p] - s * a[k, q], s * a[k, p] + c * a[k, q]);
        for (var k = 0; k < vectors.Length; k++)
        {
            (a[p, k], a[q, k]) = (c * a[p, k] - s * a[q, k], s * a[p, k] + c * a[q, k]);
            (vectors[p][k], vectors[q][k]) = (c * vectors[p][k] - s * vectors[q][k], s * vectors[p][k] + c * vectors[q][k]);
        }
    }
}
