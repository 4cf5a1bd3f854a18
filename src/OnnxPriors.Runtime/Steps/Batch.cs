using Microsoft.ML.OnnxRuntime;

namespace OnnxPriors.Runtime.Steps;

/// <summary>Examples that pass the model together.</summary>
/// <param name="Inputs">The model's inputs, each with the batch as its first dimension.</param>
/// <param name="Targets">What the model should say of them.</param>
public sealed record Batch(IReadOnlyList<BatchInput> Inputs, BatchTargets Targets)
{
    /// <summary>Examples of one class each.</summary>
    /// <param name="inputs">The model's inputs, each with the batch as its first dimension.</param>
    /// <param name="labels">The labels [batch], 0 … C − 1.</param>
    public Batch(IReadOnlyList<BatchInput> inputs, Memory<long> labels) : this(inputs, BatchTargets.Classes(labels))
    {
    }

    /// <summary>The labels, 0 … C − 1: [batch], or [batch, H, W] row by row where every pixel has one.</summary>
    public Memory<long> Labels => Targets.Labels;

    /// <summary>The number of examples.</summary>
    public int Count => Targets.Count;
}

/// <summary>One input of a batch; the memory is lent and may be filled anew for the next batch.</summary>
public abstract class BatchInput
{
    private protected BatchInput(string? name, long[] shape) => (Name, Shape) = (name, shape);

    /// <summary>The model's name for the input, or null where it has only one.</summary>
    public string? Name { get; }

    /// <summary>Its dimensions; the first is the batch.</summary>
    public long[] Shape { get; }

    /// <summary>Wraps memory as an input.</summary>
    /// <typeparam name="T">The element type the model asks for.</typeparam>
    /// <param name="name">The model's name for the input, or null where it has only one.</param>
    /// <param name="data">The elements in row-major order.</param>
    /// <param name="shape">Its dimensions; the first is the batch.</param>
    public static BatchInput Of<T>(string? name, Memory<T> data, params long[] shape) where T : unmanaged => new Typed<T>(name, data, shape);

    internal abstract OrtValue CreateValue();

    private sealed class Typed<T>(string? name, Memory<T> data, long[] shape) : BatchInput(name, shape) where T : unmanaged
    {
        internal override OrtValue CreateValue() => OrtValue.CreateTensorValueFromMemory(OrtMemoryInfo.DefaultInstance, data, Shape);
    }
}
