using System.Runtime.InteropServices;
using SkiaSharp;

namespace OnnxPriors.Data.Images;

/// <summary>
/// Decodes JPEG, PNG, BMP and WebP to 8-bit RGBA: grey is spread over three channels, CMYK converted, transparency laid over
/// white, the orientation in EXIF applied. Colour profiles are ignored, as training pipelines do.
/// </summary>
internal static class PictureDecoder
{
    /// <summary>The endings of the files taken for pictures.</summary>
    public static bool IsPicture(string name) =>
        Path.GetExtension(name).ToUpperInvariant() is ".JPG" or ".JPEG" or ".PNG" or ".BMP" or ".WEBP";

    /// <summary>Decodes a picture file.</summary>
    /// <param name="encoded">The file's bytes.</param>
    /// <param name="name">The file, for messages.</param>
    /// <param name="limits">What a picture may ask for.</param>
    /// <param name="enough">
    /// A JPEG is decoded at ½, ¼ or ⅛ of its size (a mean over blocks) while its short side stays at or above this; 0: full size.
    /// </param>
    /// <param name="target">Takes the pixels.</param>
    /// <exception cref="DataException">The file is broken, cut short, too large, or of another format.</exception>
    public static unsafe void Decode(ReadOnlySpan<byte> encoded, string name, DataLimits limits, int enough, Example target)
    {
        fixed (byte* bytes = encoded)
        {
            using var data = SKData.Create((IntPtr)bytes, encoded.Length);
            using var codec = SKCodec.Create(data)
                ?? throw new DataException($"'{name}' is no picture that can be decoded: it is broken, or none of JPEG, PNG, BMP and WebP. Copy it again, or take it away.");
            if (codec.EncodedFormat is not (SKEncodedImageFormat.Jpeg or SKEncodedImageFormat.Png or SKEncodedImageFormat.Bmp or SKEncodedImageFormat.Webp))
                throw new DataException($"'{name}' is a {codec.EncodedFormat} picture; JPEG, PNG, BMP and WebP are read.");
            var (width, height) = (codec.Info.Width, codec.Info.Height);
            if (width <= 0 || height <= 0 || (long)width * height > limits.Pixels)
                throw new DataException($"'{name}' declares {width} × {height} pixels; at most {limits.Pixels} are decoded.");
            if (codec.EncodedFormat == SKEncodedImageFormat.Jpeg && Reduction(Math.Min(width, height), enough) is var divisor and > 1)
                (width, height) = codec.GetScaledDimensions(1f / divisor) is var size ? (size.Width, size.Height) : default;

            var origin = codec.EncodedOrigin;
            var turned = origin is not (SKEncodedOrigin.Default or SKEncodedOrigin.TopLeft);
            var info = new SKImageInfo(width, height, SKColorType.Rgba8888, codec.Info.IsOpaque ? SKAlphaType.Opaque : SKAlphaType.Unpremul);
            var pixels = turned ? MemoryMarshal.AsBytes(target.StartTurning(width * height)) : target.StartPixels(width, height);
            SKCodecResult result;
            fixed (byte* to = pixels)
                result = codec.GetPixels(info, (IntPtr)to, info.RowBytes, SKCodecOptions.Default);
            if (result != SKCodecResult.Success)
                throw new DataException($"'{name}' is broken or cut short: its {width} × {height} pixels cannot all be decoded ({result}).");
            if (!codec.Info.IsOpaque)
                LayOverWhite(pixels);
            if (turned)
                Turn(MemoryMarshal.Cast<byte, uint>(pixels), width, height, origin, target);
        }
    }

    private static int Reduction(int shortSide, int enough)
    {
        if (enough <= 0)
            return 1;
        var divisor = 1;
        while (divisor < 8 && shortSide / (divisor * 2) >= enough)
            divisor *= 2;
        return divisor;
    }

    private static void LayOverWhite(Span<byte> pixels)
    {
        for (var at = 0; at < pixels.Length; at += 4)
        {
            int alpha = pixels[at + 3];
            if (alpha == 255)
                continue;
            for (var channel = 0; channel < 3; channel++)
                pixels[at + channel] = (byte)((pixels[at + channel] * alpha + 255 * (255 - alpha) + 127) / 255);
            pixels[at + 3] = 255;
        }
    }

    /// <summary>Puts the pixels upright; the eight orientations are those of EXIF 2.3, tag 0x0112.</summary>
    private static void Turn(ReadOnlySpan<uint> from, int width, int height, SKEncodedOrigin origin, Example target)
    {
        var sideways = origin >= SKEncodedOrigin.LeftTop;
        var (outWidth, outHeight) = sideways ? (height, width) : (width, height);
        var to = MemoryMarshal.Cast<byte, uint>(target.StartPixels(outWidth, outHeight));
        // The source index of the upright picture's first pixel, and the steps of one pixel right and down.
        var last = width * height - 1;
        var (first, right, down) = origin switch
        {
            SKEncodedOrigin.TopRight => (width - 1, -1, width),
            SKEncodedOrigin.BottomRight => (last, -1, -width),
            SKEncodedOrigin.BottomLeft => (last - width + 1, 1, -width),
            SKEncodedOrigin.LeftTop => (0, width, 1),
            SKEncodedOrigin.RightTop => (last - width + 1, -width, 1),
            SKEncodedOrigin.RightBottom => (last, -width, -1),
            SKEncodedOrigin.LeftBottom => (width - 1, width, -1),
            _ => (0, 1, width),
        };
        for (var y = 0; y < outHeight; y++)
            for (int x = 0, at = first + y * down; x < outWidth; x++, at += right)
                to[y * outWidth + x] = from[at];
    }
}
