using System.Buffers.Binary;
using System.Text;
using OnnxPriors.Onnx;

namespace OnnxPriors.Artifacts.OrtTraining;

/// <summary>
/// Reads tables of a FlatBuffer that nobody vouches for: every place is checked against the file's end before it is read, and a vector has
/// no more elements than there are bytes for.
/// </summary>
internal sealed class FlatBufferReader
{
    private const int LongestText = 1 << 16;

    private readonly MappedFile file;
    private readonly string name;

    public FlatBufferReader(string path, ReadOnlySpan<byte> identifier, string what)
    {
        name = path;
        file = MappedFile.Open(path);
        if (file.Length > int.MaxValue)
            throw new ArtifactException($"'{path}' has {file.Length} bytes; {what} has at most {int.MaxValue}.");
        if (file.Length < 8 || !At(4, 4).SequenceEqual(identifier))
            throw new ArtifactException($"'{path}' is not {what}: it does not say '{Encoding.ASCII.GetString(identifier)}' at its beginning.");
    }

    public long Length => file.Length;

    public Table Root => new(Target(0));

    public Table? Child(Table table, int slot) => Field(table, slot, 4) is { } place ? new Table(Target(place)) : null;

    public int Int(Table table, int slot, int otherwise = 0) =>
        Field(table, slot, 4) is { } place ? BinaryPrimitives.ReadInt32LittleEndian(At(place, 4)) : otherwise;

    public long Long(Table table, int slot, long otherwise = 0) =>
        Field(table, slot, 8) is { } place ? BinaryPrimitives.ReadInt64LittleEndian(At(place, 8)) : otherwise;

    public float Float(Table table, int slot) =>
        Field(table, slot, 4) is { } place ? BinaryPrimitives.ReadSingleLittleEndian(At(place, 4)) : 0;

    public bool Flag(Table table, int slot) => Field(table, slot, 1) is { } place && At(place, 1)[0] != 0;

    public string Text(Table table, int slot)
    {
        if (Vector(table, slot, 1) is not { } text)
            return "";
        if (text.Count > LongestText)
            throw Broken($"a text of {text.Count} bytes");
        return Encoding.UTF8.GetString(At(text.Start, text.Count));
    }

    public long[] Longs(Table table, int slot)
    {
        if (Vector(table, slot, 8) is not { } vector)
            return [];
        var values = new long[vector.Count];
        for (var i = 0; i < values.Length; i++)
            values[i] = BinaryPrimitives.ReadInt64LittleEndian(At(vector.Start + 8L * i, 8));
        return values;
    }

    public Table[] Tables(Table table, int slot)
    {
        if (Vector(table, slot, 4) is not { } vector)
            return [];
        var tables = new Table[vector.Count];
        for (var i = 0; i < tables.Length; i++)
            tables[i] = new Table(Target(vector.Start + 4L * i));
        return tables;
    }

    public ReadOnlyMemory<byte>? Bytes(Table table, int slot) =>
        Vector(table, slot, 1) is { } vector ? file.Slice(vector.Start, vector.Count) : null;

    public ArtifactException Broken(string what) =>
        new($"'{name}' is damaged: it has {what}. Save or copy the checkpoint again.");

    private (long Start, int Count)? Vector(Table table, int slot, int size)
    {
        if (Field(table, slot, 4) is not { } place)
            return null;
        var start = Target(place);
        var count = BinaryPrimitives.ReadUInt32LittleEndian(At(start, 4));
        return count <= (file.Length - start - 4) / size
            ? (start + 4, (int)count)
            : throw Broken($"a vector of {count} elements where the file ends");
    }

    private long? Field(Table table, int slot, int size)
    {
        var shape = table.Start - BinaryPrimitives.ReadInt32LittleEndian(At(table.Start, 4));
        var bytes = BinaryPrimitives.ReadUInt16LittleEndian(At(shape, 2));
        var entry = 4 + 2 * slot;
        if (entry + 2 > bytes)
            return null;
        var offset = BinaryPrimitives.ReadUInt16LittleEndian(At(shape + entry, 2));
        if (offset == 0)
            return null;
        _ = At(table.Start + offset, size);
        return table.Start + offset;
    }

    private long Target(long place) => place + BinaryPrimitives.ReadUInt32LittleEndian(At(place, 4));

    private ReadOnlySpan<byte> At(long place, int count) => place >= 0 && place <= file.Length - count
        ? file.Slice(place, count).Span
        : throw Broken($"a reference to byte {place}, beyond its {file.Length}");

    /// <summary>A table by its place.</summary>
    internal readonly record struct Table(long Start);
}
