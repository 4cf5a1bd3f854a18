namespace OnnxPriors.Data;

/// <summary>The size of a picture in pixels.</summary>
/// <param name="Height">Rows.</param>
/// <param name="Width">Columns.</param>
public readonly record struct ImageSize(int Height, int Width);

/// <summary>How a picture that is resized comes to the model's size.</summary>
public enum CropMode
{
    /// <summary>The proportions are kept and the centre is cut out.</summary>
    Center,
    /// <summary>The whole picture is stretched to the size.</summary>
    None,
}

/// <summary>The channels the model takes, in their order.</summary>
public enum ChannelOrder
{
    /// <summary>Red, green, blue.</summary>
    Rgb,
    /// <summary>Blue, green, red.</summary>
    Bgr,
    /// <summary>One channel: the luma of ITU-R BT.601.</summary>
    Gray,
}

/// <summary>The range of a pixel's value before mean and deviation.</summary>
public enum PixelScale
{
    /// <summary>0 to 1.</summary>
    Unit,
    /// <summary>0 to 255.</summary>
    Byte,
}

/// <summary>
/// From a decoded picture to the model's input [C, H, W]: resized (bilinear with antialiasing), cropped, and each channel
/// (value · scale − mean) / deviation. Grey pictures are spread over three channels where the model takes three.
/// </summary>
public sealed partial record Preprocessing
{
    private const int LargestSide = 16_384;

    /// <summary>The input's size; null: the picture's own.</summary>
    public ImageSize? Size { get; init; }

    /// <summary>What the short side is resized to before the crop, in pixels; null: as small as covers <see cref="Size"/>.</summary>
    public int? Resize { get; init; }

    /// <summary>How the resized picture comes to <see cref="Size"/>.</summary>
    public CropMode Crop { get; init; } = CropMode.Center;

    /// <summary>The channels and their order.</summary>
    public ChannelOrder Channels { get; init; } = ChannelOrder.Rgb;

    /// <summary>The range of a pixel's value before <see cref="Mean"/> and <see cref="Deviation"/>.</summary>
    public PixelScale Scale { get; init; } = PixelScale.Unit;

    /// <summary>What is subtracted, one value a channel in the order of <see cref="Channels"/>; empty: nothing.</summary>
    public IReadOnlyList<float> Mean { get; init; } = [];

    /// <summary>What the difference is divided by, one value a channel in the order of <see cref="Channels"/>; empty: nothing.</summary>
    public IReadOnlyList<float> Deviation { get; init; } = [];

    /// <summary>The number of channels: 3, or 1 for grey.</summary>
    public int ChannelCount => Channels == ChannelOrder.Gray ? 1 : 3;

    /// <summary>The names <see cref="Preset"/> takes.</summary>
    public static IReadOnlyList<string> PresetNames { get; } = ["imagenet", "caffe2-bgr", "lite", "unit", "byte"];

    /// <summary>
    /// A preset by name: <c>imagenet</c> (torchvision: RGB, 0–1, ImageNet's mean and deviation) and <c>lite</c> (RGB,
    /// (x − 127)/128), both short side 256 and centre 224; <c>caffe2-bgr</c> (BGR, 0–255 minus 104, 117, 123), short side and
    /// centre 224; <c>unit</c> (RGB, x/255) and <c>byte</c> (RGB, 0–255), both at the picture's own size until another is set.
    /// </summary>
    /// <exception cref="DataException">There is no preset of that name.</exception>
    public static Preprocessing Preset(string name) => name switch
    {
        "imagenet" => AtImageNetSize with { Mean = [0.485f, 0.456f, 0.406f], Deviation = [0.229f, 0.224f, 0.225f] },
        // With short side 256 the Caffe2 zoo's SqueezeNet loses 1.6 points of top-1 on a sample of ImageNet.
        "caffe2-bgr" => AtImageNetSize with { Resize = null, Channels = ChannelOrder.Bgr, Scale = PixelScale.Byte, Mean = [104, 117, 123] },
        "lite" => AtImageNetSize with { Scale = PixelScale.Byte, Mean = [127, 127, 127], Deviation = [128, 128, 128] },
        "unit" => new Preprocessing(),
        "byte" => new Preprocessing { Scale = PixelScale.Byte },
        _ => throw new DataException($"There is no preprocessing preset '{name}'; there are {string.Join(", ", PresetNames)}."),
    };

    private static Preprocessing AtImageNetSize => new() { Size = new ImageSize(224, 224), Resize = 256 };

    /// <summary>The same at another size; the short side before the crop grows in proportion (256 to 224 as 292 to 256).</summary>
    /// <param name="height">The input's height in pixels.</param>
    /// <param name="width">The input's width in pixels.</param>
    public Preprocessing WithSize(int height, int width)
    {
        var resize = Resize is { } side && Size is { } size
            ? (int)Math.Round((double)side * Math.Min(height, width) / Math.Min(size.Height, size.Width))
            : Resize;
        return (this with { Size = new ImageSize(height, width), Resize = resize }).Checked();
    }

    /// <summary>
    /// The same for a model's input: its channels (a preset of three becomes grey where the model takes one, its mean and deviation
    /// averaged) and, where the model fixes it or this has none, its size.
    /// </summary>
    /// <param name="channels">The input's channels, 1 or 3.</param>
    /// <param name="height">The input's height; null where the model takes any.</param>
    /// <param name="width">The input's width; null where the model takes any.</param>
    /// <exception cref="DataException">The channels are neither 1 nor 3.</exception>
    public Preprocessing FittedTo(int channels, int? height, int? width)
    {
        if (channels is not (1 or 3))
            throw new DataException($"The model takes pictures of {channels} channels; pictures have 1 or 3.");
        var fitted = this;
        if (channels == 1 && ChannelCount == 3)
            fitted = fitted with { Channels = ChannelOrder.Gray, Mean = Averaged(Mean), Deviation = Averaged(Deviation) };
        else if (channels == 3 && ChannelCount == 1)
            fitted = fitted with { Channels = ChannelOrder.Rgb, Mean = Spread(Mean), Deviation = Spread(Deviation) };
        if (height is { } h && width is { } w && fitted.Size != new ImageSize(h, w))
            fitted = fitted.WithSize(h, w);
        return fitted.Checked();

        static IReadOnlyList<float> Averaged(IReadOnlyList<float> values) => values.Count == 0 ? [] : [values.Average()];
        static IReadOnlyList<float> Spread(IReadOnlyList<float> values) => values.Count == 0 ? [] : [values[0], values[0], values[0]];
    }

    /// <summary>This, once every value in it makes sense.</summary>
    /// <exception cref="DataException">A value does not; the message names it.</exception>
    public Preprocessing Checked()
    {
        if (Size is { } size && (size.Height is < 1 or > LargestSide || size.Width is < 1 or > LargestSide))
            throw new DataException($"Preprocessing to {size.Height} × {size.Width} pixels is not possible; sides are 1 to {LargestSide}.");
        if (Resize is < 1 or > LargestSide)
            throw new DataException($"Preprocessing cannot resize the short side to {Resize}; it is 1 to {LargestSide}.");
        CheckChannels(Mean, "mean");
        CheckChannels(Deviation, "std");
        if (Deviation.Any(value => value <= 0))
            throw new DataException("Preprocessing needs standard deviations above zero.");
        return this;
    }

    private void CheckChannels(IReadOnlyList<float> values, string what)
    {
        if (values.Count != 0 && values.Count != ChannelCount)
            throw new DataException($"Preprocessing has {values.Count} values for '{what}'; it takes one for each of the {ChannelCount} channels.");
        if (!values.All(float.IsFinite))
            throw new DataException($"Preprocessing has a value for '{what}' that is not a finite number.");
    }

    /// <summary>Whether two preprocessings do the same.</summary>
    public bool Equals(Preprocessing? other) =>
        other is not null && Size == other.Size && Resize == other.Resize && Crop == other.Crop && Channels == other.Channels
        && Scale == other.Scale && Mean.SequenceEqual(other.Mean) && Deviation.SequenceEqual(other.Deviation);

    /// <inheritdoc/>
    public override int GetHashCode() => HashCode.Combine(Size, Resize, Crop, Channels, Scale, Mean.Count, Deviation.Count);
}
