using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics;
using System.Runtime.Intrinsics.X86;

namespace OnnxPriors.Randomness;

/// <summary>
/// The counter-based generator Philox4x32-10 (Salmon, Moraes, Dror and Shaw, 'Parallel random numbers: as easy as 1, 2, 3', SC 2011):
/// number i of a stream is a function of (seed, step, stream, i) alone, so it needs no state, can be resumed anywhere and is the same
/// whatever the number of threads and the processor.
/// </summary>
public static class Philox
{
    /// <summary>The numbers come in groups of this many: eight counters, four words of each.</summary>
    private const int Group = 32;

    /// <summary>The groups one thread takes at a time.</summary>
    private const int GroupsAtATime = 1 << 11;

    private const uint Multiplier0 = 0xD2511F53, Multiplier1 = 0xCD9E8D57;
    private const uint Weyl0 = 0x9E3779B9, Weyl1 = 0xBB67AE85;
    private const int Rounds = 10;

    /// <summary>One block of the generator: four words from a counter of four and a key of two.</summary>
    /// <param name="counter">The counter, lowest word first.</param>
    /// <param name="key">The key; the upper half is its second word.</param>
    public static Vector128<uint> Block(Vector128<uint> counter, ulong key)
    {
        var (c0, c1, c2, c3) = (counter[0], counter[1], counter[2], counter[3]);
        var (k0, k1) = ((uint)key, (uint)(key >> 32));
        for (var round = 0; round < Rounds; round++, k0 += Weyl0, k1 += Weyl1)
        {
            var (a, b) = ((ulong)Multiplier0 * c0, (ulong)Multiplier1 * c2);
            (c0, c1, c2, c3) = ((uint)(b >> 32) ^ c1 ^ k0, (uint)b, (uint)(a >> 32) ^ c3 ^ k1, (uint)a);
        }
        return Vector128.Create(c0, c1, c2, c3);
    }

    /// <summary>
    /// Fills a span with standard normal numbers by the method of Box and Muller (1958). The number at index i comes from the counter
    /// (8·⌊i/32⌋ + i mod 8, stream, step) and the key seed, so a longer span begins with the same numbers as a shorter one.
    /// Magnitudes reach 6.7.
    /// </summary>
    /// <param name="destination">What to fill.</param>
    /// <param name="seed">The generator's key.</param>
    /// <param name="step">The upper half of the counter: another step gives independent numbers.</param>
    /// <param name="stream">The counter's second word, to keep purposes apart under one seed.</param>
    public static unsafe void FillNormal(Span<float> destination, ulong seed, ulong step = 0, uint stream = 0)
    {
        fixed (float* start = destination)
        {
            var (pointer, groups) = ((nint)start, destination.Length / Group);
            if (groups <= GroupsAtATime)
                NormalGroups((float*)pointer, 0, groups, seed, step, stream);
            else
                Parallel.For(0, (groups + GroupsAtATime - 1) / GroupsAtATime, chunk => NormalGroups(
                    (float*)pointer, chunk * GroupsAtATime, Math.Min(groups, (chunk + 1) * GroupsAtATime), seed, step, stream));
            var rest = destination[(groups * Group)..];
            if (rest.IsEmpty)
                return;
            var last = stackalloc float[Group];
            NormalGroup(last, groups, seed, step, stream);
            new Span<float>(last, rest.Length).CopyTo(rest);
        }
    }

    private static unsafe void NormalGroups(float* destination, int from, int to, ulong seed, ulong step, uint stream)
    {
        for (var group = from; group < to; group++)
            NormalGroup(destination + ((long)group * Group), group, seed, step, stream);
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static unsafe void NormalGroup(float* destination, int group, ulong seed, ulong step, uint stream)
    {
        var c0 = Vector256.Create((uint)group * 8) + Vector256<uint>.Indices;
        var c1 = Vector256.Create(stream);
        var (c2, c3) = (Vector256.Create((uint)step), Vector256.Create((uint)(step >> 32)));
        var (k0, k1) = ((uint)seed, (uint)(seed >> 32));
        for (var round = 0; round < Rounds; round++, k0 += Weyl0, k1 += Weyl1)
        {
            var (highA, lowA) = Product(c0, Multiplier0);
            var (highB, lowB) = Product(c2, Multiplier1);
            (c0, c1, c2, c3) = (highB ^ c1 ^ Vector256.Create(k0), lowB, highA ^ c3 ^ Vector256.Create(k1), lowA);
        }
        BoxMuller(c0, c1, destination);
        BoxMuller(c2, c3, destination + 16);
    }

    /// <summary>The upper and lower words of eight products of 32 bits by 32 bits.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static (Vector256<uint> High, Vector256<uint> Low) Product(Vector256<uint> x, uint multiplier)
    {
        Vector256<ulong> even, odd;
        if (Avx2.IsSupported)
        {
            var m = Vector256.Create(multiplier);
            even = Avx2.Multiply(x, m);
            odd = Avx2.Multiply(Vector256.ShiftRightLogical(x.AsUInt64(), 32).AsUInt32(), m);
        }
        else
        {
            even = (x.AsUInt64() & Vector256.Create(0xFFFFFFFFUL)) * multiplier;
            odd = Vector256.ShiftRightLogical(x.AsUInt64(), 32) * multiplier;
        }
        var high = Vector256.ShiftRightLogical(even, 32) | (odd & Vector256.Create(0xFFFFFFFF00000000UL));
        var low = (even & Vector256.Create(0xFFFFFFFFUL)) | Vector256.ShiftLeft(odd, 32);
        return (high.AsUInt32(), low.AsUInt32());
    }

    /// <summary>√(−2 ln u) · (cos φ, sin φ) for u from the first words and φ from the second, eight of each.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static unsafe void BoxMuller(Vector256<uint> first, Vector256<uint> second, float* destination)
    {
        // u = (first + ½)·2⁻³² lies in [2⁻³³, 1]; the sum of two exact halves is rounded once, on every processor.
        var upper = Vector256.ConvertToSingle(Vector256.ShiftRightLogical(first, 16).AsInt32());
        var lower = Vector256.ConvertToSingle((first & Vector256.Create(0xFFFFu)).AsInt32()) + Vector256.Create(0.5f);
        var u = Vector256.FusedMultiplyAdd(upper, Vector256.Create(65536f), lower) * Vector256.Create(1f / 4294967296f);
        var radius = Vector256.Sqrt(Vector256.Max(Vector256<float>.Zero, Logarithm(u) * Vector256.Create(-2f)));

        // The angle in quarter turns: two bits choose the quarter, thirty the place in it, −½ to ½.
        var place = (second & Vector256.Create(0x3FFFFFFFu)).AsInt32() - Vector256.Create(1 << 29);
        var angle = Vector256.ConvertToSingle(place) * Vector256.Create(1.4629180792671596e-9f); // π/2 · 2⁻³⁰
        var (sine, cosine) = SineAndCosine(angle);
        var quarter = Vector256.ShiftRightLogical(second, 30);
        var swap = Vector256.Equals(quarter & Vector256<uint>.One, Vector256<uint>.One).AsSingle();
        var x = Vector256.ConditionalSelect(swap, sine, cosine);
        var y = Vector256.ConditionalSelect(swap, cosine, sine);
        // Quarters 1 and 2 turn the sign of the cosine, 2 and 3 that of the sine.
        var signX = Vector256.ShiftLeft((quarter ^ Vector256.ShiftRightLogical(quarter, 1)) & Vector256<uint>.One, 31);
        var signY = Vector256.ShiftLeft(Vector256.ShiftRightLogical(quarter, 1), 31);
        (radius * (x.AsUInt32() ^ signX).AsSingle()).Store(destination);
        (radius * (y.AsUInt32() ^ signY).AsSingle()).Store(destination + 8);
    }

    /// <summary>ln u for normal u in (0, 1], by the polynomial of Cephes' logf (Moshier), within 2 units in the last place.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static Vector256<float> Logarithm(Vector256<float> u)
    {
        var bits = u.AsInt32() - Vector256.Create(0x3F3504F3); // √½, so that the mantissa lies in [√½, √2)
        var exponent = Vector256.ConvertToSingle(Vector256.ShiftRightArithmetic(bits, 23));
        var x = ((bits & Vector256.Create(0x007FFFFF)) + Vector256.Create(0x3F3504F3)).AsSingle() - Vector256<float>.One;
        var square = x * x;
        var y = Vector256.Create(7.0376836292e-2f);
        y = Vector256.FusedMultiplyAdd(y, x, Vector256.Create(-1.1514610310e-1f));
        y = Vector256.FusedMultiplyAdd(y, x, Vector256.Create(1.1676998740e-1f));
        y = Vector256.FusedMultiplyAdd(y, x, Vector256.Create(-1.2420140846e-1f));
        y = Vector256.FusedMultiplyAdd(y, x, Vector256.Create(1.4249322787e-1f));
        y = Vector256.FusedMultiplyAdd(y, x, Vector256.Create(-1.6668057665e-1f));
        y = Vector256.FusedMultiplyAdd(y, x, Vector256.Create(2.0000714765e-1f));
        y = Vector256.FusedMultiplyAdd(y, x, Vector256.Create(-2.4999993993e-1f));
        y = Vector256.FusedMultiplyAdd(y, x, Vector256.Create(3.3333331174e-1f));
        y = y * x * square;
        y = Vector256.FusedMultiplyAdd(exponent, Vector256.Create(-2.12194440e-4f), y);
        y = Vector256.FusedMultiplyAdd(square, Vector256.Create(-0.5f), y);
        return Vector256.FusedMultiplyAdd(exponent, Vector256.Create(0.693359375f), x + y);
    }

    /// <summary>Sine and cosine for |a| ≤ π/4, by the polynomials of Cephes' sinf and cosf (Moshier).</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static (Vector256<float> Sine, Vector256<float> Cosine) SineAndCosine(Vector256<float> a)
    {
        var square = a * a;
        var sine = Vector256.Create(-1.9515295891e-4f);
        sine = Vector256.FusedMultiplyAdd(sine, square, Vector256.Create(8.3321608736e-3f));
        sine = Vector256.FusedMultiplyAdd(sine, square, Vector256.Create(-1.6666654611e-1f));
        sine = Vector256.FusedMultiplyAdd(sine * square, a, a);
        var cosine = Vector256.Create(2.443315711809948e-5f);
        cosine = Vector256.FusedMultiplyAdd(cosine, square, Vector256.Create(-1.388731625493765e-3f));
        cosine = Vector256.FusedMultiplyAdd(cosine, square, Vector256.Create(4.166664568298827e-2f));
        cosine = Vector256.FusedMultiplyAdd(cosine * square, square, Vector256.FusedMultiplyAdd(square, Vector256.Create(-0.5f), Vector256<float>.One));
        return (sine, cosine);
    }
}
