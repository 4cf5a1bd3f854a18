using System.Numerics.Tensors;
using OnnxPriors.Priors;

namespace OnnxPriors.Tests.Priors;

/// <summary>The reference: N(μ, Σ) with the whole covariance matrix in float64, solved by Gaussian elimination.</summary>
internal sealed class DenseGaussian
{
    private readonly double[][] _lower;

    /// <param name="mean">μ [n].</param>
    /// <param name="diagonal">The rescaled diagonal [n].</param>
    /// <param name="factor">The rescaled factor, K columns [n].</param>
    public DenseGaussian(double[] mean, double[] diagonal, double[][] factor)
    {
        (Mean, Diagonal, Factor) = (mean, diagonal, factor);
        _lower = Decompose([.. Enumerable.Range(0, Size).Select(row => Enumerable.Range(0, Size).Select(column => Covariance(row, column)).ToArray())]);
    }

    public double[] Mean { get; }
    public double[] Diagonal { get; }
    public double[][] Factor { get; }
    public double LogDeterminant => _lower.Select((row, i) => Math.Log(row[i])).Sum();
    public int Size => Mean.Length;

    public double Covariance(int row, int column) =>
        Factor.Sum(w => w[row] * w[column]) + (row == column ? Diagonal[row] : 0);

    /// <summary>Σ⁻¹δ.</summary>
    public double[] Gradient(double[] delta)
    {
        var x = delta.ToArray();
        for (var row = 0; row < Size; row++)
            x[row] -= TensorPrimitives.Dot<double>(_lower[row].AsSpan(0, row), x.AsSpan(0, row));
        // What the elimination left above the diagonal is diag(pivots) Lᵀ.
        for (var row = Size - 1; row >= 0; row--)
            x[row] = (x[row] - TensorPrimitives.Dot<double>(_lower[row].AsSpan(row + 1), x.AsSpan(row + 1))) / _lower[row][row];
        return x;
    }

    public double Energy(double[] delta) => 0.5 * Dot(Gradient(delta), delta);

    public double LogDensity(double[] delta) => -Energy(delta) - 0.5 * (LogDeterminant + Size * Math.Log(2 * Math.PI));

    /// <summary>λ_max(WᵀD⁻¹W) by power iteration.</summary>
    public double LargestRatio()
    {
        var z = Factor.Select((_, k) => 1.0 + 0.1 * k).ToArray();
        var value = 0.0;
        for (var step = 0; step < 500; step++)
        {
            var next = Factor.Select(w => Enumerable.Range(0, Size).Sum(i => w[i] / Diagonal[i] * Along(z, i))).ToArray();
            value = Math.Sqrt(Dot(next, next));
            z = [.. next.Select(x => x / value)];
        }
        return value;
    }

    /// <summary>Element i of Wz.</summary>
    public double Along(double[] z, int i) => Factor.Select((w, k) => w[i] * z[k]).Sum();

    public static double Dot(double[] a, double[] b) => a.Zip(b, (x, y) => x * y).Sum();

    public static double Distance(double[] a, double[] b) => Math.Sqrt(a.Zip(b, (x, y) => (x - y) * (x - y)).Sum());

    public static double Norm(double[] a) => Math.Sqrt(Dot(a, a));

    /// <summary>The prior a posterior gives, spelt out from the definitions and independent of the code under test.</summary>
    public static DenseGaussian Of(Posterior posterior, RescaleOptions options)
    {
        var rank = posterior.Metadata.Rank;
        var kept = options.Rank ?? rank;
        var lambda = options.Scaling switch
        {
            PriorScaling.Exact => Math.Sqrt(options.Scale),
            PriorScaling.Official => options.Scale,
            _ => 1.0,
        };
        var columns = new List<double[]>();
        for (var k = 0; k < kept; k++)
            columns.Add([.. posterior.Parameters.SelectMany(t => t.Factor.Skip(k * t.Mean.Length).Take(t.Mean.Length))
                .Select(w => w * Math.Sqrt(2.0 * (rank - 1)) / Math.Sqrt(2.0 * (kept - 1)) * lambda)]);
        return new DenseGaussian(
            [.. posterior.Parameters.SelectMany(t => t.Mean).Select(m => (double)m)],
            [.. posterior.Parameters.SelectMany(t => t.Diagonal).Select(d => options.Scale * d + options.Epsilon)],
            [.. columns]);
    }

    /// <summary>Gaussian elimination in place: L below the diagonal, the pivots on it, diag(pivots) Lᵀ from it upwards.</summary>
    private static double[][] Decompose(double[][] matrix)
    {
        for (var pivot = 0; pivot < matrix.Length; pivot++)
        {
            // A covariance is positive definite: its pivots need no exchange.
            for (var row = pivot + 1; row < matrix.Length; row++)
            {
                var factor = matrix[row][pivot] / matrix[pivot][pivot];
                TensorPrimitives.MultiplyAdd(matrix[pivot].AsSpan(pivot), -factor, matrix[row].AsSpan(pivot), matrix[row].AsSpan(pivot));
                matrix[row][pivot] = factor;
            }
        }
        return matrix;
    }
}
