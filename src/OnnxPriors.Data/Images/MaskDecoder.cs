using System.Buffers.Binary;
using System.IO.Compression;

namespace OnnxPriors.Data.Images;

/// <summary>
/// Decodes masks: PNG files (ISO/IEC 15948) whose pixels are labels, 8-bit grey values or indices into a palette of at most 8 bits, not
/// interlaced. A picture decoder would hand out the palette's colours, or grey values it has adjusted; labels are the numbers themselves.
/// </summary>
internal static class MaskDecoder
{
    private const int Grey = 0, Palette = 3;
    private const string Advice = "Masks are PNG files of 8-bit grey or palette pixels, whose values are the labels.";

    /// <summary>Decodes a mask.</summary>
    /// <param name="encoded">The file's bytes.</param>
    /// <param name="name">The file, for messages.</param>
    /// <param name="limits">What a picture may ask for.</param>
    /// <param name="target">Takes the labels, <see cref="Example.Mask"/>.</param>
    /// <exception cref="DataException">The file is no PNG, of another kind, broken, or too large.</exception>
    public static void Decode(ReadOnlySpan<byte> encoded, string name, DataLimits limits, Example target)
    {
        if (!encoded.StartsWith((ReadOnlySpan<byte>)[0x89, (byte)'P', (byte)'N', (byte)'G', 13, 10, 26, 10]))
            throw new DataException($"'{name}' is no PNG file. {Advice}");
        var (header, data) = Chunks(encoded[8..], name);
        var (wide, high) = (BinaryPrimitives.ReadUInt32BigEndian(header), BinaryPrimitives.ReadUInt32BigEndian(header.AsSpan(4)));
        var (depth, colour) = (header[8], header[9]);
        if (colour is not (Grey or Palette) || (colour == Grey && depth != 8) || depth is not (1 or 2 or 4 or 8))
            throw new DataException($"'{name}' has {depth}-bit pixels of PNG's colour type {colour}. {Advice}");
        if (header[12] != 0)
            throw new DataException($"'{name}' is interlaced; save it without. {Advice}");
        if (wide == 0 || high == 0 || (long)wide * high > limits.Pixels)
            throw new DataException($"'{name}' declares {wide} × {high} pixels; at most {limits.Pixels} are decoded.");
        var (width, height) = ((int)wide, (int)high);
        var line = (width * depth + 7) / 8;
        var mask = target.StartMask(width, height);
        try
        {
            using var stream = new ZLibStream(data, CompressionMode.Decompress);
            byte[] above = new byte[line + 1], row = new byte[line + 1];
            for (var y = 0; y < height; y++)
            {
                stream.ReadExactly(row);
                Unfilter(row[0], row.AsSpan(1), above.AsSpan(1), name);
                Unpack(row.AsSpan(1), depth, mask.Slice(y * width, width));
                (above, row) = (row, above);
            }
        }
        catch (Exception error) when (error is InvalidDataException or EndOfStreamException)
        {
            throw new DataException($"'{name}' is broken or cut short: its {width} × {height} pixels cannot all be decoded.", error);
        }
    }

    private static (byte[] Header, MemoryStream Data) Chunks(ReadOnlySpan<byte> bytes, string name)
    {
        byte[]? header = null;
        var data = new MemoryStream();
        while (bytes.Length >= 12)
        {
            var length = BinaryPrimitives.ReadUInt32BigEndian(bytes);
            if (length > bytes.Length - 12)
                break;
            var type = bytes.Slice(4, 4);
            var content = bytes.Slice(8, (int)length);
            if (type.SequenceEqual("IHDR"u8) && length == 13)
                header ??= content.ToArray();
            else if (type.SequenceEqual("IDAT"u8))
                data.Write(content);
            else if (type.SequenceEqual("IEND"u8))
                break;
            bytes = bytes[((int)length + 12)..];
        }
        data.Position = 0;
        return header is not null && data.Length > 0 ? (header, data) : throw new DataException($"'{name}' is a broken PNG file, or cut short. {Advice}");
    }

    // The filters of the standard's section 9, of whole bytes: a pixel's left neighbour is the byte before.
    private static void Unfilter(byte filter, Span<byte> row, ReadOnlySpan<byte> above, string name)
    {
        if (filter > 4)
            throw new DataException($"'{name}' is a broken PNG file: it has a filter {filter}. {Advice}");
        for (var x = 0; x < row.Length; x++)
        {
            int left = x > 0 ? row[x - 1] : 0, up = above[x], corner = x > 0 ? above[x - 1] : 0;
            row[x] += (byte)(filter switch
            {
                1 => left,
                2 => up,
                3 => (left + up) / 2,
                4 => Paeth(left, up, corner),
                _ => 0,
            });
        }
    }

    private static int Paeth(int left, int up, int corner)
    {
        var estimate = left + up - corner;
        var (a, b, c) = (Math.Abs(estimate - left), Math.Abs(estimate - up), Math.Abs(estimate - corner));
        return a <= b && a <= c ? left : b <= c ? up : corner;
    }

    private static void Unpack(ReadOnlySpan<byte> row, int depth, Span<byte> labels)
    {
        var perByte = 8 / depth;
        for (var x = 0; x < labels.Length; x++)
            labels[x] = (byte)(row[x / perByte] >> (8 - depth - x % perByte * depth) & (1 << depth) - 1);
    }
}
