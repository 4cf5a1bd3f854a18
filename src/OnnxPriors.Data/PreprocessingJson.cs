using System.Text.Json;
using System.Text.Json.Serialization;

namespace OnnxPriors.Data;

public sealed partial record Preprocessing
{
    /// <summary>The key of a model's metadata that holds <see cref="ToJson"/>.</summary>
    public const string MetadataKey = "onnxpriors.preprocess";

    /// <summary>
    /// As one line of JSON: <c>{"size":[H,W],"resize":shortSide,"crop":"center","channels":"rgb","scale":"unit","mean":[…],"std":[…]}</c>;
    /// what is not set is left out.
    /// </summary>
    public string ToJson() => JsonSerializer.Serialize(
        new PreprocessingDocument
        {
            Size = Size is { } size ? [size.Height, size.Width] : null,
            Resize = Resize,
            Crop = Name(Crop),
            Channels = Name(Channels),
            Scale = Name(Scale),
            Mean = Mean.Count == 0 ? null : [.. Mean],
            Std = Deviation.Count == 0 ? null : [.. Deviation],
        },
        PreprocessingContext.Default.PreprocessingDocument);

    /// <summary>Reads what <see cref="ToJson"/> writes.</summary>
    /// <exception cref="DataException">The text is no such JSON, or a value in it makes no sense.</exception>
    public static Preprocessing FromJson(string json)
    {
        PreprocessingDocument? document;
        try
        {
            document = JsonSerializer.Deserialize(json, PreprocessingContext.Default.PreprocessingDocument);
        }
        catch (JsonException error)
        {
            throw new DataException($"The preprocessing in the metadata ('{MetadataKey}') cannot be read: {error.Message}", error);
        }
        if (document is null || document.Size is { Length: not 2 })
            throw new DataException($"The preprocessing in the metadata ('{MetadataKey}') needs \"size\" as [height, width].");
        return new Preprocessing
        {
            Size = document.Size is [var height, var width] ? new ImageSize(height, width) : null,
            Resize = document.Resize,
            Crop = Parse<CropMode>(document.Crop, "crop"),
            Channels = Parse<ChannelOrder>(document.Channels, "channels"),
            Scale = Parse<PixelScale>(document.Scale, "scale"),
            Mean = document.Mean ?? [],
            Deviation = document.Std ?? [],
        }.Checked();
    }

    private static string Name<T>(T value) where T : struct, Enum => value.ToString().ToLowerInvariant();

    private static T Parse<T>(string? name, string key) where T : struct, Enum
    {
        if (name is null)
            return default;
        foreach (var value in Enum.GetValues<T>())
            if (Name(value) == name)
                return value;
        throw new DataException(
            $"The preprocessing has \"{key}\": \"{name}\"; it takes {string.Join(", ", Enum.GetValues<T>().Select(Name))}.");
    }
}

internal sealed class PreprocessingDocument
{
    public int[]? Size { get; init; }
    public int? Resize { get; init; }
    public string? Crop { get; init; }
    public string? Channels { get; init; }
    public string? Scale { get; init; }
    public float[]? Mean { get; init; }
    public float[]? Std { get; init; }
}

[JsonSourceGenerationOptions(
    PropertyNamingPolicy = JsonKnownNamingPolicy.CamelCase,
    DefaultIgnoreCondition = JsonIgnoreCondition.WhenWritingNull)]
[JsonSerializable(typeof(PreprocessingDocument))]
internal sealed partial class PreprocessingContext : JsonSerializerContext;
