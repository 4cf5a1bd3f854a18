namespace OnnxPriors.Data.Corruptions;

/// <summary>The weathers. Numbers as in CIFAR-10-C's script, by strength; lengths in CIFAR's pixels.</summary>
internal static class WeatherCorruptions
{
    private sealed record Fall(double Mean, double Deviation, double Zoom, double Threshold, double Radius, double Sigma, float Kept);

    private static readonly Fall[] Falls =
    [
        new(0.1, 0.2, 1, 0.6, 8, 3, 0.95f),
        new(0.1, 0.2, 1, 0.5, 10, 4, 0.9f),
        new(0.15, 0.3, 1.75, 0.55, 10, 4, 0.9f),
        new(0.25, 0.3, 2.25, 0.6, 12, 6, 0.85f),
        new(0.3, 0.3, 1.25, 0.65, 14, 12, 0.8f),
    ];

    private static readonly (float Picture, float Ice)[] Ices = [(1, 0.2f), (1, 0.3f), (0.9f, 0.4f), (0.85f, 0.4f), (0.75f, 0.45f)];
    private static readonly (float Amount, double Decay)[] Fogs = [(0.2f, 3), (0.5f, 3), (0.75f, 2.5), (1, 2), (1.5f, 1.75)];
    private static readonly float[] Lights = [0.05f, 0.1f, 0.15f, 0.2f, 0.3f];
    private static readonly float[] IceColour = [0.88f, 0.95f, 1];

    public static void Snow(Raster picture, int strength, NoiseSource noise)
    {
        var fall = Falls[strength - 1];
        var layer = new Plane(picture.Width, picture.Height).Map((_, _) => (float)(fall.Mean + (fall.Deviation * noise.Normal())));
        layer = Filters.Enlarged(layer, fall.Zoom * Math.Max(1, picture.Scale));
        layer = layer.Map((x, y) => layer.Near(x, y) is var value && value < fall.Threshold ? 0 : Math.Min(value, 1));
        layer = Filters.Motion(layer, fall.Radius * picture.Scale, fall.Sigma * picture.Scale, noise.Uniform(-135, -45));
        var last = layer.Values.Length - 1;
        for (var i = 0; i <= last; i++)
        {
            var grey = (0.299f * picture.Channels[0].Values[i]) + (0.587f * picture.Channels[1].Values[i]) + (0.114f * picture.Channels[2].Values[i]);
            foreach (var channel in picture.Channels)
            {
                var value = channel.Values[i];
                // The layer, and the layer turned by half a circle.
                channel.Values[i] = (fall.Kept * value) + ((1 - fall.Kept) * Math.Max(value, (grey * 1.5f) + 0.5f)) + layer.Values[i] + layer.Values[last - i];
            }
        }
    }

    // Ridges of two plasma fractals, thin over coarse, in the colour of ice: feathers, as frost on glass has them.
    public static void Frost(Raster picture, int strength, NoiseSource noise)
    {
        var (kept, amount) = Ices[strength - 1];
        var coarse = PlasmaFractal.Make(picture.Width, picture.Height, 2, noise);
        var thin = PlasmaFractal.Make(picture.Width, picture.Height, 1.5, noise);
        for (var i = 0; i < coarse.Values.Length; i++)
        {
            var ice = (0.35f * Ridge(coarse.Values[i])) + (0.65f * Ridge(thin.Values[i]));
            for (var c = 0; c < 3; c++)
                picture.Channels[c].Values[i] = (kept * picture.Channels[c].Values[i]) + (amount * ice * IceColour[c]);
        }

        static float Ridge(float value) => 1 - Math.Abs((2 * value) - 1);
    }

    public static void Fog(Raster picture, int strength, NoiseSource noise)
    {
        var (amount, decay) = Fogs[strength - 1];
        var brightest = picture.Channels.Max(channel => channel.Values.Max());
        var plasma = PlasmaFractal.Make(picture.Width, picture.Height, decay, noise);
        foreach (var channel in picture.Channels)
            for (var i = 0; i < channel.Values.Length; i++)
                channel.Values[i] = (channel.Values[i] + (amount * plasma.Values[i])) * brightest / (brightest + amount);
    }

    // HSV's value is the largest channel; with hue and saturation kept, all three are multiplied alike.
    public static void Brighten(Raster picture, int strength)
    {
        for (var i = 0; i < picture.Channels[0].Values.Length; i++)
        {
            var value = picture.Channels.Max(channel => channel.Values[i]);
            var brighter = Math.Min(value + Lights[strength - 1], 1);
            foreach (var channel in picture.Channels)
                channel.Values[i] = value == 0 ? brighter : channel.Values[i] * brighter / value;
        }
    }
}
