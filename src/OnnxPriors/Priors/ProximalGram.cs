using System.Runtime.Intrinsics;

namespace OnnxPriors.Priors;

/// <summary>
/// WᵀA⁻¹W [K, K] with A = D + tI as a function of t, in float64, after one pass over D and W. A schedule changes t with every step, and a
/// pass over a large model's factor costs as much as the step itself. So coordinates whose variances agree in the first seven binary digits
/// share a Taylor series of 1/(D + t) about the middle of their interval: with x = D − c,
/// <code>
/// Σ ww'/(D + t) = S₀/(c + t) − S₁/(c + t)² + S₂/(c + t)³ − S₃/(c + t)⁴,   Sₖ = Σ ww' xᵏ
/// </code>
/// Since |x| ≤ (c + t)/128 the terms left out are below 128⁻⁴ = 4·10⁻⁹ of what is summed, whatever t; a variance of 0 is exact.
/// </summary>
public sealed class ProximalGram
{
    private const int MantissaDigits = 6;
    private const int Shift = 23 - MantissaDigits;
    private const int Intervals = 1 << (31 - Shift);

    // Fixed, so that the sums do not depend on the number of processors.
    private const int Shares = 8;
    private const int BlockLength = 1 << 14;

    private readonly int rank;
    private readonly Vector256<double>[]?[] sums;

    private ProximalGram(int rank, Vector256<double>[]?[] sums) => (this.rank, this.sums) = (rank, sums);

    /// <summary>Reads a part of a flat prior: μ [P], D [P] and W [K, P] one after the other.</summary>
    /// <param name="offset">The first element.</param>
    /// <param name="length">How many.</param>
    public delegate ReadOnlySpan<float> ReadPrior(long offset, int length);

    /// <summary>Makes the sums from a flat prior.</summary>
    /// <param name="read">Reads the prior; called by several threads at once.</param>
    /// <param name="length">P.</param>
    /// <param name="rank">K, above 0.</param>
    public static ProximalGram Of(ReadPrior read, long length, int rank)
    {
        ArgumentNullException.ThrowIfNull(read);
        ArgumentOutOfRangeException.ThrowIfNegativeOrZero(rank);
        var blocks = (length + BlockLength - 1) / BlockLength;
        var shares = new Vector256<double>[]?[Shares][];
        Parallel.For(0, Shares, share =>
        {
            var own = new Vector256<double>[]?[Intervals];
            var (weights, columns) = (new double[rank], Enumerable.Range(0, rank).Select(_ => new float[BlockLength]).ToArray());
            for (var start = blocks * share / Shares * BlockLength; start < Math.Min(length, blocks * (share + 1) / Shares * BlockLength); start += BlockLength)
            {
                var count = (int)Math.Min(BlockLength, length - start);
                for (var k = 0; k < rank; k++)
                    read((2 + k) * length + start, count).CopyTo(columns[k]);
                Add(read(length + start, count), columns, weights, own);
            }
            shares[share] = own;
        });
        var sums = shares[0];
        foreach (var share in shares.Skip(1))
            for (var interval = 0; interval < Intervals; interval++)
                if (share[interval] is { } more && sums[interval] is { } there)
                    for (var pair = 0; pair < there.Length; pair++)
                        there[pair] += more[pair];
                else
                    sums[interval] ??= share[interval];
        return new ProximalGram(rank, sums);
    }

    /// <summary>WᵀA⁻¹W [K, K]; at t = 0 coordinates of variance 0 are left out, on which it is not defined.</summary>
    /// <param name="t">t, 0 or above.</param>
    public double[,] At(double t)
    {
        var gram = new double[rank, rank];
        for (var interval = 0; interval < Intervals; interval++)
        {
            if (sums[interval] is not { } pairs || (interval < 1 << MantissaDigits && t == 0))
                continue;
            var inverse = 1 / (Centre(interval) + t);
            for (int row = 0, pair = 0; row < rank; row++)
                for (var column = 0; column <= row; column++, pair++)
                {
                    var s = pairs[pair];
                    gram[row, column] += inverse * (s[0] - inverse * (s[1] - inverse * (s[2] - inverse * s[3])));
                }
        }
        for (var row = 0; row < rank; row++)
            for (var column = 0; column < row; column++)
                gram[column, row] = gram[row, column];
        return gram;
    }

    /// <summary>M⁻¹ = (I + WᵀA⁻¹W)⁻¹ [K, K], row after row.</summary>
    /// <param name="t">t, 0 or above.</param>
    /// <exception cref="InvalidPriorException">M overflows float64.</exception>
    public double[] Inverse(double t)
    {
        var inverse = new double[rank * rank];
        var m = At(t);
        for (var k = 0; k < rank; k++)
            m[k, k] += 1;
        double[,] c;
        try
        {
            c = Cholesky.Invert(Cholesky.Factor(m));
        }
        catch (ArithmeticException error)
        {
            throw new InvalidPriorException(FormattableString.Invariant($"The prior's factor overflows float64 against its diagonal at t = {t} (I + WᵀA⁻¹W: {error.Message}) Bake with a larger ε (--epsilon) or a smaller scale."), error);
        }
        for (var row = 0; row < rank; row++)
            for (var column = 0; column < rank; column++)
                for (var k = Math.Max(row, column); k < rank; k++)
                    inverse[row * rank + column] += c[k, row] * c[k, column];
        return inverse;
    }

    private static void Add(ReadOnlySpan<float> variance, float[][] columns, double[] weights, Vector256<double>[]?[] sums)
    {
        for (var i = 0; i < variance.Length; i++)
        {
            var any = false;
            for (var k = 0; k < weights.Length; k++)
                any |= (weights[k] = columns[k][i]) != 0;
            // Isotropic tensors and the gaps have no factor.
            if (!any)
                continue;
            var interval = BitConverter.SingleToInt32Bits(variance[i]) >> Shift;
            var pairs = sums[interval] ??= new Vector256<double>[weights.Length * (weights.Length + 1) / 2];
            var x = variance[i] - Centre(interval);
            var powers = Vector256.Create(1, x, x * x, x * x * x);
            for (int row = 0, pair = 0; row < weights.Length; row++)
                for (var column = 0; column <= row; column++, pair++)
                    pairs[pair] += powers * (weights[row] * weights[column]);
        }
    }

    // The middle of an interval of floats; the subnormal ones, which no variance of use is among, count as the zero they stand beside.
    private static double Centre(int interval) =>
        interval < 1 << MantissaDigits ? 0 : BitConverter.Int32BitsToSingle((interval << Shift) | (1 << (Shift - 1)));
}
