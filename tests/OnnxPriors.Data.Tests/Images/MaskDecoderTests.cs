using System.Buffers.Binary;
using System.IO.Compression;
using OnnxPriors.Data.Images;

namespace OnnxPriors.Data.Tests.Images;

[TestClass]
public sealed class MaskDecoderTests
{
    [TestMethod]
    public void Grey_values_are_the_labels_under_every_filter()
    {
        var random = new Random(1);
        var labels = new byte[17 * 9];
        random.NextBytes(labels);
        for (byte filter = 0; filter <= 4; filter++)
            AssertLabels(17, labels, MaskPng.Write(17, labels, colour: 0, depth: 8, filter));
    }

    [TestMethod]
    [DataRow(1)]
    [DataRow(2)]
    [DataRow(4)]
    [DataRow(8)]
    public void Indices_into_a_palette_are_the_labels_whatever_its_colours(int depth)
    {
        var random = new Random(depth);
        byte[] labels = [.. Enumerable.Range(0, 13 * 5).Select(_ => (byte)random.Next(1 << Math.Min(depth, 4)))];
        AssertLabels(13, labels, MaskPng.Write(13, labels, colour: 3, depth));
    }

    [TestMethod]
    public void What_is_no_mask_is_refused_by_name_with_what_masks_are()
    {
        var labels = new byte[4 * 4];
        var sound = MaskPng.Write(4, labels, 0, 8);
        Assert.Contains("is no PNG file", Refusal([1, 2, 3]));
        Assert.Contains("colour type 2", Refusal(MaskPng.Write(4, labels, 2, 8)));
        Assert.Contains("16-bit", Refusal(MaskPng.Write(4, labels, 0, 16)));
        Assert.Contains("1-bit", Refusal(MaskPng.Write(4, labels, 0, 1)));
        Assert.Contains("interlaced", Refusal(MaskPng.Write(4, labels, 0, 8, interlaced: true)));
        Assert.Contains("filter 9", Refusal(MaskPng.Write(4, labels, 0, 8, filter: 9)));
        Assert.Contains("cut short", Refusal(sound[..(sound.Length / 2)]));
        // A header that asks for more than there is, and one that asks for more than may be.
        var longer = (byte[])sound.Clone();
        longer[23] = 200;
        Assert.Contains("cannot all be decoded", Refusal(longer));
        longer[20] = longer[16] = 0x70;
        Assert.Contains("at most", Refusal(longer));
    }

    private static void AssertLabels(int width, byte[] labels, byte[] file)
    {
        var example = new Example();
        MaskDecoder.Decode(file, "mask.png", DataLimits.Default, example);
        Assert.AreEqual((width, labels.Length / width), (example.MaskWidth, example.MaskHeight));
        Assert.AreSequenceEqual(labels, example.Mask.ToArray());
    }

    private static string Refusal(byte[] file)
    {
        var message = Assert.ThrowsExactly<DataException>(() => MaskDecoder.Decode(file, "mask.png", DataLimits.Default, new Example())).Message;
        Assert.Contains("'mask.png'", message);
        return message;
    }
}

/// <summary>Writes PNG files byte by byte, sound and unsound ones.</summary>
internal static class MaskPng
{
    public static byte[] Write(int width, byte[] labels, int colour, int depth, byte filter = 0, bool interlaced = false)
    {
        var height = labels.Length / width;
        using var file = new MemoryStream();
        file.Write([0x89, (byte)'P', (byte)'N', (byte)'G', 13, 10, 26, 10]);
        var header = new byte[13];
        BinaryPrimitives.WriteInt32BigEndian(header, width);
        BinaryPrimitives.WriteInt32BigEndian(header.AsSpan(4), height);
        (header[8], header[9], header[12]) = ((byte)depth, (byte)colour, (byte)(interlaced ? 1 : 0));
        Chunk(file, "IHDR", header);
        if (colour == 3)
            Chunk(file, "PLTE", [.. Enumerable.Range(0, 256).SelectMany(i => (byte[])[(byte)(255 - i), (byte)(i * 7), 99])]);
        using var packed = new MemoryStream();
        using (var zlib = new ZLibStream(packed, CompressionLevel.Optimal, leaveOpen: true))
        {
            var above = new byte[(width * Math.Min(depth, 8) + 7) / 8];
            for (var y = 0; y < height; y++)
            {
                var row = Pack(labels.AsSpan(y * width, width), Math.Min(depth, 8));
                zlib.WriteByte(filter);
                for (var x = 0; x < row.Length; x++)
                    zlib.WriteByte((byte)(row[x] - Predicted(filter, x > 0 ? row[x - 1] : 0, above[x], x > 0 ? above[x - 1] : 0)));
                above = row;
            }
        }
        // In two chunks, as large files have it.
        var data = packed.ToArray();
        Chunk(file, "IDAT", data[..(data.Length / 2)]);
        Chunk(file, "IDAT", data[(data.Length / 2)..]);
        Chunk(file, "IEND", []);
        return file.ToArray();
    }

    private static int Predicted(int filter, int left, int up, int corner)
    {
        switch (filter)
        {
            case 1: return left;
            case 2: return up;
            case 3: return (left + up) / 2;
            case 4:
                var p = left + up - corner;
                return ((int[])[left, up, corner]).MinBy(v => Math.Abs(p - v));
            default: return 0;
        }
    }

    private static byte[] Pack(ReadOnlySpan<byte> labels, int depth)
    {
        var row = new byte[(labels.Length * depth + 7) / 8];
        for (var x = 0; x < labels.Length; x++)
            row[x * depth / 8] |= (byte)((labels[x] & (1 << depth) - 1) << (8 - depth - x * depth % 8));
        return row;
    }

    private static void Chunk(MemoryStream file, string type, byte[] content)
    {
        Span<byte> length = stackalloc byte[4];
        BinaryPrimitives.WriteInt32BigEndian(length, content.Length);
        file.Write(length);
        file.Write(System.Text.Encoding.ASCII.GetBytes(type));
        file.Write(content);
        file.Write([0, 0, 0, 0]);
    }
}
