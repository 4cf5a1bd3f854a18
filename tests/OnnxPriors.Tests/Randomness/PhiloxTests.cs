using System.Runtime.Intrinsics;
using OnnxPriors.Randomness;

namespace OnnxPriors.Tests.Randomness;

[TestClass]
public sealed class PhiloxTests
{
    private const int Many = 1 << 22;

    // The three vectors of Random123's kat_vectors for philox4x32 with 10 rounds.
    [TestMethod]
    [DataRow(0u, 0u, 0u, 0u, 0ul, 0x6627E8D5u, 0xE169C58Du, 0xBC57AC4Cu, 0x9B00DBD8u)]
    [DataRow(~0u, ~0u, ~0u, ~0u, ~0ul, 0x408F276Du, 0x41C83B0Eu, 0xA20BC7C6u, 0x6D5451FDu)]
    [DataRow(0x243F6A88u, 0x85A308D3u, 0x13198A2Eu, 0x03707344u, 0x299F31D0A4093822ul, 0xD16CFE09u, 0x94FDCCEBu, 0x5001E420u, 0x24126EA1u)]
    public void A_block_has_the_words_its_authors_published(
        uint c0, uint c1, uint c2, uint c3, ulong key, uint r0, uint r1, uint r2, uint r3) =>
        Assert.AreEqual(Vector128.Create(r0, r1, r2, r3), Philox.Block(Vector128.Create(c0, c1, c2, c3), key));

    [TestMethod]
    public void Each_normal_is_Box_and_Mullers_of_its_own_counter_in_float64()
    {
        var (seed, step, stream) = (0xDEADBEEFCAFEF00DUL, 0x123456789AUL, 7u);
        var numbers = new float[4133];
        Philox.FillNormal(numbers, seed, step, stream);
        for (var i = 0; i < numbers.Length; i++)
        {
            var counter = (uint)((i / 32 * 8) + (i % 8));
            var words = Philox.Block(Vector128.Create(counter, stream, (uint)step, (uint)(step >> 32)), seed);
            var row = i % 32 / 8;
            var (first, second) = row < 2 ? (words[0], words[1]) : (words[2], words[3]);
            var radius = Math.Sqrt(-2 * Math.Log((first + 0.5) / 4294967296.0));
            var angle = Math.PI / 2 * ((second >> 30) + (((second & 0x3FFFFFFF) - (double)(1 << 29)) / (1 << 30)));
            var expected = (row % 2 == 0 ? Math.Cos(angle) : Math.Sin(angle)) * radius;
            // Float32 arithmetic of magnitude up to 6.7: a few units of 2⁻²⁴ relative, and u's rounding near one in the radius.
            Assert.AreEqual(expected, numbers[i], 4e-6 + (radius < 0.1 ? 1e-3 : 0), $"number {i}");
        }
    }

    [TestMethod]
    public void Moments_are_a_standard_normals_within_five_standard_errors()
    {
        var z = Normals(Many, 1, 2);
        double first = 0, second = 0, third = 0, fourth = 0, neighbour = 0;
        for (var i = 0; i < Many; i++)
        {
            double x = z[i];
            (first, second, third, fourth) = (first + x, second + (x * x), third + (x * x * x), fourth + (x * x * x * x));
            neighbour += x * z[(i + 8) % Many]; // the other half of the same pair, or of the next one
        }
        // Variances of x, x², x³, x⁴ and of a product of two independent normals: 1, 2, 15, 96, 1.
        void Near(double expected, double sum, double variance) => Assert.AreEqual(expected, sum / Many, 5 * Math.Sqrt(variance / Many));
        Near(0, first, 1);
        Near(1, second, 2);
        Near(0, third, 15);
        Near(3, fourth, 96);
        Near(0, neighbour, 1);
    }

    [TestMethod]
    public void The_distribution_is_the_normals_by_Kolmogorov_and_Smirnov()
    {
        var z = Normals(1 << 18, 3, 4);
        Array.Sort(z);
        var distance = 0.0;
        for (var i = 0; i < z.Length; i++)
        {
            var probability = Cumulative(z[i]);
            distance = Math.Max(distance, Math.Max(Math.Abs(((i + 1.0) / z.Length) - probability), Math.Abs(((double)i / z.Length) - probability)));
        }
        Assert.IsLessThan(1.95 / Math.Sqrt(z.Length), distance); // one in a thousand by chance, and the seed is fixed
    }

    [TestMethod]
    public void A_shorter_span_has_the_same_numbers_as_a_longer_one()
    {
        var all = Normals(Many, 5, 6);
        foreach (var length in (int[])[0, 1, 31, 32, 33, 65536, 65567, 1 << 20])
            Assert.AreSequenceEqual(all[..length], Normals(length, 5, 6));
    }

    [TestMethod]
    public void Seed_step_and_stream_each_give_other_numbers()
    {
        var all = new[] { Normals(64, 1, 1), Normals(64, 2, 1), Normals(64, 1, 2), Normals(64, 1, 1UL << 32), Normals(64, 1UL << 32, 1), Normals(64, 1, 1, 1) };
        Assert.HasCount(all.Length * 64, all.SelectMany(numbers => numbers).Distinct().ToList());
    }

    private static float[] Normals(int count, ulong seed, ulong step, uint stream = 0)
    {
        var numbers = new float[count];
        Philox.FillNormal(numbers, seed, step, stream);
        return numbers;
    }

    /// <summary>Φ by the series of the error function, good to 1e-12 where |x| is below 7.</summary>
    private static double Cumulative(double x)
    {
        double term = x, sum = x;
        for (var n = 1; n < 200 && Math.Abs(term) > 1e-17; n++)
        {
            term *= x * x / ((2 * n) + 1);
            sum += term;
        }
        return 0.5 + (sum * Math.Exp(-x * x / 2) / Math.Sqrt(2 * Math.PI));
    }
}
