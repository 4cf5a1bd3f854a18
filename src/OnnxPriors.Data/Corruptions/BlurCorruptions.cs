namespace OnnxPriors.Data.Corruptions;

/// <summary>The blurs. Numbers as in CIFAR-10-C's script, by strength; lengths in CIFAR's pixels.</summary>
internal static class BlurCorruptions
{
    private static readonly (double Radius, double Smoothing)[] Disks = [(0.3, 0.4), (0.4, 0.5), (0.5, 0.6), (1, 0.2), (1.5, 0.1)];
    private static readonly (double Sigma, int Reach, int Times)[] Panes = [(0.05, 1, 1), (0.25, 1, 1), (0.4, 1, 1), (0.25, 1, 2), (0.4, 1, 2)];
    private static readonly (double Radius, double Sigma)[] Motions = [(6, 1), (6, 1.5), (6, 2), (8, 2), (9, 2.5)];
    // Enlarged by 0, 1, 2, … hundredths, this many times.
    private static readonly int[] Zooms = [6, 11, 16, 21, 26];

    public static void Defocus(Raster picture, int strength)
    {
        var (radius, smoothing) = Disks[strength - 1];
        radius *= picture.Scale;
        var reach = Math.Max(8, (int)Math.Ceiling(radius) + 1);
        var disk = new Plane((2 * reach) + 1, (2 * reach) + 1).Map((x, y) => ((x - reach) * (x - reach)) + ((y - reach) * (y - reach)) <= radius * radius ? 1 : 0);
        Filters.Normalize(disk.Values);
        // The disk's edge is smoothed over the next pixel, three by three.
        var weight = (float)Math.Exp(-1 / (2 * smoothing * smoothing));
        float[] line = [weight, 1, weight];
        float[] smooth = [.. from a in line from b in line select a * b];
        Filters.Normalize(smooth);
        disk = Filters.Convolve(disk, smooth, 3);
        picture.Replace(channel => Filters.Convolve(channel, disk.Values, disk.Width));
    }

    public static void Glass(Raster picture, int strength, NoiseSource noise)
    {
        var (sigma, reach, times) = Panes[strength - 1];
        sigma *= picture.Scale;
        reach = Math.Max(1, (int)Math.Round(reach * picture.Scale));
        picture.Replace(channel => Filters.Gaussian(channel, sigma));
        for (var time = 0; time < times; time++)
            for (var y = picture.Height - reach - 1; y >= reach; y--)
                for (var x = picture.Width - reach - 1; x >= reach; x--)
                {
                    var (right, down) = (noise.Whole(-reach, reach), noise.Whole(-reach, reach));
                    var (here, there) = ((y * picture.Width) + x, ((y + down) * picture.Width) + x + right);
                    foreach (var channel in picture.Channels)
                        (channel.Values[here], channel.Values[there]) = (channel.Values[there], channel.Values[here]);
                }
        picture.Replace(channel => Filters.Gaussian(channel, sigma));
    }

    public static void Motion(Raster picture, int strength, NoiseSource noise)
    {
        var (radius, sigma) = Motions[strength - 1];
        var direction = noise.Uniform(-45, 45);
        picture.Replace(channel => Filters.Motion(channel, radius * picture.Scale, sigma * picture.Scale, direction));
    }

    public static void Zoom(Raster picture, int strength)
    {
        var times = Zooms[strength - 1];
        picture.Replace(channel =>
        {
            var sum = channel.Map((x, y) => channel.Near(x, y));
            for (var time = 0; time < times; time++)
            {
                var enlarged = Filters.Enlarged(channel, 1 + (0.01 * time));
                for (var i = 0; i < sum.Values.Length; i++)
                    sum.Values[i] += enlarged.Values[i];
            }
            foreach (ref var value in sum.Values.AsSpan())
                value /= times + 1;
            return sum;
        });
    }
}
