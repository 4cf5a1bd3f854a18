using System.Numerics;

namespace OnnxPriors.Data.Corruptions;

/// <summary>
/// A cloudy texture by the diamond-square algorithm (Fournier, Fussell and Carpenter, 'Computer rendering of stochastic models', 1982)
/// on a torus whose side is a power of two, from 0 to 1.
/// </summary>
internal static class PlasmaFractal
{
    /// <summary>Makes a texture.</summary>
    /// <param name="width">Columns.</param>
    /// <param name="height">Rows.</param>
    /// <param name="decay">What the noise is divided by from one octave to the next: the larger, the smoother.</param>
    /// <param name="noise">What is drawn.</param>
    public static Plane Make(int width, int height, double decay, NoiseSource noise)
    {
        var side = (int)BitOperations.RoundUpToPowerOf2((uint)Math.Max(Math.Max(width, height), 2));
        var map = new double[side, side];
        var wibble = 100.0;
        for (var step = side; step >= 2; step /= 2, wibble /= decay)
        {
            var half = step / 2;
            for (var y = 0; y < side; y += step)
                for (var x = 0; x < side; x += step)
                    map[y + half, x + half] = Mean(map, (y, x), (y, x + step), (y + step, x), (y + step, x + step), wibble);
            for (var y = 0; y < side; y += step)
                for (var x = 0; x < side; x += step)
                {
                    map[y, x + half] = Mean(map, (y, x), (y, x + step), (y + half, x + half), (y - half, x + half), wibble);
                    map[y + half, x] = Mean(map, (y, x), (y + step, x), (y + half, x + half), (y + half, x - half), wibble);
                }
        }
        var (low, high) = (double.MaxValue, double.MinValue);
        foreach (var value in map)
            (low, high) = (Math.Min(low, value), Math.Max(high, value));
        return new Plane(width, height).Map((x, y) => (float)((map[y, x] - low) / (high - low)));

        double Mean(double[,] values, (int Y, int X) a, (int Y, int X) b, (int Y, int X) c, (int Y, int X) d, double amount) =>
            ((At(values, a) + At(values, b) + At(values, c) + At(values, d)) / 4) + (amount * noise.Uniform(-amount, amount));

        double At(double[,] values, (int Y, int X) place) => values[(place.Y + side) % side, (place.X + side) % side];
    }
}
