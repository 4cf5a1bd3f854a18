namespace OnnxPriors.Data.Images;

/// <summary>
/// One axis of the way from a picture to the model's input: the picture's span [From, From + Span) is resized to
/// <paramref name="Resized"/> pixels, and the output shows them from <paramref name="Offset"/> on. What lies outside is black.
/// </summary>
/// <param name="From">Where the span starts, in source pixels.</param>
/// <param name="Span">The span's length in source pixels.</param>
/// <param name="Resized">The length the span is resized to.</param>
/// <param name="Offset">The resized pixel that is the output's first; below 0 the output starts with black.</param>
/// <param name="Output">The output's length.</param>
/// <param name="Mirrored">Whether the output runs backwards.</param>
internal readonly record struct FrameAxis(int From, int Span, int Resized, int Offset, int Output, bool Mirrored = false);

/// <summary>Which part of a picture becomes the model's input.</summary>
internal readonly record struct Frame(FrameAxis X, FrameAxis Y)
{
    /// <summary>
    /// The frame of evaluation. The short side is resized to <see cref="Preprocessing.Resize"/> and the centre cropped, with the
    /// roundings of torchvision's Resize and CenterCrop; where that does not cover the output, the picture is enlarged until it does.
    /// </summary>
    public static Frame Of(Preprocessing preprocessing, int width, int height)
    {
        if (preprocessing.Size is not { } size)
            return new Frame(new FrameAxis(0, width, width, 0, width), new FrameAxis(0, height, height, 0, height));
        var (resizedWidth, resizedHeight) = (size.Width, size.Height);
        if (preprocessing.Crop == CropMode.Center)
            (resizedWidth, resizedHeight) = Resized(preprocessing.Resize, size, width, height);
        return new Frame(Centred(width, resizedWidth, size.Width), Centred(height, resizedHeight, size.Height));
    }

    private static (int Width, int Height) Resized(int? shortSide, ImageSize size, int width, int height)
    {
        if (shortSide is { } side)
        {
            var (w, h) = width <= height ? (side, (int)((long)side * height / width)) : ((int)((long)side * width / height), side);
            if (w >= size.Width && h >= size.Height)
                return (w, h);
        }
        var scale = Math.Max((double)size.Width / width, (double)size.Height / height);
        return (Math.Max(size.Width, (int)Math.Round(width * scale)), Math.Max(size.Height, (int)Math.Round(height * scale)));
    }

    private static FrameAxis Centred(int length, int resized, int output) =>
        new(0, length, resized, (int)Math.Round((resized - output) / 2.0, MidpointRounding.ToEven), output);
}
