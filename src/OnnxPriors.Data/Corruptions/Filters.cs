namespace OnnxPriors.Data.Corruptions;

/// <summary>The filters that several corruptions share.</summary>
internal static class Filters
{
    /// <summary>A Gaussian blur.</summary>
    /// <param name="plane">What is blurred.</param>
    /// <param name="sigma">The standard deviation in pixels; 0 leaves it as it is.</param>
    /// <param name="truncate">Where the kernel ends, in standard deviations.</param>
    public static Plane Gaussian(Plane plane, double sigma, double truncate = 4)
    {
        var radius = (int)((truncate * sigma) + 0.5);
        if (radius == 0)
            return plane;
        var weights = new float[(2 * radius) + 1];
        for (var i = -radius; i <= radius; i++)
            weights[i + radius] = (float)Math.Exp(-i * i / (2 * sigma * sigma));
        Normalize(weights);
        var across = plane.Map((x, y) => Sum(weights, i => plane.Near(x + i - radius, y)));
        return across.Map((x, y) => Sum(weights, i => across.Near(x, y + i - radius)));
    }

    /// <summary>A motion blur as ImageMagick's: a one-sided Gaussian of <c>2 · ⌈radius⌉ + 1</c> pixels along a direction.</summary>
    /// <param name="plane">What is blurred.</param>
    /// <param name="radius">The length, in pixels.</param>
    /// <param name="sigma">The standard deviation, in pixels.</param>
    /// <param name="degrees">The direction.</param>
    public static Plane Motion(Plane plane, double radius, double sigma, double degrees)
    {
        var weights = new float[(2 * (int)Math.Ceiling(radius)) + 1];
        for (var i = 0; i < weights.Length; i++)
            weights[i] = (float)Math.Exp(-i * i / (2 * sigma * sigma));
        Normalize(weights);
        var (sine, cosine) = Math.SinCos(degrees * Math.PI / 180);
        var right = new int[weights.Length];
        var down = new int[weights.Length];
        for (var i = 0; i < weights.Length; i++)
            (right[i], down[i]) = ((int)Math.Ceiling((i * cosine) - 0.5), (int)Math.Ceiling((i * sine) - 0.5));
        return plane.Map((x, y) => Sum(weights, i => plane.Near(x + right[i], y + down[i])));
    }

    /// <summary>A convolution with a square kernel of odd side, mirrored at the edges.</summary>
    /// <param name="plane">What is filtered.</param>
    /// <param name="kernel">The kernel [side, side].</param>
    /// <param name="side">Its side.</param>
    public static Plane Convolve(Plane plane, float[] kernel, int side)
    {
        var radius = side / 2;
        return plane.Map((x, y) => Sum(kernel, i => plane.Mirrored(x + (i % side) - radius, y + (i / side) - radius)));
    }

    /// <summary>The middle of a plane, enlarged to the plane's size, bilinear.</summary>
    /// <param name="plane">The plane.</param>
    /// <param name="factor">How much, 1 or above.</param>
    public static Plane Enlarged(Plane plane, double factor)
    {
        var (middleX, middleY) = ((plane.Width - 1) / 2.0, (plane.Height - 1) / 2.0);
        return plane.Map((x, y) => plane.Between(middleX + ((x - middleX) / factor), middleY + ((y - middleY) / factor)));
    }

    /// <summary>Divides weights by their sum.</summary>
    public static void Normalize(Span<float> weights)
    {
        var sum = 0f;
        foreach (var weight in weights)
            sum += weight;
        foreach (ref var weight in weights)
            weight /= sum;
    }

    private static float Sum(float[] weights, Func<int, float> value)
    {
        var sum = 0f;
        for (var i = 0; i < weights.Length; i++)
            if (weights[i] != 0)
                sum += weights[i] * value(i);
        return sum;
    }
}
