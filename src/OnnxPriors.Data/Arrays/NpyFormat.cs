using System.Buffers.Binary;
using System.Globalization;
using System.Text;
using System.Text.RegularExpressions;

namespace OnnxPriors.Data.Arrays;

/// <summary>
/// The NPY format, versions 1.0 to 3.0 (NumPy Enhancement Proposal 1, <c>numpy.lib.format</c>): magic, version, the length of
/// the header, the header as a Python dictionary, the elements.
/// </summary>
internal static partial class NpyFormat
{
    private static ReadOnlySpan<byte> Magic => [0x93, (byte)'N', (byte)'U', (byte)'M', (byte)'P', (byte)'Y'];

    private const int LargestHeader = 64 << 10;

    /// <summary>Reads one array.</summary>
    /// <param name="stream">The stream, at the magic.</param>
    /// <param name="available">The bytes the stream can hold at most; no more memory is taken than that.</param>
    /// <param name="name">The file and the array in it, for messages.</param>
    /// <exception cref="DataException">The array is broken, cut short, too large, or of a type this reader does not take.</exception>
    public static NpzArray Read(Stream stream, long available, string name)
    {
        Span<byte> start = stackalloc byte[8];
        Fill(stream, start, name);
        if (!start[..6].SequenceEqual(Magic))
            throw new DataException($"{name} is no NumPy array: it does not start with the format's magic.");
        if (start[6] is < 1 or > 3)
            throw new DataException($"{name} is of NPY version {start[6]}.{start[7]}; versions 1 to 3 are read.");
        Span<byte> lengthBytes = stackalloc byte[4];
        lengthBytes.Clear();
        var lengthSize = start[6] == 1 ? 2 : 4;
        Fill(stream, lengthBytes[..lengthSize], name);
        var headerLength = BinaryPrimitives.ReadUInt32LittleEndian(lengthBytes);
        if (headerLength > LargestHeader)
            throw new DataException($"{name} declares a header of {headerLength} bytes; at most {LargestHeader} are read.");
        var header = new byte[headerLength];
        Fill(stream, header, name);
        var text = (start[6] == 3 ? Encoding.UTF8 : Encoding.Latin1).GetString(header);

        var (type, bigEndian, fortran, shape) = ParseHeader(text, name);
        var bytes = AllocateElements(type, shape, available - 8 - lengthSize - headerLength, name);
        Fill(stream, bytes, name);
        if (bigEndian)
            SwapBytes(bytes, type.Size());
        if (fortran && shape.Length > 1)
            bytes = FromColumnMajor(bytes, shape, type.Size());
        return new NpzArray(type, shape, bytes);
    }

    /// <summary>Writes one array as version 1.0, padded as NumPy pads it so that the elements start at a multiple of 64 bytes.</summary>
    public static void Write(Stream stream, NpzArray array)
    {
        var dimensions = string.Join(", ", array.Shape.Select(length => length.ToString(CultureInfo.InvariantCulture)));
        if (array.Shape.Count == 1)
            dimensions += ",";
        var header = $"{{'descr': '{array.Type.Descriptor()}', 'fortran_order': False, 'shape': ({dimensions}), }}";
        var total = (10 + header.Length + 1 + 63) / 64 * 64;
        var text = header.PadRight(total - 11) + "\n";
        Span<byte> start = stackalloc byte[10];
        Magic.CopyTo(start);
        start[6] = 1;
        start[7] = 0;
        BinaryPrimitives.WriteUInt16LittleEndian(start[8..], checked((ushort)text.Length));
        stream.Write(start);
        stream.Write(Encoding.Latin1.GetBytes(text));
        stream.Write(array.Bytes);
    }

    private static (NpyType Type, bool BigEndian, bool Fortran, long[] Shape) ParseHeader(string text, string name)
    {
        var descriptor = DescriptorPattern().Match(text);
        var order = OrderPattern().Match(text);
        var dimensions = ShapePattern().Match(text);
        if (!order.Success || !dimensions.Success)
            throw new DataException($"{name} has a header that cannot be read: {Shorten(text)}");
        var code = descriptor.Success ? descriptor.Groups[2].Value : "";
        if (NpyTypes.Parse(code) is not { } type)
            throw new DataException($"{name} holds elements of a type that is not read: {Shorten(text)} Save it as bool, an integer, float16, float32 or float64.");
        var parts = dimensions.Groups[1].Value.Split(',', StringSplitOptions.TrimEntries | StringSplitOptions.RemoveEmptyEntries);
        var shape = new long[parts.Length];
        for (var i = 0; i < parts.Length; i++)
            if (!long.TryParse(parts[i].TrimEnd('L'), NumberStyles.None, CultureInfo.InvariantCulture, out shape[i]))
                throw new DataException($"{name} has a shape that cannot be read: ({dimensions.Groups[1].Value})");
        return (type, descriptor.Groups[1].Value == ">", order.Groups[1].Value == "True", shape);
    }

    private static byte[] AllocateElements(NpyType type, long[] shape, long available, string name)
    {
        var total = (Int128)type.Size();
        foreach (var length in shape)
            total = length == 0 ? 0 : total > long.MaxValue ? total : total * length;
        if (total > available)
            throw new DataException($"{name} declares {type} [{string.Join(", ", shape)}], more bytes than the file can hold: it is cut short, or too large to be read.");
        return GC.AllocateUninitializedArray<byte>((int)total);
    }

    private static void Fill(Stream stream, Span<byte> target, string name)
    {
        if (stream.ReadAtLeast(target, target.Length, throwOnEndOfStream: false) < target.Length)
            throw new DataException($"{name} is cut short.");
    }

    private static void SwapBytes(Span<byte> bytes, int size)
    {
        for (var at = 0; at < bytes.Length; at += size)
            bytes.Slice(at, size).Reverse();
    }

    /// <summary>Rewrites column-major elements (first index fastest) as row-major ones.</summary>
    private static byte[] FromColumnMajor(byte[] bytes, long[] shape, int size)
    {
        var result = new byte[bytes.Length];
        var strides = new long[shape.Length];
        long stride = 1;
        for (var axis = 0; axis < shape.Length; axis++)
        {
            strides[axis] = stride;
            stride *= shape[axis];
        }
        var index = new long[shape.Length];
        long source = 0;
        for (var to = 0; to < result.Length; to += size)
        {
            bytes.AsSpan((int)(source * size), size).CopyTo(result.AsSpan(to));
            for (var axis = shape.Length - 1; axis >= 0; axis--)
            {
                source += strides[axis];
                if (++index[axis] < shape[axis])
                    break;
                source -= strides[axis] * shape[axis];
                index[axis] = 0;
            }
        }
        return result;
    }

    private static string Shorten(string text) => text.Trim() is var trimmed && trimmed.Length > 120 ? trimmed[..120] + "…" : trimmed;

    [GeneratedRegex(@"'descr'\s*:\s*'([<>|=]?)([a-z]\d+)'", RegexOptions.CultureInvariant)]
    private static partial Regex DescriptorPattern();

    [GeneratedRegex(@"'fortran_order'\s*:\s*(True|False)", RegexOptions.CultureInvariant)]
    private static partial Regex OrderPattern();

    [GeneratedRegex(@"'shape'\s*:\s*\(([^)]*)\)", RegexOptions.CultureInvariant)]
    private static partial Regex ShapePattern();
}
