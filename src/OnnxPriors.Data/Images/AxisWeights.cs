namespace OnnxPriors.Data.Images;

/// <summary>
/// The weights of bilinear resizing with antialiasing along one axis, as in Pillow's <c>Resample.c</c>: a triangle whose half
/// width is one source pixel when enlarging and one output pixel when reducing, cut at the picture's border and normalised to sum 1.
/// </summary>
internal sealed class AxisWeights
{
    private int[] starts = [];
    private int[] counts = [];
    private float[] weights = [];
    private int stride;
    private FrameAxis? current;

    /// <summary>The first source pixel used, and one past the last; both 0 where the output is all black.</summary>
    public int Low { get; private set; }

    /// <summary>One past the last source pixel used.</summary>
    public int High { get; private set; }

    /// <summary>The source pixel the weights of an output pixel start at.</summary>
    public int Start(int output) => starts[output];

    /// <summary>The weights of an output pixel; none where it is black.</summary>
    public ReadOnlySpan<float> this[int output] => weights.AsSpan(output * stride, counts[output]);

    /// <summary>Computes the weights of an axis; the last axis's are kept.</summary>
    public void Prepare(in FrameAxis axis)
    {
        if (current == axis)
            return;
        current = axis;
        var scale = (double)axis.Span / axis.Resized;
        var support = Math.Max(1, scale);
        stride = (int)Math.Ceiling(support) * 2 + 1;
        Grow(ref starts, axis.Output);
        Grow(ref counts, axis.Output);
        Grow(ref weights, axis.Output * stride);
        (Low, High) = (int.MaxValue, 0);
        for (var i = 0; i < axis.Output; i++)
        {
            var to = axis.Mirrored ? axis.Output - 1 - i : i;
            var resized = i + axis.Offset;
            counts[to] = 0;
            starts[to] = 0;
            if (resized < 0 || resized >= axis.Resized)
                continue;
            Fill(axis, to, (resized + 0.5) * scale, support);
            Low = Math.Min(Low, starts[to]);
            High = Math.Max(High, starts[to] + counts[to]);
        }
        if (High == 0)
            Low = 0;
    }

    private void Fill(in FrameAxis axis, int to, double centre, double support)
    {
        var first = Math.Max(0, (int)(centre - support + 0.5));
        var end = Math.Min(axis.Span, (int)(centre + support + 0.5));
        var row = weights.AsSpan(to * stride, stride);
        var sum = 0.0;
        var count = 0;
        for (var x = first; x < end; x++)
        {
            var weight = Math.Max(0, 1 - Math.Abs((x - centre + 0.5) / support));
            if (weight == 0 && count == 0)
            {
                first++;
                continue;
            }
            row[count++] = (float)weight;
            sum += weight;
        }
        while (row[count - 1] == 0)
            count--;
        for (var k = 0; k < count; k++)
            row[k] = (float)(row[k] / sum);
        starts[to] = axis.From + first;
        counts[to] = count;
    }

    private static void Grow<T>(ref T[] memory, int count)
    {
        if (memory.Length < count)
            memory = new T[count];
    }
}
