using SkiaSharp;

namespace OnnxPriors.Data.Images;

/// <summary>
/// A picture of a segmentation for people: the picture, the truth and the prediction laid over it, side by side. Each class has a
/// colour of its own, the same in every picture; pixels that do not count are black.
/// </summary>
public static class OverlayPicture
{
    private const int Gap = 4;

    // How much of the colour covers the picture.
    private const double Cover = 0.6;

    /// <summary>Writes the three as one PNG file.</summary>
    /// <param name="stream">Takes the file.</param>
    /// <param name="picture">The picture [3, H, W], red, green and blue from 0 to 255.</param>
    /// <param name="truth">The true classes [H, W].</param>
    /// <param name="prediction">The predicted classes [H, W].</param>
    /// <param name="width">W.</param>
    /// <param name="ignore">The label of pixels that do not count.</param>
    /// <exception cref="ArgumentException">The sizes do not fit together.</exception>
    public static void Write(Stream stream, ReadOnlySpan<float> picture, ReadOnlySpan<long> truth, ReadOnlySpan<int> prediction, int width, long ignore)
    {
        ArgumentNullException.ThrowIfNull(stream);
        ArgumentOutOfRangeException.ThrowIfNegativeOrZero(width);
        var plane = truth.Length;
        if (picture.Length != 3 * plane || prediction.Length != plane || plane % width != 0)
            throw new ArgumentException($"A picture of {picture.Length / 3} pixels, a truth of {plane} and a prediction of {prediction.Length} in rows of {width} do not fit together.", nameof(picture));
        var height = plane / width;
        using var canvas = new SKBitmap(new SKImageInfo(3 * width + 2 * Gap, height, SKColorType.Rgba8888, SKAlphaType.Opaque));
        canvas.Erase(SKColors.White);
        for (var y = 0; y < height; y++)
            for (var x = 0; x < width; x++)
            {
                var at = y * width + x;
                var pixel = new SKColor(Byte(picture[at]), Byte(picture[plane + at]), Byte(picture[2 * plane + at]));
                canvas.SetPixel(x, y, pixel);
                canvas.SetPixel(x + width + Gap, y, truth[at] == ignore ? SKColors.Black : Over(pixel, Colour((int)truth[at])));
                canvas.SetPixel(x + 2 * (width + Gap), y, Over(pixel, Colour(prediction[at])));
            }
        using var image = SKImage.FromBitmap(canvas);
        using var data = image.Encode(SKEncodedImageFormat.Png, 100);
        data.SaveTo(stream);
    }

    // Steps of the golden angle around the circle of hues keep neighbouring classes apart, and lightness alternates.
    private static SKColor Colour(int label) => SKColor.FromHsl(label * 137.508f % 360, 85, label % 2 == 0 ? 45 : 65);

    private static SKColor Over(SKColor below, SKColor above) => new(Mixed(below.Red, above.Red), Mixed(below.Green, above.Green), Mixed(below.Blue, above.Blue));

    private static byte Mixed(byte below, byte above) => (byte)(below * (1 - Cover) + above * Cover);

    private static byte Byte(float value) => (byte)Math.Clamp((int)MathF.Round(value), 0, 255);
}
