using System.Collections.Immutable;
using System.Runtime.InteropServices;
using OnnxPriors.Graphs;

namespace OnnxPriors.Artifacts.OrtTraining;

/// <summary>
/// What a checkpoint of the ORT Training API holds: the parameters that train, those that do not (the prior's μ, a and B among them), the
/// optimizer's state once it has one, and properties that the application put there.
/// </summary>
public sealed record TrainingCheckpoint
{
    /// <summary>The format of ONNX Runtime Training 1.18 and 1.19; 1 is that of 1.16 and 1.17.</summary>
    public const int CurrentVersion = 2;

    /// <summary>The one optimizer group that the runtime reads.</summary>
    public const string OptimizerGroupName = "group0";

    /// <summary>The format's version, 1 or 2.</summary>
    public int Version { get; init; } = CurrentVersion;

    /// <summary>The parameters that train.</summary>
    public required IReadOnlyList<CheckpointTensor> Trainable { get; init; }

    /// <summary>The tensors that both models take and no step changes.</summary>
    public IReadOnlyList<CheckpointTensor> Frozen { get; init; } = [];

    /// <summary>The optimizer's state; null before the first save on a device.</summary>
    public CheckpointOptimizer? Optimizer { get; init; }

    /// <summary>Whether the tensors are names without contents.</summary>
    public bool IsNominal { get; init; }

    /// <summary>Whole numbers by name.</summary>
    public IReadOnlyDictionary<string, long> Integers { get; init; } = ImmutableSortedDictionary<string, long>.Empty;

    /// <summary>Real numbers by name.</summary>
    public IReadOnlyDictionary<string, float> Numbers { get; init; } = ImmutableSortedDictionary<string, float>.Empty;

    /// <summary>Texts by name.</summary>
    public IReadOnlyDictionary<string, string> Texts { get; init; } = ImmutableSortedDictionary<string, string>.Empty;

    /// <summary>All tensors in the order of the file.</summary>
    internal IEnumerable<CheckpointTensor> Tensors =>
        Trainable.Concat(Frozen).Concat(Optimizer?.States.SelectMany(s => s.Moments) ?? []);
}

/// <summary>The optimizer's state in a checkpoint.</summary>
/// <param name="Step">The updates made.</param>
/// <param name="InitialLearningRate">What the session began with; the runtime ignores it when it loads.</param>
/// <param name="States">Each trained parameter's moments; none at all stands for zeros.</param>
public sealed record CheckpointOptimizer(long Step, float InitialLearningRate, IReadOnlyList<CheckpointMoments> States);

/// <summary>One parameter's moments: <c>momentum0</c>, and for AdamW <c>momentum1</c>.</summary>
/// <param name="Parameter">The parameter's name.</param>
/// <param name="Moments">Tensors of the parameter's shape.</param>
public sealed record CheckpointMoments(string Parameter, IReadOnlyList<CheckpointTensor> Moments);

/// <summary>A tensor of a checkpoint. Its contents are read when they are asked for.</summary>
public sealed class CheckpointTensor
{
    private readonly Action<Stream> copy;

    /// <summary>A tensor whose contents something writes.</summary>
    /// <param name="name">Its name.</param>
    /// <param name="dimensions">Its extents; empty for a scalar.</param>
    /// <param name="type">Its element type.</param>
    /// <param name="copy">Writes exactly its bytes, little-endian, row by row.</param>
    public CheckpointTensor(string name, ImmutableArray<long> dimensions, ElementType type, Action<Stream> copy)
    {
        ArgumentNullException.ThrowIfNull(copy);
        (Name, Dimensions, Type, this.copy) = (name, dimensions, type, copy);
        Count = dimensions.Aggregate(1L, (product, d) => checked(product * d));
        Bytes = checked(Count * type.Size());
    }

    /// <summary>The name.</summary>
    public string Name { get; }

    /// <summary>The extents; empty for a scalar.</summary>
    public ImmutableArray<long> Dimensions { get; }

    /// <summary>The element type.</summary>
    public ElementType Type { get; }

    /// <summary>The number of elements.</summary>
    public long Count { get; }

    /// <summary>The bytes they take.</summary>
    public long Bytes { get; }

    /// <summary>A float32 tensor.</summary>
    /// <param name="name">Its name.</param>
    /// <param name="dimensions">Its extents.</param>
    /// <param name="values">Its elements, row by row.</param>
    /// <exception cref="ArgumentException">The elements are not as many as the extents ask for.</exception>
    public static CheckpointTensor Of(string name, ImmutableArray<long> dimensions, ReadOnlyMemory<float> values)
    {
        var tensor = new CheckpointTensor(name, dimensions, ElementType.Float, stream => stream.Write(MemoryMarshal.AsBytes(values.Span)));
        return tensor.Count == values.Length
            ? tensor
            : throw new ArgumentException($"'{name}' of shape [{string.Join(", ", dimensions)}] needs {tensor.Count} elements, not {values.Length}.", nameof(values));
    }

    /// <summary>Writes the contents.</summary>
    /// <param name="stream">Where to.</param>
    public void CopyTo(Stream stream)
    {
        ArgumentNullException.ThrowIfNull(stream);
        var counted = new CountingStream(stream);
        copy(counted);
        if (counted.Written != Bytes)
            throw new ArtifactException($"The tensor '{Name}' gave {counted.Written} bytes where {Bytes} are due; its file was changed while it was read.");
    }

    /// <summary>The contents as float32 numbers.</summary>
    /// <exception cref="ArtifactException">The tensor is of another type, or too large for one array.</exception>
    public float[] ToSingles()
    {
        if (Type != ElementType.Float || Bytes > Array.MaxLength)
            throw new ArtifactException($"The tensor '{Name}' is {Type}[{string.Join(", ", Dimensions)}]; a float tensor of at most {Array.MaxLength} bytes is needed.");
        var values = new float[Count];
        using var stream = new SpanStream(values);
        CopyTo(stream);
        return values;
    }

    private sealed class CountingStream(Stream inner) : WriteOnlyStream
    {
        public long Written { get; private set; }

        public override void Write(ReadOnlySpan<byte> buffer)
        {
            inner.Write(buffer);
            Written += buffer.Length;
        }
    }

    private sealed class SpanStream(float[] target) : WriteOnlyStream
    {
        private int at;

        public override void Write(ReadOnlySpan<byte> buffer)
        {
            buffer.CopyTo(MemoryMarshal.AsBytes(target.AsSpan())[at..]);
            at += buffer.Length;
        }
    }

    private abstract class WriteOnlyStream : Stream
    {
        public override bool CanRead => false;

        public override bool CanSeek => false;

        public override bool CanWrite => true;

        public override long Length => throw new NotSupportedException();

        public override long Position { get => throw new NotSupportedException(); set => throw new NotSupportedException(); }

        public abstract override void Write(ReadOnlySpan<byte> buffer);

        public override void Write(byte[] buffer, int offset, int count) => Write(buffer.AsSpan(offset, count));

        public override void Flush()
        {
            // Nothing is held back.
        }

        public override int Read(byte[] buffer, int offset, int count) => throw new NotSupportedException();

        public override long Seek(long offset, SeekOrigin origin) => throw new NotSupportedException();

        public override void SetLength(long value) => throw new NotSupportedException();
    }
}
