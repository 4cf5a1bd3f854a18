using System.Collections.Immutable;
using System.Globalization;
using OnnxPriors.Data.Randomness;

namespace OnnxPriors.Data.Corruptions;

/// <summary>
/// A kind of corruption at one of five strengths, with the numbers of CIFAR-10-C: those of its authors' script for pictures of 32 × 32
/// pixels. On larger pictures lengths in pixels grow with the short side, so that a blur covers the same share of the picture.
/// </summary>
/// <param name="Kind">The kind.</param>
/// <param name="Strength">1 to 5.</param>
public sealed record Corruption(CorruptionKind Kind, int Strength)
{
    /// <summary>The number of strengths of each kind.</summary>
    public const int Strengths = 5;

    /// <summary>Every kind at every strength.</summary>
    public static ImmutableArray<Corruption> All { get; } =
        [.. from kind in Enum.GetValues<CorruptionKind>() from strength in Enumerable.Range(1, Strengths) select new Corruption(kind, strength)];

    /// <summary>The names of the kinds.</summary>
    public static ImmutableArray<string> Names { get; } = [.. Enum.GetValues<CorruptionKind>().Select(NameOf)];

    /// <summary>The kind's name: <c>gaussian-noise</c>.</summary>
    public string Name => NameOf(Kind);

    /// <summary>Reads <c>NAME:STRENGTH</c>, a <c>NAME</c> alone for its five strengths, or <c>all</c>.</summary>
    /// <param name="text">The text.</param>
    /// <exception cref="DataException">There is no such kind or strength.</exception>
    public static ImmutableArray<Corruption> Parse(string text)
    {
        ArgumentNullException.ThrowIfNull(text);
        if (text == "all")
            return All;
        var parts = text.Split(':');
        var kind = Names.IndexOf(parts[0]);
        if (kind < 0 || parts.Length > 2)
            throw new DataException($"There is no corruption '{text}'; give NAME:STRENGTH or all, where NAME is one of {string.Join(", ", Names)}.");
        if (parts.Length == 1)
            return [.. All.Where(one => one.Kind == (CorruptionKind)kind)];
        return int.TryParse(parts[1], NumberStyles.None, CultureInfo.InvariantCulture, out var strength) && strength is >= 1 and <= Strengths
            ? [new Corruption((CorruptionKind)kind, strength)]
            : throw new DataException($"The corruption '{text}' has the strength '{parts[1]}'; it is 1 to {Strengths}.");
    }

    /// <inheritdoc/>
    public override string ToString() => string.Create(CultureInfo.InvariantCulture, $"{Name}:{Strength}");

    /// <summary>Corrupts a picture in place.</summary>
    /// <param name="rgba">The picture [height, width, 4], 8 bits a channel; alpha stays.</param>
    /// <param name="width">Its width in pixels.</param>
    /// <param name="height">Its height in pixels.</param>
    /// <param name="seed">What is drawn depends on it,</param>
    /// <param name="index">and on the example.</param>
    /// <exception cref="ArgumentException">The memory is not that of such a picture.</exception>
    public void Apply(Span<byte> rgba, int width, int height, ulong seed, int index)
    {
        if (rgba.Length != checked(4 * width * height) || rgba.Length == 0)
            throw new ArgumentException($"A picture of {width} × {height} pixels has {4L * width * height} bytes, not {rgba.Length}.", nameof(rgba));
        var noise = new NoiseSource(new KeyedRandom(seed, Purpose.Corruption, ((ulong)Kind * Strengths) + (ulong)Strength, (ulong)index));
        if (Kind == CorruptionKind.JpegCompression)
        {
            DigitalCorruptions.Compress(rgba, width, height, Strength);
            return;
        }
        var picture = Raster.Of(rgba, width, height);
        switch (Kind)
        {
            case CorruptionKind.GaussianNoise: NoiseCorruptions.Gaussian(picture, Strength, noise); break;
            case CorruptionKind.ShotNoise: NoiseCorruptions.Shot(picture, Strength, noise); break;
            case CorruptionKind.ImpulseNoise: NoiseCorruptions.Impulse(picture, Strength, noise); break;
            case CorruptionKind.DefocusBlur: BlurCorruptions.Defocus(picture, Strength); break;
            case CorruptionKind.GlassBlur: BlurCorruptions.Glass(picture, Strength, noise); break;
            case CorruptionKind.MotionBlur: BlurCorruptions.Motion(picture, Strength, noise); break;
            case CorruptionKind.ZoomBlur: BlurCorruptions.Zoom(picture, Strength); break;
            case CorruptionKind.Snow: WeatherCorruptions.Snow(picture, Strength, noise); break;
            case CorruptionKind.Frost: WeatherCorruptions.Frost(picture, Strength, noise); break;
            case CorruptionKind.Fog: WeatherCorruptions.Fog(picture, Strength, noise); break;
            case CorruptionKind.Brightness: WeatherCorruptions.Brighten(picture, Strength); break;
            case CorruptionKind.Contrast: DigitalCorruptions.Flatten(picture, Strength); break;
            case CorruptionKind.ElasticTransform: DigitalCorruptions.Elastic(picture, Strength, noise); break;
            default: DigitalCorruptions.Pixelate(picture, Strength); break;
        }
        picture.WriteTo(rgba);
    }

    private static string NameOf(CorruptionKind kind) => kind switch
    {
        CorruptionKind.GaussianNoise => "gaussian-noise",
        CorruptionKind.ShotNoise => "shot-noise",
        CorruptionKind.ImpulseNoise => "impulse-noise",
        CorruptionKind.DefocusBlur => "defocus-blur",
        CorruptionKind.GlassBlur => "glass-blur",
        CorruptionKind.MotionBlur => "motion-blur",
        CorruptionKind.ZoomBlur => "zoom-blur",
        CorruptionKind.ElasticTransform => "elastic-transform",
        CorruptionKind.JpegCompression => "jpeg-compression",
        _ => kind.ToString().ToLowerInvariant(),
    };
}
