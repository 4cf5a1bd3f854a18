using System.Runtime.InteropServices;
using Microsoft.ML.OnnxRuntime;
using Microsoft.ML.OnnxRuntime.Tensors;

namespace OnnxPriors.OnDevice;

/// <summary>A flat state vector that does not move, aligned to 256 bytes, so that the runtime can read and write parts of it in place.</summary>
internal sealed unsafe class PinnedFloats : IDisposable
{
    private readonly int length;
    private float* start;

    public PinnedFloats(long length)
    {
        this.length = checked((int)length);
        start = (float*)NativeMemory.AlignedAlloc((nuint)Math.Max(1, this.length) * sizeof(float), 256);
        Span.Clear();
    }

    public Span<float> Span => new(start, length);

    /// <summary>Reads a file of exactly so many float32 numbers.</summary>
    public static PinnedFloats Read(string path, long length)
    {
        var floats = new PinnedFloats(length);
        try
        {
            using var file = File.OpenRead(path);
            if (file.Length != length * sizeof(float))
                throw new OnDeviceException($"'{path}' has {file.Length} bytes where {length * sizeof(float)} are needed; copy the package again.");
            file.ReadExactly(MemoryMarshal.AsBytes(floats.Span));
            return floats;
        }
        catch
        {
            floats.Dispose();
            throw;
        }
    }

    /// <summary>A tensor over part of the vector; it must not outlive it.</summary>
    public OrtValue Tensor(OrtMemoryInfo memory, long offset, long[] shape)
    {
        var count = shape.Aggregate(1L, (product, d) => checked(product * d));
        ArgumentOutOfRangeException.ThrowIfGreaterThan(offset + count, length);
        return OrtValue.CreateTensorValueWithData(memory, TensorElementType.Float, shape, (nint)(start + offset), count * sizeof(float));
    }

    public void Dispose()
    {
        NativeMemory.AlignedFree(start);
        start = null;
    }
}

/// <summary>The tensors of one run, released together.</summary>
internal sealed class OrtValues : IDisposable
{
    private readonly List<OrtValue> owned = [];

    public OrtValue Own(OrtValue value)
    {
        owned.Add(value);
        return value;
    }

    public OrtValue Scalar(float value) => Own(OrtValue.CreateTensorValueFromMemory([value], []));

    public void Dispose()
    {
        foreach (var value in owned)
            value.Dispose();
        owned.Clear();
    }
}
