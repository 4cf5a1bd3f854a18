namespace OnnxPriors.Data.Corruptions;

/// <summary>A channel of a picture, or a layer over it: values row by row.</summary>
/// <param name="Width">Columns.</param>
/// <param name="Height">Rows.</param>
internal sealed record Plane(int Width, int Height)
{
    /// <summary>The values [Height, Width].</summary>
    public float[] Values { get; } = new float[Width * Height];

    /// <summary>A value; a place outside takes the nearest inside.</summary>
    public float Near(int x, int y) => Values[(Math.Clamp(y, 0, Height - 1) * Width) + Math.Clamp(x, 0, Width - 1)];

    /// <summary>A value; beyond an edge the picture is mirrored in its outermost pixels, which are not repeated.</summary>
    public float Mirrored(int x, int y) => Values[(Mirror(y, Height) * Width) + Mirror(x, Width)];

    /// <summary>A value between pixels, bilinear, mirrored beyond the edges.</summary>
    public float Between(double x, double y)
    {
        var (left, top) = ((int)Math.Floor(x), (int)Math.Floor(y));
        var (right, down) = ((float)(x - left), (float)(y - top));
        var upper = (Mirrored(left, top) * (1 - right)) + (Mirrored(left + 1, top) * right);
        var lower = (Mirrored(left, top + 1) * (1 - right)) + (Mirrored(left + 1, top + 1) * right);
        return (upper * (1 - down)) + (lower * down);
    }

    /// <summary>Another plane of the same size, each value a function of its place.</summary>
    public Plane Map(Func<int, int, float> value)
    {
        var mapped = new Plane(Width, Height);
        for (var y = 0; y < Height; y++)
            for (var x = 0; x < Width; x++)
                mapped.Values[(y * Width) + x] = value(x, y);
        return mapped;
    }

    private static int Mirror(int at, int length)
    {
        if (length == 1)
            return 0;
        var period = 2 * (length - 1);
        var place = ((at % period) + period) % period;
        return place < length ? place : period - place;
    }
}

/// <summary>A picture as three planes of values from 0 to 1.</summary>
internal sealed class Raster
{
    private Raster(int width, int height)
    {
        (Width, Height) = (width, height);
        Channels = [new(width, height), new(width, height), new(width, height)];
    }

    /// <summary>Columns.</summary>
    public int Width { get; }

    /// <summary>Rows.</summary>
    public int Height { get; }

    /// <summary>Red, green and blue.</summary>
    public Plane[] Channels { get; }

    /// <summary>How many times larger the picture is than CIFAR's, by its short side: what lengths in pixels are multiplied by.</summary>
    public double Scale => Math.Min(Width, Height) / 32.0;

    /// <summary>Takes a picture's pixels.</summary>
    public static Raster Of(ReadOnlySpan<byte> rgba, int width, int height)
    {
        var picture = new Raster(width, height);
        for (var c = 0; c < 3; c++)
        {
            var values = picture.Channels[c].Values;
            for (var i = 0; i < values.Length; i++)
                values[i] = rgba[(4 * i) + c] / 255f;
        }
        return picture;
    }

    /// <summary>Gives the pixels back, cut off at 0 and 1 and rounded down as the original does.</summary>
    public void WriteTo(Span<byte> rgba)
    {
        for (var c = 0; c < 3; c++)
        {
            var values = Channels[c].Values;
            // A value that was not touched comes back as it was: 255 · (v / 255) may fall short of v by its rounding.
            for (var i = 0; i < values.Length; i++)
                rgba[(4 * i) + c] = (byte)((Math.Clamp(values[i], 0f, 1f) * 255f) + 1e-3f);
        }
    }

    /// <summary>Changes each channel by a function of it.</summary>
    public void Replace(Func<Plane, Plane> change)
    {
        for (var c = 0; c < 3; c++)
            Channels[c] = change(Channels[c]);
    }

    /// <summary>Changes each value by a function of it.</summary>
    public void Change(Func<float, float> change)
    {
        foreach (var channel in Channels)
            foreach (ref var value in channel.Values.AsSpan())
                value = change(value);
    }
}
