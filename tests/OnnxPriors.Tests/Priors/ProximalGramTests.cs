using OnnxPriors.Priors;

namespace OnnxPriors.Tests.Priors;

[TestClass]
public sealed class ProximalGramTests
{
    private const int Rank = 3, Length = 50_048;

    [TestMethod]
    public void It_is_the_sum_over_all_coordinates_whatever_t()
    {
        var flat = Flat();
        var gram = ProximalGram.Of((offset, count) => flat.AsSpan((int)offset, count), Length, Rank);
        foreach (var t in (double[])[1e-15, 1e-9, 1e-5, 1e-2, 1, 1e6])
        {
            var expected = Direct(flat, t);
            var found = gram.At(t);
            for (var row = 0; row < Rank; row++)
                for (var column = 0; column < Rank; column++)
                    // The bound that the series states, against sums whose terms have no sign to cancel.
                    Assert.AreEqual(expected[row, column], found[row, column], Math.Pow(128, -4) * Math.Sqrt(expected[row, row] * expected[column, column]), $"t = {t}");
        }
    }

    [TestMethod]
    public void The_inverse_is_one()
    {
        var flat = Flat();
        var gram = ProximalGram.Of((offset, count) => flat.AsSpan((int)offset, count), Length, Rank);
        var (matrix, inverse) = (gram.At(1e-3), gram.Inverse(1e-3));
        for (var row = 0; row < Rank; row++)
            for (var column = 0; column < Rank; column++)
            {
                var sum = 0.0;
                for (var k = 0; k < Rank; k++)
                    sum += (matrix[row, k] + (row == k ? 1 : 0)) * inverse[k * Rank + column];
                Assert.AreEqual(row == column ? 1 : 0, sum, 1e-10);
            }
    }

    // Variances over twelve orders of magnitude, and a hundred of 0 with a factor.
    private static float[] Flat()
    {
        var flat = new float[Length * (2 + Rank)];
        var spread = SyntheticPosterior.Normals(Length, 3, 0);
        var factor = SyntheticPosterior.Normals(Length * Rank, 3, 1);
        for (var i = 0; i < Length; i++)
        {
            flat[Length + i] = i < 100 ? 0 : MathF.Exp(4 * spread[i] - 9);
            for (var k = 0; k < Rank; k++)
                flat[(2 + k) * Length + i] = factor[k * Length + i] * (i < 100 ? 1e-6f : MathF.Sqrt(flat[Length + i]));
        }
        return flat;
    }

    private static double[,] Direct(float[] flat, double t)
    {
        var sums = new double[Rank, Rank];
        for (var i = 0; i < Length; i++)
            for (var row = 0; row < Rank; row++)
                for (var column = 0; column < Rank; column++)
                    sums[row, column] += (double)flat[(2 + row) * Length + i] * flat[(2 + column) * Length + i] / (flat[Length + i] + t);
        return sums;
    }
}
