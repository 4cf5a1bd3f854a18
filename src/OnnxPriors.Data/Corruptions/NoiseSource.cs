using OnnxPriors.Data.Randomness;

namespace OnnxPriors.Data.Corruptions;

/// <summary>Random numbers of several distributions from one keyed stream.</summary>
/// <param name="random">The stream.</param>
internal sealed class NoiseSource(KeyedRandom random)
{
    private KeyedRandom random = random;
    private double spare = double.NaN;

    /// <summary>Uniform in [0, 1).</summary>
    public double Uniform() => random.NextDouble();

    /// <summary>Uniform in [low, high).</summary>
    public double Uniform(double low, double high) => low + ((high - low) * random.NextDouble());

    /// <summary>A whole number in [low, high).</summary>
    public int Whole(int low, int high) => low + random.NextInt32(high - low);

    /// <summary>Standard normal (Box and Muller 1958), two at a time.</summary>
    public double Normal()
    {
        if (!double.IsNaN(spare))
        {
            var kept = spare;
            spare = double.NaN;
            return kept;
        }
        var radius = Math.Sqrt(-2 * Math.Log(1 - random.NextDouble()));
        var (sine, cosine) = Math.SinCos(2 * Math.PI * random.NextDouble());
        spare = radius * sine;
        return radius * cosine;
    }

    /// <summary>
    /// Poisson: by multiplication below a mean of 10 (Knuth), by transformed rejection from there on (Hörmann, 'The transformed rejection
    /// method for generating Poisson random variables', 1993, algorithm PTRS).
    /// </summary>
    /// <param name="mean">The mean, 0 or above.</param>
    public int Poisson(double mean)
    {
        if (mean < 10)
        {
            var (limit, product, count) = (Math.Exp(-mean), random.NextDouble(), 0);
            for (; product > limit; count++)
                product *= random.NextDouble();
            return count;
        }
        var b = 0.931 + (2.53 * Math.Sqrt(mean));
        var a = -0.059 + (0.02483 * b);
        var logInverseAlpha = Math.Log(1.1239 + (1.1328 / (b - 3.4)));
        var accept = 0.9277 - (3.6224 / (b - 2));
        while (true)
        {
            var u = random.NextDouble() - 0.5;
            var v = 1 - random.NextDouble();
            var us = 0.5 - Math.Abs(u);
            var k = Math.Floor((((2 * a / us) + b) * u) + mean + 0.43);
            if (us >= 0.07 && v <= accept)
                return (int)k;
            if (k < 0 || (us < 0.013 && v > us))
                continue;
            if (Math.Log(v) + logInverseAlpha - Math.Log((a / (us * us)) + b) <= -mean + (k * Math.Log(mean)) - LogFactorial(k))
                return (int)k;
        }
    }

    // Stirling's series; from 10 on its error is below 1e-10, and below that the product is exact.
    private static double LogFactorial(double k)
    {
        if (k < 10)
        {
            var product = 1.0;
            for (var i = 2; i <= k; i++)
                product *= i;
            return Math.Log(product);
        }
        var n = k + 1;
        return ((n - 0.5) * Math.Log(n)) - n + (0.5 * Math.Log(2 * Math.PI)) + (1 / (12 * n)) - (1 / (360 * n * n * n));
    }
}
