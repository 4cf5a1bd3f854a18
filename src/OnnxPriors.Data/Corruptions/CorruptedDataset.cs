using System.Collections.Immutable;
using System.Globalization;
using OnnxPriors.Data.Images;
using OnnxPriors.Data.Sources;

namespace OnnxPriors.Data.Corruptions;

/// <summary>
/// A source whose pictures are corrupted as they are decoded. What an example becomes depends on the corruption, the seed and the
/// example alone, so that neither threads nor the order of reading change it. A picture whose short side is longer than
/// <see cref="LongestShortSide"/> is reduced to that first: the corruptions are made for small pictures, and noise on each of ten million
/// pixels would vanish when they are reduced for the model.
/// </summary>
public sealed class CorruptedDataset : IDataset
{
    /// <summary>The short side, in pixels, beyond which a picture is reduced.</summary>
    public const int LongestShortSide = 256;

    [ThreadStatic]
    private static Desk? desk;

    private readonly IDataset inner;
    private readonly Corruption corruption;
    private readonly ulong seed;

    /// <summary>Corrupts a source.</summary>
    /// <param name="inner">The source; it is not disposed with this.</param>
    /// <param name="corruption">What happens to its pictures.</param>
    /// <param name="seed">What is drawn depends on it.</param>
    /// <exception cref="DataException">The source holds no pictures of 8 bits a channel.</exception>
    public CorruptedDataset(IDataset inner, Corruption corruption, ulong seed = 0)
    {
        ArgumentNullException.ThrowIfNull(inner);
        ArgumentNullException.ThrowIfNull(corruption);
        if (inner.Kind != ExampleKind.Pixels)
            throw new DataException($"'{inner.Name}' holds no pictures of 8 bits a channel; only those can be corrupted.");
        (this.inner, this.corruption, this.seed) = (inner, corruption, seed);
    }

    /// <inheritdoc/>
    public string Name => inner.Name;

    /// <inheritdoc/>
    public int Count => inner.Count;

    /// <inheritdoc/>
    public ExampleKind Kind => ExampleKind.Pixels;

    /// <inheritdoc/>
    public IReadOnlyList<string> ClassNames => inner.ClassNames;

    /// <inheritdoc/>
    public ImmutableArray<int> Labels => inner.Labels;

    /// <inheritdoc/>
    public ImmutableArray<DataSplit> Splits => inner.Splits;

    /// <inheritdoc/>
    public string Fingerprint
    {
        get
        {
            using var hash = new FingerprintHash();
            return hash.Add(inner.Fingerprint).Add(string.Create(CultureInfo.InvariantCulture, $"{corruption} {seed}")).Finish();
        }
    }

    /// <inheritdoc/>
    public string NameOf(int index) => inner.NameOf(index);

    /// <inheritdoc/>
    public void Decode(int index, Example target, int enough = 0)
    {
        ArgumentNullException.ThrowIfNull(target);
        var work = desk ??= new Desk();
        inner.Decode(index, work.Whole, enough);
        var (width, height) = (work.Whole.Width, work.Whole.Height);
        if (Math.Min(width, height) <= LongestShortSide)
        {
            var copy = target.StartPixels(width, height);
            work.Whole.Rgba.CopyTo(copy);
            corruption.Apply(copy, width, height, seed, index);
            return;
        }
        var factor = (double)LongestShortSide / Math.Min(width, height);
        var (reducedWidth, reducedHeight) = ((int)Math.Round(width * factor), (int)Math.Round(height * factor));
        var pixels = target.StartPixels(reducedWidth, reducedHeight);
        work.Reduce(pixels, reducedWidth, reducedHeight);
        corruption.Apply(pixels, reducedWidth, reducedHeight, seed, index);
    }

    /// <inheritdoc/>
    public void Dispose()
    {
        // The source belongs to whoever opened it.
    }

    /// <summary>What one thread works with.</summary>
    private sealed class Desk
    {
        private readonly PictureRenderer renderer = new();
        private float[] planes = [];

        public Example Whole { get; } = new();

        public void Reduce(Span<byte> rgba, int width, int height)
        {
            var count = width * height;
            if (planes.Length < 3 * count)
                planes = new float[3 * count];
            var frame = new Frame(new FrameAxis(0, Whole.Width, width, 0, width), new FrameAxis(0, Whole.Height, height, 0, height));
            renderer.Render(Whole, frame, Preprocessing.Preset("byte"), planes.AsSpan(0, 3 * count));
            for (var i = 0; i < count; i++)
            {
                for (var c = 0; c < 3; c++)
                    rgba[(4 * i) + c] = (byte)Math.Clamp((int)(planes[(c * count) + i] + 0.5f), 0, 255);
                rgba[(4 * i) + 3] = 255;
            }
        }
    }
}
