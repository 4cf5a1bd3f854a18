using System.Collections.Immutable;
using System.Globalization;
using OnnxPriors.Graphs;

namespace OnnxPriors.Normalization;

/// <summary>A value for an input of a model, which makes it a constant.</summary>
/// <param name="Name">The input's name.</param>
/// <param name="Numbers">Its elements, row by row; one number fills a scalar or a tensor of any fixed shape.</param>
public sealed record InputBinding(string Name, ImmutableArray<double> Numbers)
{
    private const long MaxElements = 1 << 24;

    /// <summary>Reads <c>NAME=VALUE</c>, where the value is a number, <c>true</c>, <c>false</c>, or a list with commas.</summary>
    /// <param name="text">The text.</param>
    /// <exception cref="NormalizationException">The text has another form.</exception>
    public static InputBinding Parse(string text)
    {
        ArgumentNullException.ThrowIfNull(text);
        var split = text.LastIndexOf('=');
        if (split <= 0)
            throw new NormalizationException($"'{text}' binds nothing; write NAME=VALUE, such as rate=16000.");
        var numbers = text[(split + 1)..].Split(',', StringSplitOptions.TrimEntries).Select(part => part switch
        {
            "true" => 1,
            "false" => 0,
            _ when double.TryParse(part, NumberStyles.Float, CultureInfo.InvariantCulture, out var number) => number,
            _ => throw new NormalizationException($"'{part}' in '{text}' is no number; write NAME=VALUE, such as rate=16000 or sizes=1,3,224."),
        });
        return new(text[..split], [.. numbers]);
    }

    /// <summary>The tensor for an input of a given type and shape.</summary>
    /// <param name="type">The element type.</param>
    /// <param name="shape">The shape the file states; null where it states none.</param>
    /// <exception cref="NormalizationException">The numbers do not fill the shape.</exception>
    public TensorData ToTensor(ElementType type, Shape? shape)
    {
        var dimensions = shape switch
        {
            null => Numbers.Length == 1 ? [] : [Numbers.Length],
            _ => shape.Select(d => d.Value ?? (shape.Rank == 1 ? Numbers.Length : 1)).ToArray(),
        };
        var count = dimensions.Aggregate(1L, (product, d) => product * d);
        if (Numbers.Length != count && Numbers.Length != 1)
            throw new NormalizationException($"Input '{Name}' has the shape {shape} and cannot be bound to {Numbers.Length} numbers; give {count}.");
        if (count > MaxElements)
            throw new NormalizationException($"Input '{Name}' has the shape {shape}, too large to be bound to a constant.");
        var values = Numbers.Length == count ? Numbers.ToArray() : [.. Enumerable.Repeat(Numbers[0], (int)count)];
        return TensorData.Of(values, [.. dimensions]).ConvertTo(type == ElementType.Undefined ? ElementType.Float : type);
    }
}
