using System.Runtime.InteropServices;

namespace OnnxPriors.Data.Images;

/// <summary>What a source's examples are.</summary>
public enum ExampleKind
{
    /// <summary>Pictures, 8 bits a channel, of any size; they pass through a <see cref="Preprocessing"/>.</summary>
    Pixels,
    /// <summary>Pictures that are float tensors [C, H, W] already; they are given to the model as they are.</summary>
    Tensor,
    /// <summary>Vectors of numbers [F]; they are given to the model as they are.</summary>
    Features,
}

/// <summary>
/// One decoded example, and the memory for it: a reader that goes through many examples hands in the same object again and
/// again, so that nothing is allocated per example. Not safe for use by two threads at once.
/// </summary>
public sealed class Example
{
    private byte[] ownPixels = [];
    private byte[] pixels = [];
    private float[] values = [];
    private byte[] ownMask = [], mask = [];

    /// <summary>What the example is.</summary>
    public ExampleKind Kind { get; private set; }

    /// <summary>The width in pixels; 1 for features.</summary>
    public int Width { get; private set; }

    /// <summary>The height in pixels; 1 for features.</summary>
    public int Height { get; private set; }

    /// <summary>The channels of a tensor, the number of features, or 4 for pixels.</summary>
    public int Channels { get; private set; }

    /// <summary>The picture, [Height, Width, 4]: red, green, blue and an alpha that is 255 throughout. Empty for other kinds.</summary>
    public ReadOnlySpan<byte> Rgba => Kind == ExampleKind.Pixels ? pixels.AsSpan(0, Width * Height * 4) : [];

    /// <summary>The tensor [Channels, Height, Width] or the features [Channels]. Empty for pixels.</summary>
    public ReadOnlySpan<float> Values => Kind == ExampleKind.Pixels ? [] : values.AsSpan(0, Channels * Height * Width);

    /// <summary>The labels of the pixels, row by row, where the example has a mask; those of the last one that had.</summary>
    public ReadOnlySpan<byte> Mask => mask.AsSpan(0, MaskWidth * MaskHeight);

    /// <summary>The mask's width in pixels.</summary>
    public int MaskWidth { get; private set; }

    /// <summary>The mask's height in pixels.</summary>
    public int MaskHeight { get; private set; }

    /// <summary>Memory for the bytes of a picture file, kept from one example to the next.</summary>
    internal byte[] Encoded { get; private set; } = [];

    /// <summary>Memory for a picture that is to be turned.</summary>
    internal byte[] Turning { get; private set; } = [];

    internal Span<byte> StartPixels(int width, int height)
    {
        var count = checked(width * height * 4);
        Grow(ref ownPixels, count);
        BorrowPixels(ownPixels, width, height);
        return ownPixels.AsSpan(0, count);
    }

    /// <summary>Shows pixels that something else owns and nobody changes (a cache).</summary>
    internal void BorrowPixels(byte[] rgba, int width, int height)
    {
        pixels = rgba;
        (Kind, Width, Height, Channels) = (ExampleKind.Pixels, width, height, 4);
    }

    internal Span<byte> StartMask(int width, int height)
    {
        Grow(ref ownMask, checked(width * height));
        BorrowMask(ownMask, width, height);
        return ownMask.AsSpan(0, width * height);
    }

    /// <summary>Shows a mask that something else owns and nobody changes (a cache).</summary>
    internal void BorrowMask(byte[] labels, int width, int height) => (mask, MaskWidth, MaskHeight) = (labels, width, height);

    internal Span<float> StartValues(ExampleKind kind, int channels, int height, int width)
    {
        var count = checked(channels * height * width);
        Grow(ref values, count);
        (Kind, Width, Height, Channels) = (kind, width, height, channels);
        return values.AsSpan(0, count);
    }

    internal Span<byte> StartEncoded(int length)
    {
        var memory = Encoded;
        Grow(ref memory, length);
        Encoded = memory;
        return memory.AsSpan(0, length);
    }

    internal Span<uint> StartTurning(int count)
    {
        var memory = Turning;
        Grow(ref memory, checked(count * 4));
        Turning = memory;
        return MemoryMarshal.Cast<byte, uint>(memory.AsSpan(0, count * 4));
    }

    private static void Grow<T>(ref T[] memory, int count)
    {
        if (memory.Length < count)
            memory = GC.AllocateUninitializedArray<T>(count);
    }
}
