using SkiaSharp;

namespace OnnxPriors.Data.Corruptions;

/// <summary>The digital corruptions. Numbers as in CIFAR-10-C's script, by strength; lengths as shares of the picture's short side.</summary>
internal static class DigitalCorruptions
{
    private static readonly float[] Contrasts = [0.75f, 0.5f, 0.4f, 0.3f, 0.15f];
    private static readonly double[] Sizes = [0.95, 0.9, 0.85, 0.75, 0.65];
    private static readonly int[] Qualities = [80, 65, 58, 50, 40];
    private static readonly (double Height, double Sigma, double Affine)[] Waves = [(0, 0, 0.08), (0.05, 0.2, 0.07), (0.08, 0.06, 0.06), (0.1, 0.04, 0.05), (0.1, 0.03, 0.03)];

    public static void Flatten(Raster picture, int strength)
    {
        foreach (var channel in picture.Channels)
        {
            var mean = (float)channel.Values.Average(value => (double)value);
            foreach (ref var value in channel.Values.AsSpan())
                value = ((value - mean) * Contrasts[strength - 1]) + mean;
        }
    }

    public static void Pixelate(Raster picture, int strength)
    {
        var (width, height) = (Math.Max(1, (int)(picture.Width * Sizes[strength - 1])), Math.Max(1, (int)(picture.Height * Sizes[strength - 1])));
        picture.Replace(channel =>
        {
            var small = new Plane(width, height).Map((x, y) => Mean(channel, Covered(x, channel.Width, width), Covered(y, channel.Height, height)));
            return channel.Map((x, y) => small.Near((int)((x + 0.5) * width / channel.Width), (int)((y + 0.5) * height / channel.Height)));
        });

        // The pixels whose middle lies within the box of a pixel of the smaller picture (Pillow's BOX).
        static (int First, int End) Covered(int at, int from, int to)
        {
            var scale = (double)from / to;
            return ((int)((at * scale) + 0.5), Math.Min(from, (int)(((at + 1) * scale) + 0.5)));
        }

        static float Mean(Plane plane, (int First, int End) columns, (int First, int End) rows)
        {
            var sum = 0f;
            for (var y = rows.First; y < rows.End; y++)
                for (var x = columns.First; x < columns.End; x++)
                    sum += plane.Near(x, y);
            return sum / ((columns.End - columns.First) * (rows.End - rows.First));
        }
    }

    public static void Elastic(Raster picture, int strength, NoiseSource noise)
    {
        var side = Math.Min(picture.Width, picture.Height);
        var (height, sigma, affine) = Waves[strength - 1];
        var back = Affine(picture, side / 3.0, affine * side, noise);
        var right = Displacement();
        var down = Displacement();
        picture.Replace(channel =>
        {
            var moved = channel.Map((x, y) => channel.Between(back.X(x, y), back.Y(x, y)));
            return moved.Map((x, y) => moved.Between(x + right.Near(x, y), y + down.Near(x, y)));
        });

        Plane Displacement()
        {
            var field = new Plane(picture.Width, picture.Height).Map((_, _) => (float)noise.Uniform(-1, 1));
            field = Filters.Gaussian(field, sigma * side, truncate: 3);
            foreach (ref var value in field.Values.AsSpan())
                value *= (float)(height * side);
            return field;
        }
    }

    // Three points of a square about the middle, each moved at random: the affine map that takes them back.
    private static (Func<int, int, double> X, Func<int, int, double> Y) Affine(Raster picture, double square, double reach, NoiseSource noise)
    {
        var (middleX, middleY) = (picture.Width / 2.0, picture.Height / 2.0);
        (double X, double Y)[] from = [(middleX + square, middleY + square), (middleX + square, middleY - square), (middleX - square, middleY - square)];
        var to = from.Select(point => (X: point.X + noise.Uniform(-reach, reach), Y: point.Y + noise.Uniform(-reach, reach))).ToArray();
        var (ux, uy, vx, vy) = (to[0].X - to[1].X, to[0].Y - to[1].Y, to[2].X - to[1].X, to[2].Y - to[1].Y);
        var determinant = (ux * vy) - (uy * vx);
        return ((x, y) => Back(x, y, 0), (x, y) => Back(x, y, 1));

        double Back(int x, int y, int axis)
        {
            var (dx, dy) = (x - to[1].X, y - to[1].Y);
            var (u, v) = (((dx * vy) - (dy * vx)) / determinant, ((ux * dy) - (uy * dx)) / determinant);
            return axis == 0
                ? from[1].X + (u * (from[0].X - from[1].X)) + (v * (from[2].X - from[1].X))
                : from[1].Y + (u * (from[0].Y - from[1].Y)) + (v * (from[2].Y - from[1].Y));
        }
    }

    /// <summary>Through JPEG and back, with the image library's encoder.</summary>
    public static void Compress(Span<byte> rgba, int width, int height, int strength)
    {
        var info = new SKImageInfo(width, height, SKColorType.Rgba8888, SKAlphaType.Opaque);
        using var picture = new SKBitmap(info);
        rgba.CopyTo(picture.GetPixelSpan());
        using var encoded = picture.Encode(SKEncodedImageFormat.Jpeg, Qualities[strength - 1])
            ?? throw new DataException($"A picture of {width} × {height} pixels cannot be encoded as JPEG.");
        using var decoded = SKBitmap.Decode(encoded.AsSpan(), info) ?? throw new DataException("A picture that was encoded as JPEG cannot be decoded again.");
        decoded.GetPixelSpan().CopyTo(rgba);
    }
}
