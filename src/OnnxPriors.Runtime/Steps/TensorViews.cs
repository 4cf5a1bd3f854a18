using Microsoft.ML.OnnxRuntime;
using OnnxPriors.Artifacts;

namespace OnnxPriors.Runtime.Steps;

/// <summary>A part of a flat buffer with one ONNX Runtime value a tensor of its layout. It owns the values, not the buffer.</summary>
internal sealed class TensorViews : IDisposable
{
    private readonly List<OrtValue> values = [];

    /// <param name="buffer">What the values look into.</param>
    /// <param name="layout">Which tensors there are.</param>
    /// <param name="start">Where the layout begins in the buffer.</param>
    public TensorViews(FlatBuffer buffer, StateLayout layout, long start = 0)
    {
        Whole = buffer.Tensor(start, [layout.Length]);
        foreach (var entry in layout.Entries)
            values.Add(buffer.Tensor(start + entry.Offset, entry.Shape));
    }

    /// <summary>The whole buffer, [P].</summary>
    public OrtValue Whole { get; }

    /// <summary>The value of the layout's entry of this index.</summary>
    public OrtValue this[int index] => values[index];

    public void Dispose()
    {
        Whole.Dispose();
        foreach (var value in values)
            value.Dispose();
    }
}

/// <summary>A flat buffer and the values that look into it, both owned.</summary>
internal sealed class StateBuffer : IDisposable
{
    public StateBuffer(StateLayout layout) : this(new FlatBuffer(layout.Length), layout)
    {
    }

    private StateBuffer(FlatBuffer memory, StateLayout layout) => (Memory, Views) = (memory, new TensorViews(memory, layout));

    /// <summary>The memory.</summary>
    public FlatBuffer Memory { get; }

    /// <summary>The tensors in it.</summary>
    public TensorViews Views { get; }

    public void Dispose()
    {
        Views.Dispose();
        Memory.Dispose();
    }
}

/// <summary>Two of a buffer: one is read while the other is written, and then they change places.</summary>
internal sealed class DoubleBuffer(StateLayout layout) : IDisposable
{
    private StateBuffer front = new(layout);
    private StateBuffer back = new(layout);

    /// <summary>The buffer that is current.</summary>
    public StateBuffer Front => front;

    /// <summary>The buffer that the next state is written to.</summary>
    public StateBuffer Back => back;

    /// <summary>Makes what was written current.</summary>
    public void Swap() => (front, back) = (back, front);

    public void Dispose()
    {
        front.Dispose();
        back.Dispose();
    }
}
