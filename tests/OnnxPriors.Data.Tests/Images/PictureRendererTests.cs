using OnnxPriors.Data.Images;

namespace OnnxPriors.Data.Tests.Images;

[TestClass]
public sealed class PictureRendererTests
{
    // Pillow rounds to whole levels after each of its two passes, half a level each at most; the rest is its fixed-point weights.
    private const float PillowRounding = 1.02f;

    /// <summary>The expected levels [H, W, 3] come from Pillow 9.4: resize(…, BILINEAR) as torchvision sizes it, then the centre crop.</summary>
    [TestMethod]
    [DataRow(53, 37, 16, 12, "ubpFzHQxv0FJkDVkUEh/LmGaPnmyU5G3aaqYgLZulbtVq5xc1TlGgzJmO0yFLWelQ4S/W5+mc7t0i75Ro4VNvF5iyEyBnE6hXUV8LmSgQYK/W6KwdrxrkK9Gq21Vw1B4xEObhV2wWHyiPJp1N3SyVJfBcLp3jMZBqXxWxTp9yEWjlGeqS4mRO6xiVbtRcpRxYKS4f8ZRnZ1HvFRvyUOclmG7UIeAPaxNV69RdoZ8lWKns02sicJVq5VQyjp/uk+vXXm0OKFpUL9NcYV2kkWlskqpv29tkJhftGZUyTiKl1y7PoqTQ7RQZbpiiGOVq0asw2iLk5ZbT7BuP5eb0ziJeWPAL5OgTsFLdKBzmUuru1Sfs4JPdLBeN5qWVVuhe0xsgGK7OJamVr1Sfn16p0uwyWKDm5VXPLp0RnqsbUqTlGJeupVwNZKjXLxRhXR6rz60yG6Cc6NOQqiIV1izgU5wrH9huK2Pg5ufW7hGiHdytD2zw3GJdatSPriQZVOekVhuu5NrprCfWX6HRE1chKlfsz6mtGyJSqlRRMGPbWGgm2JPv51yo7CnQ2tiVFlhg5Oc")]
    [DataRow(9, 7, 20, 16, "DSxLDy5NEjFQFDNTFzZVGThYHDtbHj5dIUFgJERjJ0ZlKkloLEtqL05tMVBvNFNyETBPEzNSFjZVGThYGztaHj1dIUBgI0NjJkZmKUlpLExrL09uMVFwNFRzNlZ1OVl4FjVUGDhXGztaHj1dIEBfI0JiJkVlKEhoK0trLk5uMVFxNFR0NlZ2OVl5O1t7Pl5+GzpZHT1cIEBfI0JiJUVkKEdnK0prLU1uMFBxM1N0NlZ3OVp6O1x9Pl9/QGGCQ2SFHz9eIkJhJUVlKEhoKkpqLU1tMFBwM1NzNlZ2OVl5PFx8P1+AQWKDRGSFRmeISWqMJERjJ0dmKkpqLU1tL09vMlJyNVV2OFh5O1t8Pl5/QWGCRGWGRmiJSWqLS22OTnCSKUhoLEtrL09vMlJyNFR1N1d4Olt8PV5/QGGCQ2SFRmeISWuMTG6PTnCSUXOVVHaZLk1tMVBwNFR0N1d3OVl6PFx9P2CBQmOERWaHSGmLS2yOTnCSUXOVU3WYVnibWXyfMlFxNVR1OFh4O1t8PV+AQGKDRGaHR2mKSmyNTW+RUHKUVHaYV3mbWXueXH6hX4KlN1Z2Oll6PV19QGCBQmSFRWeISWuMTG6PT3GSUnSWVXeaWXueXH6hXoGkYYSoZIirO1t7Pl5/QmKCRWWGR2mKSmyNTnCRUXOUVHaYV3qcWn2gXoGkYYSnY4erZoqvao6yQGCAQ2OER2eHSmqLTG6PT3GTU3WXVniaWXyeXICiX4OmY4eqZoqtaY2xbJC1cJS4RWWFSGmJTGyNT3CRUnSVVXeYWXucXH6gX4GkYoWoZYisaYywbI+zbpO3cZa7dZq/SmqKTW6OUXGSVHWWV3maWnyeXoCiYYOmZIeqZ4uuao6ybpK2cZW6dJm+d53Ce6DGT2+PUnOTVnaXWXqbXH6fX4GjY4WnZoiraYyvbJCzb5O4c5e8dprAeZ7EfKLIgKbMU3OTVneYWnucXX+gYYOkZIaoaIqsa42xbpG1cZW5dJm+eJ3Ce6DGfqTKgajOhazS")]
    [DataRow(30, 41, 41, 17, "K2ObNW+pPnu3R4bEUJHSWp3fY6nobbSWd79IgMsWidYjkuExnLY/pXZMr4FauD9owRt1N3CqQXy4SonGVJTUXaDiZ6zdcLi5esM5hM8bjtsomOY2ochEq25TtAthvhZvxyJ90S6LQ364TYrHV5bVYaHjaq7xdLq0fsYWiNIfkt8sm+s6pfZIrlZXuBNmwht0zCeD1jSR4ECgT4vHWZfWY6TlbbD0d72bgclGi9YgleIvn+8/qdJNs1pbvStrxyB60S2I2zmY5kam8FO1W5jWZaXlcLLoer6lhMtQjtgimeEyo5tBrY9Rt3pgwR1uzCV+1jKN4D+c6kusr1i8j2XLZ6bkcrPjfcDBh8w1kdkjm9kzpsFDsDNSuw9ixRxyzyiB2jaR5EOh6FCx0l3BVGrRD3fRc7PyfsCric4pk9sonug0qLBEsxxUvhdkyR910yyF3TmU6Eek81S02WLEOm/VHH3lHoqkgMCYi85NltwjoOozq5pEtkZVwRNlzCF21y+H4TyX7Eqnhli4X2XJW3PZIoHqIo+WLZxIjM5Jl9whouAzralDuEtUwxRlzyJ22jCH5T+Z2UypoFq6NmjMEHbdG4TfJpOrMqFNPa8hmNsfo+Awr8VCuitSxRRk0CN13DGH5z+Y5U6qr1y8EWrNE3nfH4flKpXENaQsQbIlTME2o+gtr6Y/uyxRxhxi0SN03TKG6UCY9E6qlV69LG3PF3vgIoryLpmpOac6RLYsUMU6W9RLr5g7u0pOyBRh0yNy3jGE6kCX8VCqk168Rm7PGX3hJIvzMJuhPKpYSLkqU8g8YNdPa+Zhu0NKxxJd1CJw3zGC60CV4E+osV+7OW7NHH7gKI3iM5y9P6xPS7srV8o+YtpQb7pke613xxBZ0yBs4DCA5kCT8k+msl+5EW/MHX7fKo7vNp7FQa0hTr0sWsw/ZttScuZlf1l5iwuM1B5n4C172D2PVU6jQ162PW7JHn7dKo7xN56kQ65HT70uXM0/aN1Tdc9mgVF6jiWOmh6i4Ct2vTuKbUueGlyyEmzGHn3aLI3qOJ2iRa5YUb4qXc4+at5Sd7lnhG16kB6PnSCjqTC37DiEmEmZBlmuEmrCH3rWK4vZOZy/Ra1CUr4pX849a95ReMdlhXJ6khCOnyCjrDK3uUPM")]
    public void Resizing_and_cropping_agree_with_Pillow(int width, int height, int shortSide, int size, string expectedLevels)
    {
        var expected = Convert.FromBase64String(expectedLevels);
        var preprocessing = new Preprocessing { Size = new ImageSize(size, size), Resize = shortSide, Scale = PixelScale.Byte };

        var output = Render(Synthetic(width, height), preprocessing);

        for (var y = 0; y < size; y++)
            for (var x = 0; x < size; x++)
                for (var c = 0; c < 3; c++)
                    Assert.AreEqual(expected[(y * size + x) * 3 + c], output[(c * size + y) * size + x], PillowRounding, $"({x}, {y}, {c})");
    }

    [TestMethod]
    public void A_picture_of_the_right_size_passes_unchanged()
    {
        var picture = Synthetic(8, 5);

        var output = Render(picture, new Preprocessing { Size = new ImageSize(5, 8), Scale = PixelScale.Byte });

        for (var i = 0; i < 40; i++)
            for (var c = 0; c < 3; c++)
                Assert.AreEqual(picture.Rgba[4 * i + c], output[c * 40 + i]);
    }

    [TestMethod]
    [DataRow("imagenet", 0, (200 / 255.0 - 0.485) / 0.229)]
    [DataRow("imagenet", 2, (50 / 255.0 - 0.406) / 0.225)]
    [DataRow("caffe2-bgr", 0, 50.0 - 104)]
    [DataRow("caffe2-bgr", 1, 100.0 - 117)]
    [DataRow("caffe2-bgr", 2, 200.0 - 123)]
    [DataRow("lite", 0, (200.0 - 127) / 128)]
    [DataRow("unit", 1, 100 / 255.0)]
    [DataRow("byte", 1, 100.0)]
    public void Presets_do_what_their_names_say(string preset, int channel, double expected)
    {
        var preprocessing = Preprocessing.Preset(preset).WithSize(6, 6);

        var output = Render(Filled(30, 40, 200, 100, 50), preprocessing);

        for (var i = 0; i < 36; i++)
            Assert.AreEqual(expected, output[channel * 36 + i], 1e-4, "float32 on values up to 255");
    }

    [TestMethod]
    public void A_grey_input_is_the_luma()
    {
        var output = Render(Filled(9, 9, 200, 100, 50), Preprocessing.Preset("byte").FittedTo(1, 4, 4));

        Assert.HasCount(16, output);
        Assert.AreEqual(0.299 * 200 + 0.587 * 100 + 0.114 * 50, output[7], 1e-4);
    }

    [TestMethod]
    [DataRow(10, 20)]
    [DataRow(200, 10)]
    [DataRow(1, 1)]
    [DataRow(257, 256)]
    [DataRow(4000, 3)]
    public void Any_size_covers_the_input_without_a_black_border(int width, int height)
    {
        var output = Render(Filled(width, height, 90, 90, 90), Preprocessing.Preset("byte") with { Size = new ImageSize(224, 224), Resize = 256 });

        foreach (var value in output)
            Assert.AreEqual(90, value, 1e-3);
    }

    [TestMethod]
    public void Stretching_shows_the_whole_picture()
    {
        var picture = new Example();
        var pixels = picture.StartPixels(4, 1);
        for (var x = 0; x < 4; x++)
            pixels.Slice(4 * x, 4).Fill((byte)(x < 2 ? 0 : 200));

        var output = Render(picture, new Preprocessing { Size = new ImageSize(2, 2), Crop = CropMode.None, Scale = PixelScale.Byte });

        // The triangle of half width 2 at the first output pixel, centre 1: weights ¾, ¾, ¼ over pixels 0, 1, 2.
        Assert.AreEqual(200 * 0.25 / 1.75, output[0], 1e-4);
        Assert.AreEqual(200 * 1.5 / 1.75, output[1], 1e-4);
    }

    private static float[] Render(Example picture, Preprocessing preprocessing)
    {
        var frame = Frame.Of(preprocessing, picture.Width, picture.Height);
        var output = new float[preprocessing.ChannelCount * frame.X.Output * frame.Y.Output];
        new PictureRenderer().Render(picture, frame, preprocessing, output);
        return output;
    }

    private static Example Synthetic(int width, int height)
    {
        var picture = new Example();
        var pixels = picture.StartPixels(width, height);
        for (var y = 0; y < height; y++)
            for (var x = 0; x < width; x++)
                for (var c = 0; c < 4; c++)
                    pixels[4 * (y * width + x) + c] = (byte)(c == 3 ? 255 : (x * 7 + y * 13 + c * 31 + x * y * (c + 2) / 5) % 256);
        return picture;
    }

    private static Example Filled(int width, int height, byte red, byte green, byte blue)
    {
        var picture = new Example();
        var pixels = picture.StartPixels(width, height);
        for (var i = 0; i < pixels.Length; i += 4)
            (pixels[i], pixels[i + 1], pixels[i + 2], pixels[i + 3]) = (red, green, blue, 255);
        return picture;
    }
}
