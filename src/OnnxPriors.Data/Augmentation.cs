using OnnxPriors.Data.Images;
using OnnxPriors.Data.Randomness;

namespace OnnxPriors.Data;

/// <summary>Which part of a training picture is shown.</summary>
public enum CropAugmentation
{
    /// <summary>The part that evaluation shows.</summary>
    None,
    /// <summary>That part moved by up to <see cref="Augmentation.Padding"/> pixels each way, black coming in at the border.</summary>
    Padded,
    /// <summary>A random part of random area and proportions, resized to the input (Szegedy and others, Going Deeper with Convolutions, 2015).</summary>
    Resized,
}

/// <summary>
/// Random changes to training pictures. Each depends on the seed, the epoch and the example alone: the same run shows the same
/// pictures whatever the threads do and wherever it was resumed.
/// </summary>
public sealed record Augmentation
{
    // Tries at a part that lies within the picture, before the largest central one is taken; as torchvision does.
    private const int Tries = 10;

    /// <summary>No change.</summary>
    public static Augmentation None { get; } = new();

    /// <summary>Which part is shown.</summary>
    public CropAugmentation Crop { get; init; }

    /// <summary>How far <see cref="CropAugmentation.Padded"/> moves, in pixels of the input.</summary>
    public int Padding { get; init; } = 4;

    /// <summary>The smallest area that <see cref="CropAugmentation.Resized"/> shows, as a share of the picture, in (0, 1].</summary>
    public double SmallestArea { get; init; } = 0.35;

    /// <summary>Whether half the pictures are mirrored, left to right.</summary>
    public bool Flip { get; init; }

    /// <summary>Random changes of colour and sharpness; null for none. Pictures alone take them.</summary>
    public ColourAugmentation? Colour { get; init; }

    /// <summary>
    /// The views of self-supervised learning: a random part of at least a fifth of the picture, mirrored or not, its colours jittered,
    /// now and then grey or blurred (Chen and others, A Simple Framework for Contrastive Learning, 2020, appendix A).
    /// </summary>
    public static Augmentation Views { get; } = new() { Crop = CropAugmentation.Resized, SmallestArea = 0.2, Flip = true, Colour = new ColourAugmentation() };

    /// <summary>Whether anything is changed.</summary>
    public bool IsNone => Crop == CropAugmentation.None && !Flip && Colour is null;

    /// <summary>Which part of a picture becomes the input.</summary>
    internal Frame FrameOf(Preprocessing preprocessing, int width, int height, ref KeyedRandom random)
    {
        var frame = Frame.Of(preprocessing, width, height);
        if (Crop == CropAugmentation.Padded)
            frame = new Frame(Shifted(frame.X, Shift(ref random)), Shifted(frame.Y, Shift(ref random)));
        else if (Crop == CropAugmentation.Resized)
            frame = RandomPart(width, height, frame.X.Output, frame.Y.Output, ref random);
        return Flips(ref random) ? frame with { X = frame.X with { Mirrored = true } } : frame;
    }

    /// <summary>How far a padded crop moves along one axis.</summary>
    internal int Shift(ref KeyedRandom random) => Crop == CropAugmentation.Padded ? random.NextInt32(2 * Padding + 1) - Padding : 0;

    /// <summary>Whether a picture is mirrored.</summary>
    internal bool Flips(ref KeyedRandom random) => Flip && random.NextInt32(2) == 1;

    private static FrameAxis Shifted(FrameAxis axis, int shift) => axis with { Offset = axis.Offset + shift };

    private Frame RandomPart(int width, int height, int outputWidth, int outputHeight, ref KeyedRandom random)
    {
        for (var i = 0; i < Tries; i++)
        {
            var area = (SmallestArea + (1 - SmallestArea) * random.NextDouble()) * width * height;
            var ratio = Math.Exp((2 * random.NextDouble() - 1) * Math.Log(4.0 / 3));
            var w = (int)Math.Round(Math.Sqrt(area * ratio));
            var h = (int)Math.Round(Math.Sqrt(area / ratio));
            if (w < 1 || h < 1 || w > width || h > height)
                continue;
            var left = random.NextInt32(width - w + 1);
            var top = random.NextInt32(height - h + 1);
            return new Frame(new FrameAxis(left, w, outputWidth, 0, outputWidth), new FrameAxis(top, h, outputHeight, 0, outputHeight));
        }
        return Frame.Of(new Preprocessing { Size = new ImageSize(outputHeight, outputWidth) }, width, height);
    }
}
