namespace OnnxPriors.Data.Randomness;

/// <summary>What random numbers are drawn for: numbers of one purpose never depend on those of another.</summary>
internal enum Purpose
{
    Validation = 1,
    Picks = 2,
    Shuffle = 3,
    Augmentation = 4,
    Corruption = 5,
    Share = 6,
    SecondView = 7,
}

/// <summary>
/// Random numbers that are a function of their key alone (seed, purpose, and two indices such as epoch and example), so that no
/// order of threads and no resume changes them. SplitMix64 (Steele, Lea, Flood: Fast Splittable Pseudorandom Number Generators,
/// 2014), its state started from the key's parts mixed one after the other.
/// </summary>
internal struct KeyedRandom(ulong seed, Purpose purpose, ulong first = 0, ulong second = 0)
{
    private const ulong Golden = 0x9E3779B97F4A7C15;

    private ulong state = Mix(Mix(Mix(seed + Golden) + (ulong)purpose * Golden) + first * Golden + 1) ^ Mix(second * Golden + 2);

    /// <summary>The next 64 bits.</summary>
    public ulong Next()
    {
        state += Golden;
        return Mix(state);
    }

    /// <summary>A number uniform in [0, 1), a multiple of 2⁻⁵³.</summary>
    public double NextDouble() => (Next() >> 11) * (1.0 / (1L << 53));

    /// <summary>A whole number uniform in [0, bound); the bias is below bound/2⁶⁴.</summary>
    public int NextInt32(int bound) => (int)Math.BigMul(Next(), (ulong)bound, out _);

    /// <summary>The numbers 0 … count − 1 in random order (Fisher and Yates).</summary>
    public int[] Permutation(int count)
    {
        var order = new int[count];
        for (var i = 0; i < count; i++)
        {
            var j = NextInt32(i + 1);
            order[i] = order[j];
            order[j] = i;
        }
        return order;
    }

    private static ulong Mix(ulong value)
    {
        value = (value ^ (value >> 30)) * 0xBF58476D1CE4E5B9;
        value = (value ^ (value >> 27)) * 0x94D049BB133111EB;
        return value ^ (value >> 31);
    }
}
