using System.Numerics;
using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;
using System.Runtime.Intrinsics;

namespace OnnxPriors.Data.Images;

/// <summary>
/// Resizes, crops and normalises pictures into the model's input: a separable triangle filter in float32, first along rows, then
/// along columns, then the channels' order, scale, mean and deviation in one go. Holds the memory of the passes; one a thread.
/// </summary>
internal sealed class PictureRenderer
{
    private readonly AxisWeights horizontal = new();
    private readonly AxisWeights vertical = new();
    private float[] rows = [];
    private float[] line = [];

    /// <summary>Renders a picture.</summary>
    /// <param name="picture">The pixels.</param>
    /// <param name="frame">Which part of it, at which size.</param>
    /// <param name="preprocessing">Channels, scale, mean and deviation.</param>
    /// <param name="output">Takes [C, H, W].</param>
    public void Render(Example picture, in Frame frame, Preprocessing preprocessing, Span<float> output)
    {
        horizontal.Prepare(frame.X);
        vertical.Prepare(frame.Y);
        var (width, height) = (frame.X.Output, frame.Y.Output);
        var needed = vertical.High - vertical.Low;
        if (rows.Length < needed * width * 4)
            rows = GC.AllocateUninitializedArray<float>(needed * width * 4);
        if (line.Length < width * 4)
            line = new float[width * 4];

        var source = MemoryMarshal.Cast<byte, uint>(picture.Rgba);
        for (var y = 0; y < needed; y++)
            ReduceRow(source.Slice((vertical.Low + y) * picture.Width, picture.Width), rows.AsSpan(y * width * 4, width * 4));

        var channels = new ChannelMap(preprocessing);
        for (var y = 0; y < height; y++)
        {
            var weights = vertical[y];
            var first = (vertical.Start(y) - vertical.Low) * width * 4;
            if (weights.Length == 1 && weights[0] == 1)
            {
                channels.Write(rows.AsSpan(first, width * 4), output, y * width, width * height);
                continue;
            }
            var sum = line.AsSpan(0, width * 4);
            sum.Clear();
            for (var k = 0; k < weights.Length; k++)
                AddScaled(rows.AsSpan(first + k * width * 4, width * 4), weights[k], sum);
            channels.Write(sum, output, y * width, width * height);
        }
    }

    private void ReduceRow(ReadOnlySpan<uint> source, Span<float> target)
    {
        var pixels = MemoryMarshal.Cast<float, Vector128<float>>(target);
        for (var x = 0; x < pixels.Length; x++)
        {
            var weights = horizontal[x];
            var taps = source.Slice(horizontal.Start(x), weights.Length);
            if (weights.Length == 1)
            {
                pixels[x] = ToSingles(taps[0]) * weights[0];
                continue;
            }
            var sum = Vector128<float>.Zero;
            for (var k = 0; k < taps.Length; k++)
                sum += ToSingles(taps[k]) * weights[k];
            pixels[x] = sum;
        }
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static Vector128<float> ToSingles(uint rgba)
    {
        var bytes = Vector128.CreateScalarUnsafe(rgba).AsByte();
        return Vector128.ConvertToSingle(Vector128.WidenLower(Vector128.WidenLower(bytes)).AsInt32());
    }

    private static void AddScaled(ReadOnlySpan<float> from, float weight, Span<float> sum)
    {
        var sources = MemoryMarshal.Cast<float, Vector<float>>(from);
        var sums = MemoryMarshal.Cast<float, Vector<float>>(sum);
        for (var i = 0; i < sums.Length; i++)
            sums[i] += sources[i] * weight;
        for (var i = sums.Length * Vector<float>.Count; i < sum.Length; i++)
            sum[i] += from[i] * weight;
    }
}

/// <summary>From red, green, blue to the model's channels: (value · scale − mean) / deviation as one factor and one summand each.</summary>
internal readonly ref struct ChannelMap
{
    private readonly Vector128<float> factor;
    private readonly Vector128<float> summand;
    private readonly ChannelOrder order;

    public ChannelMap(Preprocessing preprocessing)
    {
        order = preprocessing.Channels;
        Span<float> factors = stackalloc float[4];
        Span<float> summands = stackalloc float[4];
        for (var channel = 0; channel < preprocessing.ChannelCount; channel++)
        {
            var deviation = preprocessing.Deviation.Count == 0 ? 1 : preprocessing.Deviation[channel];
            var mean = preprocessing.Mean.Count == 0 ? 0 : preprocessing.Mean[channel];
            factors[channel] = (preprocessing.Scale == PixelScale.Unit ? 1 / 255f : 1) / deviation;
            summands[channel] = -mean / deviation;
        }
        factor = Vector128.Create<float>(factors);
        summand = Vector128.Create<float>(summands);
    }

    /// <summary>Writes one line of pixels [W, 4] into the planes [C, H, W].</summary>
    public void Write(ReadOnlySpan<float> pixels, Span<float> planes, int at, int plane)
    {
        var count = pixels.Length / 4;
        var first = planes.Slice(at, count);
        if (order == ChannelOrder.Gray)
        {
            // The luma of ITU-R BT.601, as Pillow's conversion to 'L'.
            for (var x = 0; x < count; x++)
                first[x] = (0.299f * pixels[4 * x] + 0.587f * pixels[4 * x + 1] + 0.114f * pixels[4 * x + 2]) * factor[0] + summand[0];
            return;
        }
        var second = planes.Slice(at + plane, count);
        var third = planes.Slice(at + 2 * plane, count);
        var (red, blue) = order == ChannelOrder.Rgb ? (0, 2) : (2, 0);
        var (f0, f1, f2) = (factor[0], factor[1], factor[2]);
        var (s0, s1, s2) = (summand[0], summand[1], summand[2]);
        for (var x = 0; x < count; x++)
        {
            first[x] = pixels[4 * x + red] * f0 + s0;
            second[x] = pixels[4 * x + 1] * f1 + s1;
            third[x] = pixels[4 * x + blue] * f2 + s2;
        }
    }
}
