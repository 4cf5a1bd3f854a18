using System.Buffers.Binary;
using System.Text;

namespace OnnxPriors.Artifacts.OrtTraining;

/// <summary>
/// Writes a FlatBuffer (the format's page 'FlatBuffer Internals') front to back: tables first, large byte vectors behind them, so that a
/// checkpoint of a gigabyte streams from its sources to the disk. FlatBufferBuilder writes back to front and holds all of it.
/// </summary>
internal sealed class FlatBufferWriter
{
    private readonly List<(int Place, long Length, Action<Stream> Copy)> blobs = [];
    private byte[] head = new byte[1 << 12];
    private int length;

    /// <summary>Starts a buffer: the root's place, then the four characters that tell what it is.</summary>
    public FlatBufferWriter(ReadOnlySpan<byte> identifier)
    {
        Take(4, 4);
        identifier.CopyTo(head.AsSpan(Take(4, 1)));
    }

    /// <summary>Adds a table.</summary>
    /// <param name="fields">Its slots in order.</param>
    /// <param name="references">Filled with the place of each reference among the fields; others are 0.</param>
    /// <returns>Where it stands.</returns>
    public int Table(ReadOnlySpan<Field> fields, Span<int> references)
    {
        var at = 4;
        Span<ushort> offsets = stackalloc ushort[fields.Length];
        // Eight bytes first, at a multiple of eight from the table's start; then the smaller ones.
        foreach (var size in (ReadOnlySpan<int>)[8, 4, 1])
            for (var i = 0; i < fields.Length; i++)
                if (fields[i].Size == size)
                {
                    at = (at + size - 1) / size * size;
                    offsets[i] = (ushort)at;
                    at += size;
                }
        var shape = Take(4 + 2 * fields.Length, 2);
        var table = Take(at, 8);
        BinaryPrimitives.WriteUInt16LittleEndian(head.AsSpan(shape), (ushort)(4 + 2 * fields.Length));
        BinaryPrimitives.WriteUInt16LittleEndian(head.AsSpan(shape + 2), (ushort)at);
        BinaryPrimitives.WriteInt32LittleEndian(head.AsSpan(table), table - shape);
        for (var i = 0; i < fields.Length; i++)
        {
            BinaryPrimitives.WriteUInt16LittleEndian(head.AsSpan(shape + 4 + 2 * i), offsets[i]);
            var place = table + offsets[i];
            references[i] = fields[i].IsReference ? place : 0;
            if (fields[i].Size == 8)
                BinaryPrimitives.WriteInt64LittleEndian(head.AsSpan(place), fields[i].Bits);
            else if (fields[i].Size == 4)
                BinaryPrimitives.WriteInt32LittleEndian(head.AsSpan(place), (int)fields[i].Bits);
            else if (fields[i].Size == 1)
                head[place] = (byte)fields[i].Bits;
        }
        return table;
    }

    /// <summary>Adds a table that is the root.</summary>
    public void Root(ReadOnlySpan<Field> fields, Span<int> references) => Point(0, Table(fields, references));

    /// <summary>Lets a place refer to a target behind it.</summary>
    public void Point(int place, int target) =>
        BinaryPrimitives.WriteUInt32LittleEndian(head.AsSpan(place), checked((uint)(target - place)));

    /// <summary>Adds a text that a place refers to.</summary>
    public void Text(int place, string text)
    {
        var bytes = Encoding.UTF8.GetBytes(text);
        var at = Take(4 + bytes.Length + 1, 4);
        BinaryPrimitives.WriteInt32LittleEndian(head.AsSpan(at), bytes.Length);
        bytes.CopyTo(head, at + 4);
        Point(place, at);
    }

    /// <summary>Adds a vector of int64 that a place refers to.</summary>
    public void Longs(int place, ReadOnlySpan<long> values)
    {
        // The elements stand at a multiple of eight, their number just before.
        while ((length + 4) % 8 != 0)
            Take(1, 1);
        var at = Take(4 + 8 * values.Length, 4);
        BinaryPrimitives.WriteInt32LittleEndian(head.AsSpan(at), values.Length);
        for (var i = 0; i < values.Length; i++)
            BinaryPrimitives.WriteInt64LittleEndian(head.AsSpan(at + 4 + 8 * i), values[i]);
        Point(place, at);
    }

    /// <summary>Adds a vector of references that a place refers to.</summary>
    /// <returns>Where its first element stands; the others follow every four bytes.</returns>
    public int References(int place, int count)
    {
        var at = Take(4 + 4 * count, 4);
        BinaryPrimitives.WriteInt32LittleEndian(head.AsSpan(at), count);
        Point(place, at);
        return at + 4;
    }

    /// <summary>Adds a large vector of bytes that a place refers to; written when all tables are there.</summary>
    public void Bytes(int place, long count, Action<Stream> copy) => blobs.Add((place, count, copy));

    /// <summary>Writes the buffer.</summary>
    /// <exception cref="OverflowException">It would pass two gigabytes, which the format's readers refuse.</exception>
    public void WriteTo(Stream stream)
    {
        var at = (long)length;
        var gaps = new List<int>(blobs.Count);
        foreach (var (place, count, _) in blobs)
        {
            // Contents begin at a multiple of 16 bytes, so that they can be read in place.
            var gap = (int)((16 - (at + 4) % 16) % 16);
            gaps.Add(gap);
            at += gap;
            Point(place, checked((int)at));
            at += 4 + count;
        }
        _ = checked((int)at);
        stream.Write(head.AsSpan(0, length));
        Span<byte> zeros = stackalloc byte[16];
        zeros.Clear();
        Span<byte> prefix = stackalloc byte[4];
        for (var i = 0; i < blobs.Count; i++)
        {
            stream.Write(zeros[..gaps[i]]);
            BinaryPrimitives.WriteUInt32LittleEndian(prefix, (uint)blobs[i].Length);
            stream.Write(prefix);
            blobs[i].Copy(stream);
        }
    }

    private int Take(int count, int alignment)
    {
        var at = (length + alignment - 1) / alignment * alignment;
        length = at + count;
        if (length > head.Length)
            Array.Resize(ref head, Math.Max(length, 2 * head.Length));
        return at;
    }

    /// <summary>A slot of a table.</summary>
    internal readonly record struct Field(int Size, long Bits, bool IsReference)
    {
        public static Field Absent => default;

        public static Field Reference => new(4, 0, true);

        public static Field Int(int value) => new(4, value, false);

        public static Field Long(long value) => new(8, value, false);

        public static Field Float(float value) => new(4, BitConverter.SingleToInt32Bits(value), false);

        public static Field Flag(bool value) => value ? new(1, 1, false) : Absent;
    }
}
