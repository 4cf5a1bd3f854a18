namespace OnnxPriors.Data.Images;

/// <summary>Brings a mask to the input's size as its picture is: the same part, moved and mirrored the same way, each pixel the label nearest to its place.</summary>
internal static class MaskRenderer
{
    /// <summary>Renders a mask.</summary>
    /// <param name="mask">The labels, row by row.</param>
    /// <param name="width">The mask's width.</param>
    /// <param name="frame">Which part of it, at which size.</param>
    /// <param name="outside">The label of what lies outside of the picture.</param>
    /// <param name="output">Takes [H, W].</param>
    public static void Render(ReadOnlySpan<byte> mask, int width, in Frame frame, byte outside, Span<long> output)
    {
        Span<int> columns = new int[frame.X.Output];
        Places(frame.X, columns);
        Span<int> rows = new int[frame.Y.Output];
        Places(frame.Y, rows);
        for (var y = 0; y < rows.Length; y++)
            for (var x = 0; x < columns.Length; x++)
                output[y * columns.Length + x] = rows[y] < 0 || columns[x] < 0 ? outside : mask[rows[y] * width + columns[x]];
    }

    // The source pixel under each output pixel's centre; −1 outside.
    private static void Places(in FrameAxis axis, Span<int> places)
    {
        for (var i = 0; i < axis.Output; i++)
        {
            var resized = i + axis.Offset;
            places[axis.Mirrored ? axis.Output - 1 - i : i] = resized < 0 || resized >= axis.Resized ? -1
                : axis.From + Math.Min(axis.Span - 1, (int)((resized + 0.5) * axis.Span / axis.Resized));
        }
    }
}
