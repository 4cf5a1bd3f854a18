using Microsoft.ML.OnnxRuntime;

namespace OnnxPriors.Runtime.Steps;

/// <summary>What the model should say of a batch's examples; the memory is lent, as the inputs' is.</summary>
public sealed class BatchTargets
{
    private BatchTargets(Memory<long> labels, Memory<float> values, long[] shape)
    {
        var elements = shape.Aggregate(1L, (product, length) => checked(product * length));
        ArgumentOutOfRangeException.ThrowIfNotEqual(labels.Length + (long)values.Length, elements);
        (Labels, Values, Shape) = (labels, values, shape);
    }

    /// <summary>The labels: classes [batch], or classes of pixels [batch, H, W], row by row. Empty where the targets are numbers.</summary>
    public Memory<long> Labels { get; }

    /// <summary>The numbers [batch, C]. Empty where the targets are labels.</summary>
    public Memory<float> Values { get; }

    /// <summary>The targets' dimensions; the first is the batch.</summary>
    public long[] Shape { get; }

    /// <summary>The number of examples.</summary>
    public int Count => (int)Shape[0];

    /// <summary>A class for each example.</summary>
    /// <param name="labels">The classes [batch].</param>
    public static BatchTargets Classes(Memory<long> labels) => new(labels, default, [labels.Length]);

    /// <summary>A class for each pixel.</summary>
    /// <param name="labels">The classes [batch, H, W], row by row.</param>
    /// <param name="count">The number of examples.</param>
    /// <param name="height">H.</param>
    /// <param name="width">W.</param>
    public static BatchTargets Pixels(Memory<long> labels, int count, int height, int width) => new(labels, default, [count, height, width]);

    /// <summary>Numbers for each example.</summary>
    /// <param name="values">The numbers [batch, C], row by row.</param>
    /// <param name="count">The number of examples.</param>
    public static BatchTargets Numbers(Memory<float> values, int count) => new(default, values, [count, count == 0 ? 0 : values.Length / count]);

    internal OrtValue CreateValue() => Values.IsEmpty
        ? OrtValue.CreateTensorValueFromMemory(OrtMemoryInfo.DefaultInstance, Labels, Shape)
        : OrtValue.CreateTensorValueFromMemory(OrtMemoryInfo.DefaultInstance, Values, Shape);
}
