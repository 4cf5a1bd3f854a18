namespace OnnxPriors.Priors;

/// <summary>Cholesky's factorisation of small symmetric matrices in float64 (Golub and Van Loan, 'Matrix Computations', algorithm 4.2.1).</summary>
internal static class Cholesky
{
    /// <summary>The lower triangular C [K, K] with CCᵀ = <paramref name="matrix"/>.</summary>
    /// <param name="matrix">A symmetric positive definite matrix [K, K]; its lower triangle is read.</param>
    /// <exception cref="ArithmeticException">The matrix is not positive definite, or not finite.</exception>
    public static double[,] Factor(double[,] matrix)
    {
        var size = matrix.GetLength(0);
        var c = new double[size, size];
        for (var row = 0; row < size; row++)
            for (var column = 0; column <= row; column++)
            {
                var sum = matrix[row, column];
                for (var k = 0; k < column; k++)
                    sum -= c[row, k] * c[column, k];
                if (row != column)
                    c[row, column] = sum / c[column, column];
                else if (sum > 0 && double.IsFinite(sum))
                    c[row, row] = Math.Sqrt(sum);
                else
                    throw new ArithmeticException(FormattableString.Invariant($"Pivot {row} of {size} is {sum}."));
            }
        return c;
    }

    /// <summary>The inverse [K, K] of a lower triangular matrix.</summary>
    public static double[,] Invert(double[,] lower)
    {
        var size = lower.GetLength(0);
        var inverse = new double[size, size];
        for (var column = 0; column < size; column++)
        {
            inverse[column, column] = 1 / lower[column, column];
            for (var row = column + 1; row < size; row++)
            {
                var sum = 0.0;
                for (var k = column; k < row; k++)
                    sum -= lower[row, k] * inverse[k, column];
                inverse[row, column] = sum / lower[row, row];
            }
        }
        return inverse;
    }
}
