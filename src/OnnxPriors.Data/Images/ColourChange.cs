using OnnxPriors.Data.Randomness;

namespace OnnxPriors.Data.Images;

/// <summary>Changes colours and sharpness of a picture, as torchvision's ColorJitter, RandomGrayscale and GaussianBlur do, on floats from 0 to 1.</summary>
internal static class ColourChange
{
    private const float Red = 0.299f, Green = 0.587f, Blue = 0.114f;

    /// <summary>Changes a picture in place.</summary>
    /// <param name="settings">How much, how often.</param>
    /// <param name="rgb">Red, green and blue planes [3, H, W], from 0 to 1.</param>
    /// <param name="width">W.</param>
    /// <param name="height">H.</param>
    /// <param name="work">Memory for one plane.</param>
    /// <param name="random">What is drawn from.</param>
    public static void Apply(ColourAugmentation settings, Span<float> rgb, int width, int height, Span<float> work, ref KeyedRandom random)
    {
        if (random.NextDouble() < settings.JitterShare)
            Jitter(settings.Strength, rgb, ref random);
        if (random.NextDouble() < settings.GreyShare)
            Grey(rgb);
        if (random.NextDouble() < settings.BlurShare && Math.Min(width, height) >= settings.SmallestBlurred)
            Blur(rgb, width, height, 0.1 + 1.9 * random.NextDouble(), work);
    }

    private static void Jitter(double strength, Span<float> rgb, ref KeyedRandom random)
    {
        foreach (var kind in random.Permutation(4))
        {
            var factor = (float)(1 + 0.8 * strength * (2 * random.NextDouble() - 1));
            switch (kind)
            {
                case 0:
                    Brightness(rgb, factor);
                    break;
                case 1:
                    Contrast(rgb, factor);
                    break;
                case 2:
                    Saturation(rgb, factor);
                    break;
                default:
                    Hue(rgb, 0.2 * strength * (2 * random.NextDouble() - 1));
                    break;
            }
        }
    }

    /// <summary>Every channel times a factor.</summary>
    public static void Brightness(Span<float> rgb, float factor)
    {
        for (var i = 0; i < rgb.Length; i++)
            rgb[i] = Math.Clamp(rgb[i] * factor, 0, 1);
    }

    /// <summary>Away from, or towards, the picture's mean luma.</summary>
    public static void Contrast(Span<float> rgb, float factor)
    {
        var plane = rgb.Length / 3;
        var sum = 0.0;
        for (var i = 0; i < plane; i++)
            sum += Luma(rgb, i, plane);
        var mean = (float)(sum / plane);
        for (var i = 0; i < rgb.Length; i++)
            rgb[i] = Math.Clamp(mean + factor * (rgb[i] - mean), 0, 1);
    }

    /// <summary>Away from, or towards, each pixel's own luma.</summary>
    public static void Saturation(Span<float> rgb, float factor)
    {
        var plane = rgb.Length / 3;
        for (var i = 0; i < plane; i++)
        {
            var luma = Luma(rgb, i, plane);
            for (var at = i; at < rgb.Length; at += plane)
                rgb[at] = Math.Clamp(luma + factor * (rgb[at] - luma), 0, 1);
        }
    }

    /// <summary>Turns the hue of HSV.</summary>
    /// <param name="rgb">The picture.</param>
    /// <param name="turn">The angle as a share of the circle.</param>
    public static void Hue(Span<float> rgb, double turn)
    {
        var plane = rgb.Length / 3;
        for (var i = 0; i < plane; i++)
        {
            var (r, g, b) = (rgb[i], rgb[plane + i], rgb[2 * plane + i]);
            var (most, least) = (Math.Max(r, Math.Max(g, b)), Math.Min(r, Math.Min(g, b)));
            var range = most - least;
            if (range <= 0)
                continue;
            var sixths = most == r ? (g - b) / range : most == g ? 2 + (b - r) / range : 4 + (r - g) / range;
            var hue = sixths + 6 * turn;
            hue -= 6 * Math.Floor(hue / 6);
            // A channel at k sixths before the hue: 1 within one sixth of its own, falling over the next, 0 in the two opposite.
            rgb[i] = Channel(5);
            rgb[plane + i] = Channel(3);
            rgb[2 * plane + i] = Channel(1);

            float Channel(int shift)
            {
                var k = (shift + hue) % 6;
                return most - range * (float)Math.Clamp(Math.Min(k, 4 - k), 0, 1);
            }
        }
    }

    /// <summary>Every channel becomes the luma of ITU-R BT.601.</summary>
    public static void Grey(Span<float> rgb)
    {
        var plane = rgb.Length / 3;
        for (var i = 0; i < plane; i++)
        {
            var luma = Luma(rgb, i, plane);
            (rgb[i], rgb[plane + i], rgb[2 * plane + i]) = (luma, luma, luma);
        }
    }

    /// <summary>A Gaussian over a tenth of the shorter side, along rows, then along columns; the border is mirrored.</summary>
    public static void Blur(Span<float> rgb, int width, int height, double sigma, Span<float> work)
    {
        var reach = Math.Max(1, Math.Min(width, height) / 20);
        Span<float> kernel = stackalloc float[2 * reach + 1];
        var total = 0f;
        for (var k = -reach; k <= reach; k++)
            total += kernel[k + reach] = (float)Math.Exp(-k * k / (2 * sigma * sigma));
        foreach (ref var weight in kernel)
            weight /= total;
        var plane = width * height;
        for (var channel = 0; channel < 3; channel++)
        {
            var pixels = rgb.Slice(channel * plane, plane);
            Along(pixels, work[..plane], height, width, width, 1, kernel);
            Along(work[..plane], pixels, width, height, 1, width, kernel);
        }
    }

    private static void Along(ReadOnlySpan<float> from, Span<float> to, int lines, int length, int lineStep, int step, ReadOnlySpan<float> kernel)
    {
        var reach = kernel.Length / 2;
        for (var line = 0; line < lines; line++)
            for (var i = 0; i < length; i++)
            {
                var sum = 0f;
                for (var k = -reach; k <= reach; k++)
                {
                    var at = i + k;
                    at = at < 0 ? -at : at >= length ? 2 * (length - 1) - at : at;
                    sum += kernel[k + reach] * from[line * lineStep + Math.Clamp(at, 0, length - 1) * step];
                }
                to[line * lineStep + i * step] = sum;
            }
    }

    private static float Luma(ReadOnlySpan<float> rgb, int at, int plane) => Red * rgb[at] + Green * rgb[plane + at] + Blue * rgb[2 * plane + at];
}
