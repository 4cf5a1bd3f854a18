using Microsoft.ML.OnnxRuntime;
using OnnxPriors.Artifacts;
using OnnxPriors.Objectives;

namespace OnnxPriors.Runtime.Steps;

/// <summary>Memory for the logits of one run, [batch, C], or [batch, C, H, W] at the picture's size; as large as the largest batch so far.</summary>
internal sealed class LogitsBuffer(Manifest manifest) : IDisposable
{
    private readonly bool isOfPixels = manifest.Task.Kind() == LearningTask.Segmentation;
    private FlatBuffer buffer = new(0);
    private OrtValue? value;
    private long[] shape = [];
    private int length;

    /// <summary>The logits of the last batch, row by row.</summary>
    public ReadOnlySpan<float> Values => buffer.Values[..length];

    /// <summary>The value for a batch.</summary>
    public OrtValue For(Batch batch)
    {
        // Scores of pixels are at the size of the picture, the one input of four dimensions.
        long[] wanted = [batch.Count, manifest.Classes, .. isOfPixels ? batch.Inputs.First(input => input.Shape.Length == 4).Shape[2..] : []];
        if (value is not null && wanted.AsSpan().SequenceEqual(shape))
            return value;
        value?.Dispose();
        (shape, length) = (wanted, checked((int)wanted.Aggregate(1L, (product, size) => checked(product * size))));
        if (length > buffer.Length)
        {
            buffer.Dispose();
            buffer = new FlatBuffer(length);
        }
        return value = buffer.Tensor(0, wanted);
    }

    public void Dispose()
    {
        value?.Dispose();
        buffer.Dispose();
    }
}
