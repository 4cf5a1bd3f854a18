namespace OnnxPriors.Artifacts;

/// <summary>Where one tensor lies in a flat buffer.</summary>
/// <param name="Name">The tensor's name in the graphs.</param>
/// <param name="Shape">Its dimensions; empty for a scalar.</param>
/// <param name="Offset">Its first element, in floats from the buffer's start; a multiple of <see cref="StateLayout.Alignment"/>.</param>
/// <param name="Count">Its number of elements: the product of <paramref name="Shape"/>.</param>
public sealed record StateEntry(string Name, long[] Shape, long Offset, long Count);

/// <summary>
/// Places many float32 tensors in one flat buffer: each starts at a multiple of 256 bytes, and what the gaps hold means nothing.
/// The parameters, their gradient, the optimizer's state and the prior all share one layout.
/// </summary>
public sealed class StateLayout
{
    /// <summary>Every tensor starts at a multiple of this many floats (256 bytes).</summary>
    public const int Alignment = 64;

    private readonly Dictionary<string, StateEntry> byName = new(StringComparer.Ordinal);

    /// <summary>Checks a layout that was read from a file.</summary>
    /// <param name="entries">The tensors in the order of their offsets.</param>
    /// <param name="length">The whole buffer's length in floats.</param>
    /// <exception cref="ArtifactException">
    /// A name is empty or twice there, a count is not its shape's, an offset is not aligned, tensors overlap or pass the end.
    /// </exception>
    public StateLayout(IReadOnlyList<StateEntry> entries, long length)
    {
        ArgumentNullException.ThrowIfNull(entries);
        if (length < 0 || length % Alignment != 0 || length > MaximumLength)
            throw new ArtifactException($"The state's length {length} is not a multiple of {Alignment} between 0 and {MaximumLength}; bake the step again.");
        var end = 0L;
        foreach (var entry in entries)
        {
            if (string.IsNullOrEmpty(entry.Name) || !byName.TryAdd(entry.Name, entry))
                throw new ArtifactException($"The state names the tensor '{entry.Name}' twice, or not at all; bake the step again.");
            if (entry.Count != CountOf(entry.Name, entry.Shape))
                throw new ArtifactException($"The state's tensor '{entry.Name}' has {entry.Count} elements, but its shape [{string.Join(", ", entry.Shape)}] has another number; bake the step again.");
            if (entry.Offset < end || entry.Offset % Alignment != 0 || entry.Count > length - entry.Offset)
                throw new ArtifactException($"The state's tensor '{entry.Name}' at offset {entry.Offset} overlaps another, is not aligned to {Alignment} floats or passes the end {length}; bake the step again.");
            end = entry.Offset + entry.Count;
        }
        Entries = [.. entries];
        Length = length;
    }

    /// <summary>The longest buffer there can be, in floats: what one span can show, aligned.</summary>
    public const long MaximumLength = int.MaxValue / Alignment * (long)Alignment;

    /// <summary>The tensors in the order of their offsets.</summary>
    public IReadOnlyList<StateEntry> Entries { get; }

    /// <summary>The whole buffer's length in floats (P): a multiple of <see cref="Alignment"/>.</summary>
    public long Length { get; }

    /// <summary>The tensors' elements without the gaps.</summary>
    public long ElementCount => Entries.Sum(entry => entry.Count);

    /// <summary>The tensor of a name.</summary>
    /// <param name="name">Its name in the graphs.</param>
    /// <exception cref="ArtifactException">The layout has no such tensor.</exception>
    public StateEntry this[string name] => byName.TryGetValue(name, out var entry)
        ? entry
        : throw new ArtifactException($"The state has no tensor '{name}'.");

    /// <summary>Whether the layout has a tensor of this name.</summary>
    /// <param name="name">Its name in the graphs.</param>
    public bool Contains(string name) => byName.ContainsKey(name);

    /// <summary>Lays tensors out one after the other, each at the next multiple of <see cref="Alignment"/>.</summary>
    /// <param name="tensors">Names and shapes in the order they shall have.</param>
    /// <exception cref="ArtifactException">A name is empty or twice there, a dimension is negative, or all together is too long.</exception>
    public static StateLayout Of(IEnumerable<(string Name, long[] Shape)> tensors)
    {
        ArgumentNullException.ThrowIfNull(tensors);
        var entries = new List<StateEntry>();
        var offset = 0L;
        foreach (var (name, shape) in tensors)
        {
            var count = CountOf(name, shape);
            entries.Add(new StateEntry(name, shape, offset, count));
            offset = Padded(offset + count);
        }
        return new StateLayout(entries, offset);
    }

    /// <summary>The next multiple of <see cref="Alignment"/> at or after a number of floats.</summary>
    /// <param name="count">A number of floats.</param>
    public static long Padded(long count) => (count + Alignment - 1) / Alignment * Alignment;

    private static long CountOf(string name, long[] shape)
    {
        var count = 1L;
        foreach (var dimension in shape)
        {
            if (dimension < 0 || (dimension > 0 && count > MaximumLength / dimension))
                throw new ArtifactException($"The state's tensor '{name}' of shape [{string.Join(", ", shape)}] has a negative dimension or more than {MaximumLength} elements.");
            count *= dimension;
        }
        return count;
    }
}
