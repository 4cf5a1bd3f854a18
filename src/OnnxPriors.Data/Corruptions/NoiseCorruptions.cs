namespace OnnxPriors.Data.Corruptions;

/// <summary>The noises. Numbers as in CIFAR-10-C's script, by strength.</summary>
internal static class NoiseCorruptions
{
    private static readonly double[] Deviations = [0.04, 0.06, 0.08, 0.09, 0.10];
    private static readonly double[] Photons = [500, 250, 100, 75, 50];
    private static readonly double[] Shares = [0.01, 0.02, 0.03, 0.05, 0.07];

    public static void Gaussian(Raster picture, int strength, NoiseSource noise) =>
        picture.Change(value => value + (float)(Deviations[strength - 1] * noise.Normal()));

    public static void Shot(Raster picture, int strength, NoiseSource noise) =>
        picture.Change(value => (float)(noise.Poisson(value * Photons[strength - 1]) / Photons[strength - 1]));

    public static void Impulse(Raster picture, int strength, NoiseSource noise) => picture.Change(value =>
        noise.Uniform() < Shares[strength - 1] ? noise.Uniform() < 0.5 ? 1 : 0 : value);
}
