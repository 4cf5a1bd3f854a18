using System.Buffers.Binary;
using System.Runtime.InteropServices;

namespace OnnxPriors.Priors;

/// <summary>
/// Writes a safetensors file of float32 tensors, tensor after tensor, without ever holding more than the caller hands over. The same
/// declarations and values give the same bytes. Until <see cref="Commit"/> nothing stands at the path.
/// </summary>
public sealed class SafetensorsWriter : IDisposable
{
    private readonly AtomicFile _file;
    private readonly string _path;
    private long _remaining;

    private SafetensorsWriter(AtomicFile file, string path, long remaining)
    {
        _file = file;
        _path = path;
        _remaining = remaining;
    }

    /// <summary>Starts a file; the values follow by <see cref="Write"/> in the order of the declarations.</summary>
    /// <param name="path">Where the file shall stand.</param>
    /// <param name="metadata">Free-form metadata; written in the order of its keys.</param>
    /// <param name="tensors">Name and shape of each tensor.</param>
    /// <exception cref="ArgumentException">A name stands there twice or is the reserved <c>__metadata__</c>.</exception>
    /// <exception cref="IOException">The file cannot be made, or the disk is full.</exception>
    public static SafetensorsWriter Create(string path, IReadOnlyDictionary<string, string> metadata, IReadOnlyList<TensorShape> tensors)
    {
        ArgumentNullException.ThrowIfNull(metadata);
        ArgumentNullException.ThrowIfNull(tensors);
        var names = new HashSet<string>(StringComparer.Ordinal) { "__metadata__" };
        foreach (var tensor in tensors)
            if (!names.Add(tensor.Name))
                throw new ArgumentException($"The name '{tensor.Name}' cannot be given to a tensor of a safetensors file, or stands there twice.", nameof(tensors));
        var header = SafetensorsHeader.Build(metadata, tensors.Select(t => (t.Name, "F32", t.Shape, t.Count * sizeof(float))));
        var total = tensors.Sum(tensor => tensor.Count);
        var file = AtomicFile.Create(path, sizeof(ulong) + header.Length + total * sizeof(float));
        try
        {
            Span<byte> prefix = stackalloc byte[sizeof(ulong)];
            BinaryPrimitives.WriteUInt64LittleEndian(prefix, (ulong)header.Length);
            file.Stream.Write(prefix);
            file.Stream.Write(header);
            return new SafetensorsWriter(file, path, total);
        }
        catch
        {
            file.Dispose();
            throw;
        }
    }

    /// <summary>Appends values.</summary>
    /// <exception cref="InvalidOperationException">More values than were declared.</exception>
    /// <exception cref="IOException">The disk is full.</exception>
    public void Write(ReadOnlySpan<float> values)
    {
        if (values.Length > _remaining)
            throw new InvalidOperationException($"'{_path}' was declared with {values.Length - _remaining} values fewer.");
        _file.Stream.Write(MemoryMarshal.AsBytes(values));
        _remaining -= values.Length;
    }

    /// <summary>Puts the file in its place.</summary>
    /// <exception cref="InvalidOperationException">Values are missing.</exception>
    /// <exception cref="IOException">The disk is full, or the place cannot be written.</exception>
    public void Commit()
    {
        if (_remaining != 0)
            throw new InvalidOperationException($"'{_path}' lacks {_remaining} of the values it was declared with.");
        _file.Commit();
    }

    /// <summary>Closes the file; without <see cref="Commit"/> nothing of it remains.</summary>
    public void Dispose() => _file.Dispose();
}
