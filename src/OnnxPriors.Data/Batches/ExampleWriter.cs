using System.Collections.Immutable;
using OnnxPriors.Data.Images;
using OnnxPriors.Data.Randomness;

namespace OnnxPriors.Data.Batches;

/// <summary>Decodes one example after the other into batches. Shared by the threads; what a thread needs alone is its <see cref="Desk"/>.</summary>
internal sealed class ExampleWriter
{
    // A picture is decoded at no less than this many times the size it is resized to, which a part of a tenth of its area
    // (CropAugmentation.Resized) still fills. It does not depend on the part, so that a cache holds what all epochs need.
    private const int Oversampling = 3;

    private const int Stretch = 256;

    private static readonly Preprocessing Plain = new();

    private readonly IDataset source;
    private readonly Preprocessing preprocessing;
    private readonly Augmentation augmentation;
    private readonly MaskLabels? masks;
    private readonly int enough;

    public ExampleWriter(IDataset source, Preprocessing preprocessing, Augmentation augmentation, MaskLabels? masks, int first)
    {
        this.masks = source.Targets != TargetKind.Mask ? null
            : masks ?? throw new DataException($"'{source.Name}' holds masks; it takes a model that scores every pixel.");
        this.source = source;
        this.preprocessing = preprocessing;
        this.augmentation = augmentation;
        if (source.Kind == ExampleKind.Features && !augmentation.IsNone)
            throw new DataException($"'{source.Name}' holds features; only pictures can be augmented.");
        if (source.Kind == ExampleKind.Tensor && augmentation.Crop == CropAugmentation.Resized)
            throw new DataException($"'{source.Name}' holds float tensors, which are not resized. Use the padded crop, or give uint8 pictures.");
        if (source.Kind == ExampleKind.Tensor && augmentation.Colour is not null)
            throw new DataException($"'{source.Name}' holds float tensors, whose colours cannot be changed. Give uint8 pictures.");
        augmentation.Colour?.Check();
        if (augmentation.Padding < 0 || !(augmentation.SmallestArea is > 0 and <= 1))
            throw new DataException("Augmentation takes a padding of at least 0 and a smallest area above 0 and at most 1.");
        if (preprocessing.Size is { } size)
            enough = Oversampling * Math.Max(preprocessing.Resize ?? 0, Math.Max(size.Height, size.Width));

        var desk = new Desk();
        source.Decode(first, desk.Example, enough);
        var example = desk.Example;
        Shape = example.Kind switch
        {
            ExampleKind.Features => [example.Channels],
            ExampleKind.Tensor => [example.Channels, example.Height, example.Width],
            _ when preprocessing.Size is { } given => [preprocessing.ChannelCount, given.Height, given.Width],
            _ => [preprocessing.ChannelCount, example.Height, example.Width],
        };
        MaskLength = this.masks is null ? 0 : Shape[1] * Shape[2];
    }

    /// <summary>The pixels of one example's mask at the input's size; 0 where examples have none.</summary>
    public int MaskLength { get; }

    /// <summary>The shape of one example.</summary>
    public ImmutableArray<int> Shape { get; }

    /// <summary>What one thread works with.</summary>
    public sealed class Desk
    {
        public float[] Colours { get; set; } = [];
        public float[] Blurring { get; set; } = [];
        public Example Example { get; } = new();
        public PictureRenderer Renderer { get; } = new();
    }

    /// <summary>Decodes an example into its place.</summary>
    /// <param name="desk">What the thread works with.</param>
    /// <param name="index">The example.</param>
    /// <param name="epoch">The epoch.</param>
    /// <param name="view">Which view of it, from 0.</param>
    /// <param name="seed">The stream's seed.</param>
    /// <param name="output">Takes the example.</param>
    /// <param name="mask">Takes its mask, [<see cref="MaskLength"/>].</param>
    public void Write(Desk desk, int index, int epoch, int view, ulong seed, Span<float> output, Span<long> mask)
    {
        var random = new KeyedRandom(seed, view == 0 ? Purpose.Augmentation : Purpose.SecondView, (ulong)epoch, (ulong)index);
        var example = desk.Example;
        source.Decode(index, example, enough);
        if (example.Kind == ExampleKind.Pixels)
            WritePicture(desk, index, ref random, output, mask);
        else if (augmentation.IsNone)
            example.Values.CopyTo(output);
        else
            WriteMoved(example, augmentation.Shift(ref random), augmentation.Shift(ref random), augmentation.Flips(ref random), output);
    }

    private void WritePicture(Desk desk, int index, ref KeyedRandom random, Span<float> output, Span<long> mask)
    {
        var example = desk.Example;
        if (preprocessing.Size is null && (example.Height != Shape[1] || example.Width != Shape[2]))
            throw new DataException(
                $"'{source.NameOf(index)}' has {example.Height} × {example.Width} pixels, others {Shape[1]} × {Shape[2]}. Give a size to bring them to.");
        var frame = augmentation.IsNone
            ? Frame.Of(preprocessing, example.Width, example.Height)
            : augmentation.FrameOf(preprocessing, example.Width, example.Height, ref random);
        if (augmentation.Colour is { } colour)
            WriteColoured(desk, frame, colour, ref random, output);
        else
            desk.Renderer.Render(example, frame, preprocessing, output);
        if (masks is null)
            return;
        if (example.Mask.IndexOfAnyExcept(masks.Allowed) is var wrong and >= 0)
            throw new DataException($"The mask of '{source.NameOf(index)}' in '{source.Name}' has label {example.Mask[wrong]} at row {wrong / example.MaskWidth}, column {wrong % example.MaskWidth}: labels are 0 to {masks.Classes - 1}, and {masks.Ignore} where a pixel does not count.");
        MaskRenderer.Render(example.Mask, example.MaskWidth, frame, masks.Ignore, mask);
    }

    /// <summary>Renders red, green and blue from 0 to 1, changes them, and only then brings them to the model's channels, scale, mean and deviation.</summary>
    private void WriteColoured(Desk desk, in Frame frame, ColourAugmentation colour, ref KeyedRandom random, Span<float> output)
    {
        var (width, height) = (frame.X.Output, frame.Y.Output);
        var plane = width * height;
        if (desk.Colours.Length < 3 * plane)
            (desk.Colours, desk.Blurring) = (new float[3 * plane], new float[plane]);
        var rgb = desk.Colours.AsSpan(0, 3 * plane);
        desk.Renderer.Render(desk.Example, frame, Plain, rgb);
        ColourChange.Apply(colour, rgb, width, height, desk.Blurring, ref random);
        var channels = new ChannelMap(preprocessing);
        Span<float> line = stackalloc float[4 * Stretch];
        for (var from = 0; from < plane; from += Stretch)
        {
            var count = Math.Min(Stretch, plane - from);
            for (var i = 0; i < count; i++)
                for (var channel = 0; channel < 3; channel++)
                    line[4 * i + channel] = 255 * rgb[channel * plane + from + i];
            channels.Write(line[..(4 * count)], output, from, plane);
        }
    }

    /// <summary>A tensor moved and mirrored; zeros come in at the border.</summary>
    private static void WriteMoved(Example example, int right, int down, bool mirrored, Span<float> output)
    {
        var (height, width) = (example.Height, example.Width);
        output.Clear();
        for (var c = 0; c < example.Channels; c++)
            for (var y = 0; y < height; y++)
            {
                var fromY = y + down;
                if (fromY < 0 || fromY >= height)
                    continue;
                var from = example.Values.Slice((c * height + fromY) * width, width);
                var to = output.Slice((c * height + y) * width, width);
                for (var x = 0; x < width; x++)
                    if (x + right is var fromX && fromX >= 0 && fromX < width)
                        to[mirrored ? width - 1 - x : x] = from[fromX];
            }
    }
}
