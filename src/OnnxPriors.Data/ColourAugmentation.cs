namespace OnnxPriors.Data;

/// <summary>
/// Random changes of colour and sharpness, with SimCLR's shares (Chen and others, A Simple Framework for Contrastive Learning, 2020,
/// appendix A): with <see cref="JitterShare"/> brightness, contrast, saturation and hue, in an order drawn anew, then grey with
/// <see cref="GreyShare"/>, then blurred with <see cref="BlurShare"/>.
/// </summary>
public sealed record ColourAugmentation
{
    /// <summary>s: brightness, contrast and saturation are multiplied by a factor from 1 − 0.8 s to 1 + 0.8 s, the hue turned by up to 0.2 s of the circle; from 0 to 1.25.</summary>
    public double Strength { get; init; } = 0.5;

    /// <summary>How often colours are jittered, 0 to 1.</summary>
    public double JitterShare { get; init; } = 0.8;

    /// <summary>How often a picture becomes grey, 0 to 1.</summary>
    public double GreyShare { get; init; } = 0.2;

    /// <summary>
    /// How often a picture is blurred by a Gaussian over a tenth of its side, 0 to 1. SimCLR leaves blur out at 32 pixels, where a tenth
    /// of the side is its own neighbourhood; so does this below <see cref="SmallestBlurred"/>.
    /// </summary>
    public double BlurShare { get; init; } = 0.5;

    /// <summary>The shorter side, in pixels of the input, from which pictures are blurred.</summary>
    public int SmallestBlurred { get; init; } = 48;

    internal void Check()
    {
        foreach (var (name, share) in new[] { ("jitter", JitterShare), ("grey", GreyShare), ("blur", BlurShare) })
            if (!(share is >= 0 and <= 1))
                throw new DataException($"The share of pictures that take {name} is {share}; it must be from 0 to 1.");
        if (!(Strength is >= 0 and <= 1.25))
            throw new DataException($"The strength of the colour jitter is {Strength}; it must be from 0 to 1.25.");
    }
}
