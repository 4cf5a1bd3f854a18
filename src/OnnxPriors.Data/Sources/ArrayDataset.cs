using System.Collections.Immutable;
using OnnxPriors.Data.Arrays;
using OnnxPriors.Data.Images;

namespace OnnxPriors.Data.Sources;

/// <summary>One part of an <see cref="ArrayDataset"/>: examples along the first axis, and their classes.</summary>
internal sealed record ArrayPart(NpzArray Examples, int[] Labels, DataSplit Split)
{
    /// <summary>What is known of the examples instead of a class; null: their classes.</summary>
    public ArrayTargets? Targets { get; init; }
}

/// <summary>Flags or numbers [N, width], row by row.</summary>
internal sealed record ArrayTargets(TargetKind Kind, float[] Values, int Width);

/// <summary>
/// Examples that lie in arrays. Two axes are features [N, F]. Three or four are pictures: uint8 ones pass through the
/// preprocessing ([N, H, W], [N, H, W, C] or [N, C, H, W] with 1, 3 or 4 channels), others are tensors as the model takes them
/// ([N, H, W] or [N, C, H, W]).
/// </summary>
internal sealed class ArrayDataset : IDataset
{
    private readonly IReadOnlyList<ArrayPart> parts;
    private readonly int[] partOf;
    private readonly int[] rowOf;
    private readonly int channels, height, width, perExample;
    private readonly bool channelsLast;

    public ArrayDataset(string name, IReadOnlyList<ArrayPart> parts, IReadOnlyList<string>? classNames, DataLimits limits)
    {
        Name = name;
        this.parts = parts;
        var shape = parts[0].Examples.Shape;
        foreach (var part in parts)
            if (!part.Examples.Shape.Skip(1).SequenceEqual(shape.Skip(1)) || part.Examples.Type != parts[0].Examples.Type)
                throw new DataException($"'{name}' holds examples {parts[0].Examples} beside {part.Examples}; they must agree but for their number.");
            else if (part.Examples.Shape.Count == 0 || part.Examples.Shape[0] != part.Labels.Length)
                throw new DataException($"'{name}' holds examples {part.Examples} and {part.Labels.Length} labels; there must be one label for each.");
        CheckTargets();
        (Kind, channels, height, width, channelsLast) = Interpret(name, parts[0].Examples);
        perExample = checked(channels * height * width);

        Labels = [.. parts.SelectMany(part => part.Labels)];
        Splits = [.. parts.SelectMany(part => Enumerable.Repeat(part.Split, part.Labels.Length))];
        partOf = [.. parts.SelectMany((part, index) => Enumerable.Repeat(index, part.Labels.Length))];
        rowOf = [.. parts.SelectMany(part => Enumerable.Range(0, part.Labels.Length))];
        if (Labels.IsEmpty)
            throw new DataException($"'{name}' holds no example.");
        ClassNames = classNames ?? NumberedClasses(name, Labels, limits);
    }

    public string Name { get; }

    public int Count => Labels.Length;

    public ExampleKind Kind { get; }

    public TargetKind Targets => parts[0].Targets?.Kind ?? TargetKind.Class;

    public int TargetCount => parts[0].Targets?.Width ?? 0;

    public void CopyTargets(int index, Span<float> target)
    {
        var targets = parts[partOf[index]].Targets ?? throw new DataException($"'{Name}' has classes, and no numbers to predict.");
        targets.Values.AsSpan(rowOf[index] * targets.Width, targets.Width).CopyTo(target);
    }

    public IReadOnlyList<string> ClassNames { get; }

    public ImmutableArray<int> Labels { get; }

    public ImmutableArray<DataSplit> Splits { get; }

    public string Fingerprint
    {
        get
        {
            using var hash = new FingerprintHash();
            foreach (var part in parts)
            {
                hash.Add($"{part.Split} {part.Examples}").Add(part.Examples.Bytes).Add(part.Labels);
                if (part.Targets is { } targets)
                    hash.Add($"{targets.Kind} {targets.Width}").Add(System.Runtime.InteropServices.MemoryMarshal.AsBytes(targets.Values.AsSpan()));
            }
            foreach (var name in ClassNames)
                hash.Add(name);
            return hash.Finish();
        }
    }

    public string NameOf(int index) => parts[partOf[index]].Split is DataSplit.None
        ? $"example {rowOf[index]}"
        : $"example {rowOf[index]} of {parts[partOf[index]].Split}";

    public void Decode(int index, Example target, int enough = 0)
    {
        var array = parts[partOf[index]].Examples;
        var start = rowOf[index] * perExample;
        if (Kind == ExampleKind.Pixels)
            SpreadPixels(array.Bytes.Slice(start, perExample), target.StartPixels(width, height));
        else
            array.CopySingles(start, target.StartValues(Kind, channels, height, width));
    }

    public void Dispose()
    {
    }

    private void CheckTargets()
    {
        foreach (var part in parts)
        {
            if (part.Targets is not { } targets)
                continue;
            if (targets.Width != TargetCount || targets.Values.Length != (long)part.Labels.Length * targets.Width)
                throw new DataException($"'{Name}' holds {targets.Width} targets an example beside {TargetCount}; all parts must agree.");
            for (var i = 0; i < targets.Values.Length; i++)
                if (targets.Kind == TargetKind.Flags ? targets.Values[i] is not (0 or 1) : !float.IsFinite(targets.Values[i]))
                    throw new DataException(string.Create(System.Globalization.CultureInfo.InvariantCulture, $"'{Name}' has the target {targets.Values[i]} at example {i / targets.Width}; {(targets.Kind == TargetKind.Flags ? "labels are 0 or 1" : "numbers are finite")}."));
        }
    }

    /// <summary>Labels as class indices.</summary>
    /// <exception cref="DataException">A label is negative, or too large to be a class.</exception>
    public static int[] CheckLabels(string name, long[] labels, DataLimits limits)
    {
        for (var i = 0; i < labels.Length; i++)
            if (labels[i] < 0 || labels[i] >= limits.Classes)
                throw new DataException($"'{name}' has label {labels[i]} at example {i}; labels count from 0 and stay below {limits.Classes}.");
        return Array.ConvertAll(labels, label => (int)label);
    }

    private static IReadOnlyList<string> NumberedClasses(string name, ImmutableArray<int> labels, DataLimits limits)
    {
        CheckLabels(name, [.. labels], limits);
        return [.. Enumerable.Range(0, labels.Max() + 1).Select(index => index.ToString(System.Globalization.CultureInfo.InvariantCulture))];
    }

    private static (ExampleKind Kind, int Channels, int Height, int Width, bool ChannelsLast) Interpret(string name, NpzArray examples)
    {
        var pixels = examples.Type == NpyType.UInt8;
        var kind = pixels ? ExampleKind.Pixels : ExampleKind.Tensor;
        if (examples.Shape.Any(length => length is < 1 or > int.MaxValue))
            throw new DataException($"'{name}' holds no example: {examples}.");
        return examples.Shape.Select(length => (int)length).ToArray() switch
        {
            [_, var features] => (ExampleKind.Features, features, 1, 1, false),
            [_, var h, var w] => (kind, 1, h, w, false),
            [_, var h, var w, var c and (1 or 3 or 4)] when pixels => (kind, c, h, w, true),
            [_, var c, var h, var w] when !pixels || c is 1 or 3 or 4 => (kind, c, h, w, false),
            _ => throw new DataException(
                $"'{name}' holds examples {examples}; features are [N, F], uint8 pictures [N, H, W] or [N, H, W, C] with 1, 3 or 4 channels, tensors [N, C, H, W]."),
        };
    }

    private void SpreadPixels(ReadOnlySpan<byte> from, Span<byte> rgba)
    {
        var plane = width * height;
        var (pixelStep, channelStep) = channelsLast ? (channels, 1) : (1, plane);
        // Grey takes its one channel three times.
        var colour = channels >= 3 ? channelStep : 0;
        for (var i = 0; i < plane; i++)
        {
            var at = i * pixelStep;
            var alpha = channels == 4 ? from[at + 3 * channelStep] : 255;
            for (var c = 0; c < 3; c++)
                rgba[4 * i + c] = alpha == 255 ? from[at + c * colour] : (byte)((from[at + c * colour] * alpha + 255 * (255 - alpha) + 127) / 255);
            rgba[4 * i + 3] = 255;
        }
    }
}
