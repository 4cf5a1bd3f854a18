using System.IO.MemoryMappedFiles;
using System.Runtime.InteropServices;
using Microsoft.ML.OnnxRuntime;
using Microsoft.ML.OnnxRuntime.Tensors;

namespace OnnxPriors.Runtime.Steps;

/// <summary>
/// A flat run of float32 outside the managed heap, aligned to 256 bytes, that tensors look into without a copy: memory of its own,
/// zero at first, or a file mapped for reading. It owns its memory; values made by <see cref="Tensor(long, long[])"/> must be disposed before it.
/// </summary>
public sealed unsafe class FlatBuffer : IDisposable
{
    private const int AlignmentInBytes = 256;

    private readonly MemoryMappedFile? file;
    private readonly MemoryMappedViewAccessor? view;
    private float* pointer;

    /// <summary>Takes zeroed memory of its own.</summary>
    /// <param name="length">How many floats; up to what one span can show.</param>
    /// <exception cref="ArgumentOutOfRangeException">The length is negative or beyond one span.</exception>
    /// <exception cref="OutOfMemoryException">There is not so much memory.</exception>
    public FlatBuffer(long length)
    {
        ArgumentOutOfRangeException.ThrowIfNegative(length);
        ArgumentOutOfRangeException.ThrowIfGreaterThan(length, int.MaxValue);
        Length = length;
        var bytes = (nuint)Math.Max(length, 1) * sizeof(float);
        pointer = (float*)NativeMemory.AlignedAlloc(bytes, AlignmentInBytes);
        NativeMemory.Clear(pointer, bytes);
    }

    private FlatBuffer(MemoryMappedFile file, long length)
    {
        (this.file, Length, IsReadOnly) = (file, length, true);
        view = file.CreateViewAccessor(0, length * sizeof(float), MemoryMappedFileAccess.Read);
        byte* start = null;
        view.SafeMemoryMappedViewHandle.AcquirePointer(ref start);
        pointer = (float*)start;
    }

    /// <summary>Maps a file of float32 (little-endian) for reading; its pages are loaded as they are touched, and the system may drop them again.</summary>
    /// <param name="path">The file.</param>
    /// <param name="length">How many floats it must hold; more than none.</param>
    /// <exception cref="StepException">The file is missing, of another length or cannot be mapped.</exception>
    public static FlatBuffer Map(string path, long length)
    {
        ArgumentOutOfRangeException.ThrowIfNegativeOrZero(length);
        try
        {
            var found = new FileInfo(path).Length;
            if (found != length * sizeof(float))
                throw new StepException($"'{path}' has {found} bytes where {length} floats are due: it was cut or belongs to another step.");
            var file = MemoryMappedFile.CreateFromFile(path, FileMode.Open, null, 0, MemoryMappedFileAccess.Read);
            try
            {
                return new FlatBuffer(file, length);
            }
            catch
            {
                file.Dispose();
                throw;
            }
        }
        catch (Exception error) when (error is IOException or UnauthorizedAccessException)
        {
            throw new StepException($"'{path}' cannot be mapped into memory: {error.Message}", error);
        }
    }

    /// <summary>How many floats it holds.</summary>
    public long Length { get; }

    /// <summary>Whether it is a mapped file, which nothing may write to.</summary>
    public bool IsReadOnly { get; }

    /// <summary>All of it, for reading.</summary>
    /// <exception cref="OverflowException">It is a mapped file longer than one span can show; take <see cref="Slice"/>.</exception>
    public ReadOnlySpan<float> Values => new(Start(), checked((int)Length));

    /// <summary>A part of it, for reading.</summary>
    /// <param name="offset">The first element.</param>
    /// <param name="length">How many.</param>
    /// <exception cref="ArgumentOutOfRangeException">The part does not lie within the buffer.</exception>
    public ReadOnlySpan<float> Slice(long offset, int length)
    {
        ArgumentOutOfRangeException.ThrowIfNegative(offset);
        ArgumentOutOfRangeException.ThrowIfNegative(length);
        ArgumentOutOfRangeException.ThrowIfGreaterThan(offset, Length - length);
        return new(Start() + offset, length);
    }

    /// <summary>All of it, for writing.</summary>
    /// <exception cref="InvalidOperationException">It is a mapped file.</exception>
    public Span<float> Writable => IsReadOnly
        ? throw new InvalidOperationException("A mapped file is read only.")
        : new Span<float>(Start(), (int)Length);

    /// <summary>All of it as one tensor.</summary>
    public OrtValue Tensor() => Tensor(0, [Length]);

    /// <summary>A tensor that looks into the buffer.</summary>
    /// <param name="offset">Its first element.</param>
    /// <param name="shape">Its dimensions.</param>
    /// <exception cref="ArgumentOutOfRangeException">The tensor does not lie within the buffer.</exception>
    public OrtValue Tensor(long offset, long[] shape)
    {
        ArgumentNullException.ThrowIfNull(shape);
        var count = shape.Aggregate(1L, (product, dimension) => checked(product * dimension));
        ArgumentOutOfRangeException.ThrowIfNegative(offset);
        ArgumentOutOfRangeException.ThrowIfNegative(count);
        ArgumentOutOfRangeException.ThrowIfGreaterThan(offset, Length - count);
        return OrtValue.CreateTensorValueWithData(
            OrtMemoryInfo.DefaultInstance, TensorElementType.Float, shape, (nint)(Start() + offset), count * sizeof(float));
    }

    /// <summary>Gives the memory back.</summary>
    public void Dispose()
    {
        if (pointer is null)
            return;
        if (view is null)
            NativeMemory.AlignedFree(pointer);
        else
            view.SafeMemoryMappedViewHandle.ReleasePointer();
        pointer = null;
        view?.Dispose();
        file?.Dispose();
    }

    private float* Start() => pointer is not null ? pointer : throw new ObjectDisposedException(nameof(FlatBuffer));
}
