using System.Collections.Immutable;
using System.Text.Json;

namespace OnnxPriors.Priors;

/// <summary>
/// The header of a safetensors file (https://github.com/huggingface/safetensors, 'Format'): a JSON object that gives each tensor its
/// type, shape and place. Reading holds it to the specification: no name twice, places that cover the data without hole or overlap,
/// and as many bytes as type and shape need.
/// </summary>
internal static class SafetensorsHeader
{
    /// <summary>The reference implementation's own limit, in bytes.</summary>
    public const long MaxLength = 100_000_000;

    private const string MetadataKey = "__metadata__";

    /// <summary>The size of an element in bytes, or 0 for a type this library does not know.</summary>
    public static int ElementSize(string type) => type switch
    {
        "BOOL" or "U8" or "I8" or "F8_E5M2" or "F8_E4M3" => 1,
        "I16" or "U16" or "F16" or "BF16" => 2,
        "I32" or "U32" or "F32" => 4,
        "I64" or "U64" or "F64" => 8,
        _ => 0,
    };

    /// <summary>Reads a header.</summary>
    /// <param name="json">The header's bytes.</param>
    /// <param name="dataStart">Where the data begins in the file.</param>
    /// <param name="dataLength">How many bytes of data there are.</param>
    /// <exception cref="FormatException">The header breaks the format; the message says how.</exception>
    public static (ImmutableArray<SafetensorsEntry> Entries, ImmutableSortedDictionary<string, string> Metadata) Parse(
        ReadOnlySpan<byte> json, long dataStart, long dataLength)
    {
        var names = new HashSet<string>(StringComparer.Ordinal);
        var entries = new List<SafetensorsEntry>();
        var metadata = ImmutableSortedDictionary.CreateBuilder<string, string>(StringComparer.Ordinal);
        try
        {
            var reader = new Utf8JsonReader(json, new JsonReaderOptions { MaxDepth = 3 });
            Expect(reader.Read() && reader.TokenType == JsonTokenType.StartObject, "the header is not a JSON object");
            while (Next(ref reader) is { } name)
            {
                Expect(names.Add(name), $"the name '{name}' stands there twice");
                if (name == MetadataKey)
                    ReadMetadata(ref reader, metadata);
                else
                    entries.Add(ReadEntry(ref reader, name, dataStart, dataLength));
            }
            Expect(!reader.Read(), "something follows the header's JSON object");
        }
        catch (Exception error) when (error is JsonException or InvalidOperationException)
        {
            // Utf8JsonReader throws InvalidOperationException for strings that are not valid UTF-8.
            throw new FormatException($"its header is not valid JSON ({error.Message})", error);
        }
        entries.Sort((a, b) => a.Offset != b.Offset ? a.Offset.CompareTo(b.Offset) : a.Bytes.CompareTo(b.Bytes));
        CheckCoverage(entries, dataStart, dataLength);
        return ([.. entries], metadata.ToImmutable());
    }

    /// <summary>Writes a header for tensors that follow each other in the given order, padded with blanks so that the data is aligned to 8 bytes.</summary>
    public static byte[] Build(IEnumerable<KeyValuePair<string, string>> metadata, IEnumerable<(string Name, string Type, ImmutableArray<long> Shape, long Bytes)> tensors)
    {
        using var memory = new MemoryStream();
        using (var writer = new Utf8JsonWriter(memory))
        {
            writer.WriteStartObject();
            writer.WriteStartObject(MetadataKey);
            foreach (var (key, value) in metadata.OrderBy(pair => pair.Key, StringComparer.Ordinal))
                writer.WriteString(key, value);
            writer.WriteEndObject();
            var offset = 0L;
            foreach (var (name, type, shape, bytes) in tensors)
            {
                writer.WriteStartObject(name);
                writer.WriteString("dtype", type);
                writer.WriteStartArray("shape");
                foreach (var dimension in shape)
                    writer.WriteNumberValue(dimension);
                writer.WriteEndArray();
                writer.WriteStartArray("data_offsets");
                writer.WriteNumberValue(offset);
                writer.WriteNumberValue(offset += bytes);
                writer.WriteEndArray();
                writer.WriteEndObject();
            }
            writer.WriteEndObject();
        }
        while (memory.Length % 8 != 0)
            memory.WriteByte((byte)' ');
        return memory.ToArray();
    }

    private static string? Next(ref Utf8JsonReader reader)
    {
        Expect(reader.Read(), "the header ends early");
        return reader.TokenType == JsonTokenType.EndObject ? null : reader.GetString();
    }

    private static void ReadMetadata(ref Utf8JsonReader reader, ImmutableSortedDictionary<string, string>.Builder metadata)
    {
        Expect(reader.Read() && reader.TokenType == JsonTokenType.StartObject, "its metadata is not an object");
        while (Next(ref reader) is { } key)
        {
            Expect(reader.Read() && reader.TokenType == JsonTokenType.String, $"metadata '{key}' is not a string");
            Expect(metadata.TryAdd(key, reader.GetString()!), $"metadata '{key}' stands there twice");
        }
    }

    private static SafetensorsEntry ReadEntry(ref Utf8JsonReader reader, string name, long dataStart, long dataLength)
    {
        Expect(reader.Read() && reader.TokenType == JsonTokenType.StartObject, $"tensor '{name}' is not described by an object");
        string? type = null;
        ImmutableArray<long>? shape = null, place = null;
        while (Next(ref reader) is { } field)
        {
            Expect(reader.Read(), "the header ends early");
            switch (field)
            {
                case "dtype" when type is null && reader.TokenType == JsonTokenType.String:
                    type = reader.GetString();
                    break;
                case "shape" when shape is null && reader.TokenType == JsonTokenType.StartArray:
                    shape = ReadNumbers(ref reader, name);
                    break;
                case "data_offsets" when place is null && reader.TokenType == JsonTokenType.StartArray:
                    place = ReadNumbers(ref reader, name);
                    break;
                default:
                    throw new FormatException($"tensor '{name}' has a field '{field}' that is unknown, repeated or of the wrong kind");
            }
        }
        if (type is null || shape is not { } dimensions || place is not [var begin, var end])
            throw new FormatException($"tensor '{name}' lacks its dtype, its shape or its two data_offsets");
        Expect(begin <= end && end <= dataLength, $"tensor '{name}' claims bytes {begin} to {end} of {dataLength}");
        var size = ElementSize(type);
        Expect(size > 0, $"tensor '{name}' has the unknown element type '{type}'");
        long count = 1;
        foreach (var dimension in dimensions)
            Expect(!OverflowsProduct(ref count, dimension), $"tensor '{name}' of shape {Show(dimensions)} is too large");
        Expect(count <= long.MaxValue / size && count * size == end - begin,
            $"tensor '{name}' ({type} {Show(dimensions)}) has {end - begin} bytes");
        return new SafetensorsEntry(name, type, dimensions, count, dataStart + begin, end - begin);
    }

    private static bool OverflowsProduct(ref long count, long factor)
    {
        var product = Math.BigMul((ulong)count, (ulong)factor, out var low);
        count = (long)low;
        return product != 0 || low > long.MaxValue;
    }

    private static ImmutableArray<long> ReadNumbers(ref Utf8JsonReader reader, string name)
    {
        var numbers = ImmutableArray.CreateBuilder<long>();
        while (reader.Read() && reader.TokenType != JsonTokenType.EndArray)
        {
            long number = -1;
            Expect(reader.TokenType == JsonTokenType.Number && reader.TryGetInt64(out number) && number >= 0,
                $"tensor '{name}' has a dimension or offset that is not a whole number from 0 up");
            numbers.Add(number);
        }
        return numbers.ToImmutable();
    }

    private static void CheckCoverage(List<SafetensorsEntry> entries, long dataStart, long dataLength)
    {
        var end = dataStart;
        foreach (var entry in entries)
        {
            Expect(entry.Offset >= end, $"the data of tensor '{entry.Name}' overlaps another's");
            Expect(entry.Offset <= end, $"{entry.Offset - end} bytes before the data of tensor '{entry.Name}' belong to no tensor");
            end = entry.Offset + entry.Bytes;
        }
        Expect(end == dataStart + dataLength, $"{dataStart + dataLength - end} bytes at the end belong to no tensor");
    }

    /// <summary>A shape as messages show it.</summary>
    public static string Show(IEnumerable<long> shape) => $"[{string.Join(", ", shape)}]";

    private static void Expect(bool holds, string otherwise)
    {
        if (!holds)
            throw new FormatException(otherwise);
    }
}
