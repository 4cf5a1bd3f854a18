using OnnxPriors.Data.Images;
using SkiaSharp;

namespace OnnxPriors.Data.Tests.Images;

[TestClass]
public sealed class PictureDecoderTests
{
    // Quantisation at quality 100 and the rounding of colour conversion.
    private const int JpegError = 3;

    // A JPEG of 16 × 16 pixels in CMYK by Pillow 9.4, quality 95; its quarters are (0, 0, 0, 0), (255, 0, 0, 0), (0, 200, 100, 50), (0, 0, 0, 255).
    private const string CmykJpeg =
        "/9j/7gAOQWRvYmUAZAAAAAAA/9sAQwACAQEBAQECAQEBAgICAgIEAwICAgIFBAQDBAYFBgYGBQYGBgcJCAYHCQcGBggLCAkKCgoKCgYICwwLCgwJCgoK/8AA"
        + "FAgAEAAQBEMRAE0RAFkRAEsRAP/EAB8AAAEFAQEBAQEBAAAAAAAAAAABAgMEBQYHCAkKC//EALUQAAIBAwMCBAMFBQQEAAABfQECAwAEEQUSITFBBhNRYQci"
        + "cRQygZGhCCNCscEVUtHwJDNicoIJChYXGBkaJSYnKCkqNDU2Nzg5OkNERUZHSElKU1RVVldYWVpjZGVmZ2hpanN0dXZ3eHl6g4SFhoeIiYqSk5SVlpeYmZqi"
        + "o6Slpqeoqaqys7S1tre4ubrCw8TFxsfIycrS09TV1tfY2drh4uPk5ebn6Onq8fLz9PX29/j5+v/aAA4EQwBNAFkASwAAPwD9/K/fyv38r9/K/gDooor+/wAr"
        + "+N+vxvr43or+yCv2Qr+Muv/Z";

    [TestMethod]
    [DataRow(SKEncodedImageFormat.Png, 0)]
    [DataRow(SKEncodedImageFormat.Jpeg, JpegError)]
    [DataRow(SKEncodedImageFormat.Webp, 12)]
    public void Formats_decode_to_their_pixels(SKEncodedImageFormat format, int tolerance)
    {
        var example = Decode(Pictures.Encode(40, 24, Colour, format));

        Assert.AreEqual((40, 24), (example.Width, example.Height));
        AssertPixel(example, 5, 5, Colour(5, 5), tolerance);
        AssertPixel(example, 35, 5, Colour(35, 5), tolerance);
        AssertPixel(example, 35, 20, Colour(35, 20), tolerance);

        static SKColor Colour(int x, int y) => x < 20 ? new SKColor(200, 30, 90) : y < 12 ? new SKColor(10, 220, 40) : SKColors.White;
    }

    [TestMethod]
    public void A_bitmap_is_decoded()
    {
        // BITMAPINFOHEADER, 2 × 1 pixels of 24 bits: blue, green, red; rows padded to four bytes.
        byte[] bitmap =
        [
            (byte)'B', (byte)'M', 62, 0, 0, 0, 0, 0, 0, 0, 54, 0, 0, 0,
            40, 0, 0, 0, 2, 0, 0, 0, 1, 0, 0, 0, 1, 0, 24, 0, 0, 0, 0, 0, 8, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0,
            1, 2, 3, 4, 5, 6, 0, 0,
        ];

        var example = Decode(bitmap);

        AssertPixel(example, 0, 0, new SKColor(3, 2, 1), 0);
        AssertPixel(example, 1, 0, new SKColor(6, 5, 4), 0);
    }

    [TestMethod]
    public void Grey_is_spread_over_the_channels()
    {
        using var bitmap = new SKBitmap(new SKImageInfo(3, 3, SKColorType.Gray8, SKAlphaType.Opaque));
        bitmap.Erase(new SKColor(77, 77, 77));
        using var data = bitmap.Encode(SKEncodedImageFormat.Png, 100);

        AssertPixel(Decode(data.ToArray()), 1, 1, new SKColor(77, 77, 77), 0);
    }

    [TestMethod]
    public void Transparency_is_laid_over_white()
    {
        var example = Decode(Pictures.Png(2, 1, (x, _) => x == 0 ? new SKColor(0, 100, 200, 0) : new SKColor(0, 100, 200, 128)));

        AssertPixel(example, 0, 0, SKColors.White, 0);
        AssertPixel(example, 1, 0, new SKColor(127, 177, 227), 1);
    }

    [TestMethod]
    public void A_CMYK_picture_is_converted()
    {
        var example = Decode(Convert.FromBase64String(CmykJpeg));

        AssertPixel(example, 3, 3, SKColors.White, JpegError);
        AssertPixel(example, 12, 3, new SKColor(0, 255, 255), JpegError);
        AssertPixel(example, 3, 12, new SKColor(205, 44, 125), JpegError);
        AssertPixel(example, 12, 12, SKColors.Black, JpegError);
    }

    /// <summary>The stored quarters are red and green over blue and white; the columns say how each orientation shows them.</summary>
    [TestMethod]
    [DataRow(1, "RGBW")]
    [DataRow(2, "GRWB")]
    [DataRow(3, "WBGR")]
    [DataRow(4, "BWRG")]
    [DataRow(5, "RBGW")]
    [DataRow(6, "BRWG")]
    [DataRow(7, "WGBR")]
    [DataRow(8, "GWRB")]
    public void The_orientation_in_EXIF_is_applied(int orientation, string shown)
    {
        var jpeg = Pictures.Encode(48, 16, (x, y) => (x < 24, y < 8) switch
        {
            (true, true) => SKColors.Red,
            (false, true) => SKColors.Lime,
            (true, false) => SKColors.Blue,
            _ => SKColors.White,
        }, SKEncodedImageFormat.Jpeg);
        byte[] exif =
        [
            0xFF, 0xE1, 0, 34, .. "Exif"u8, 0, 0, (byte)'M', (byte)'M', 0, 42, 0, 0, 0, 8,
            0, 1, 0x01, 0x12, 0, 3, 0, 0, 0, 1, 0, (byte)orientation, 0, 0, 0, 0, 0, 0,
        ];

        var example = Decode([.. jpeg[..2], .. exif, .. jpeg[2..]]);

        var (width, height) = orientation >= 5 ? (16, 48) : (48, 16);
        Assert.AreEqual((width, height), (example.Width, example.Height));
        for (var quarter = 0; quarter < 4; quarter++)
        {
            var expected = shown[quarter] switch { 'R' => SKColors.Red, 'G' => SKColors.Lime, 'B' => SKColors.Blue, _ => SKColors.White };
            AssertPixel(example, width * (1 + 2 * (quarter % 2)) / 4, height * (1 + 2 * (quarter / 2)) / 4, expected, JpegError);
        }
    }

    [TestMethod]
    public void A_large_JPEG_is_reduced_while_decoding_to_what_is_enough()
    {
        var jpeg = Pictures.Encode(800, 400, (x, _) => x < 400 ? SKColors.Red : SKColors.Blue, SKEncodedImageFormat.Jpeg);

        Assert.AreEqual((400, 200), Size(Decode(jpeg, enough: 101)));
        Assert.AreEqual((200, 100), Size(Decode(jpeg, enough: 100)));
        Assert.AreEqual((800, 400), Size(Decode(jpeg, enough: 0)));
        AssertPixel(Decode(jpeg, enough: 100), 50, 50, SKColors.Red, JpegError);

        static (int, int) Size(Example example) => (example.Width, example.Height);
    }

    [TestMethod]
    public void A_JPEG_that_is_cut_short_is_refused_by_name()
    {
        var random = new Random(1);
        var jpeg = Pictures.Encode(64, 64, (_, _) => new SKColor((uint)random.Next() | 0xFF000000), SKEncodedImageFormat.Jpeg);

        foreach (var length in new[] { 0, 1, 20, jpeg.Length / 2, jpeg.Length * 9 / 10 })
        {
            var error = Assert.ThrowsExactly<DataException>(() => Decode(jpeg[..length]), $"{length} bytes");
            Assert.Contains("'tested.jpg'", error.Message);
        }
    }

    [TestMethod]
    public void A_text_file_and_a_picture_of_another_format_are_refused()
    {
        Assert.ThrowsExactly<DataException>(() => Decode("no picture at all"u8.ToArray()));
        Assert.ThrowsExactly<DataException>(() => Decode(Convert.FromBase64String("R0lGODlhAQABAIAAAAAAAP///yH5BAEAAAAALAAAAAABAAEAAAIBRAA7")));
    }

    [TestMethod]
    public void A_small_file_that_declares_a_billion_pixels_is_refused_before_it_is_decoded()
    {
        var png = Pictures.Png();
        // Width and height stand in the IHDR chunk at 16 and 20, its checksum at 29.
        (png[16], png[17], png[18], png[19]) = (0, 0, 0x7F, 0xFF);
        (png[20], png[21], png[22], png[23]) = (0, 0, 0x7F, 0xFF);
        System.Buffers.Binary.BinaryPrimitives.WriteUInt32BigEndian(png.AsSpan(29), Crc32(png.AsSpan(12, 17)));

        var error = Assert.ThrowsExactly<DataException>(() => Decode(png));

        Assert.Contains("32767 × 32767", error.Message);
    }

    private static uint Crc32(ReadOnlySpan<byte> bytes)
    {
        var crc = uint.MaxValue;
        foreach (var value in bytes)
        {
            crc ^= value;
            for (var bit = 0; bit < 8; bit++)
                crc = (crc >> 1) ^ (0xEDB88320 & (uint)-(int)(crc & 1));
        }
        return ~crc;
    }

    private static Example Decode(byte[] bytes, int enough = 0)
    {
        var example = new Example();
        PictureDecoder.Decode(bytes, "tested.jpg", DataLimits.Default, enough, example);
        return example;
    }

    private static void AssertPixel(Example example, int x, int y, SKColor expected, int tolerance)
    {
        var pixel = example.Rgba.Slice(4 * (y * example.Width + x), 4);
        Assert.AreEqual(expected.Red, pixel[0], (float)tolerance, $"red at ({x}, {y})");
        Assert.AreEqual(expected.Green, pixel[1], (float)tolerance, $"green at ({x}, {y})");
        Assert.AreEqual(expected.Blue, pixel[2], (float)tolerance, $"blue at ({x}, {y})");
        Assert.AreEqual(255, pixel[3]);
    }
}
