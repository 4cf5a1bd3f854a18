using Microsoft.ML.OnnxRuntime;

namespace OnnxPriors.Runtime.Steps;

/// <summary>Memory for the logits [batch, C] of one run, as large as the largest batch so far.</summary>
internal sealed class LogitsBuffer(int classes) : IDisposable
{
    private FlatBuffer buffer = new(0);
    private OrtValue? value;
    private int count;

    /// <summary>The logits of the last batch, [batch, C] row by row.</summary>
    public ReadOnlySpan<float> Values => buffer.Values[..(count * classes)];

    /// <summary>The value for a batch of this many examples.</summary>
    public OrtValue For(int batch)
    {
        if (value is not null && batch == count)
            return value;
        value?.Dispose();
        if ((long)batch * classes > buffer.Length)
        {
            buffer.Dispose();
            buffer = new FlatBuffer((long)batch * classes);
        }
        count = batch;
        return value = buffer.Tensor(0, [batch, classes]);
    }

    public void Dispose()
    {
        value?.Dispose();
        buffer.Dispose();
    }
}
