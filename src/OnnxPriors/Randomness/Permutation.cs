using System.Runtime.Intrinsics;

namespace OnnxPriors.Randomness;

/// <summary>Uniform permutations that a seed and a stream fix (Fisher and Yates' shuffle in Durstenfeld's form, CACM 1964, over <see cref="Philox"/>).</summary>
internal static class Permutation
{
    // Keeps these counters apart from those of FillNormal under the same seed, whose third and fourth word are a step's number.
    private const uint Purpose = 0x5045524D;

    /// <summary>The permutation of 0 … count − 1.</summary>
    /// <param name="count">How many, 0 or more.</param>
    /// <param name="seed">The seed.</param>
    /// <param name="stream">Which of the seed's permutations.</param>
    public static int[] Of(int count, ulong seed, uint stream)
    {
        var order = new int[count];
        for (var i = 0; i < count; i++)
            order[i] = i;
        for (var i = count - 1; i > 0; i--)
        {
            var words = Philox.Block(Vector128.Create((uint)i, stream, Purpose, Purpose), seed);
            // 64 random bits times the number of choices: the bias is below count / 2⁶⁴.
            var bits = words[0] | ((ulong)words[1] << 32);
            var other = (int)Math.BigMul(bits, (ulong)i + 1, out _);
            (order[i], order[other]) = (order[other], order[i]);
        }
        return order;
    }
}
