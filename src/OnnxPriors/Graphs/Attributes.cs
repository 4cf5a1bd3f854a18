using System.Collections;
using System.Collections.Immutable;

namespace OnnxPriors.Graphs;

/// <summary>
/// A node's attributes by name. A value is a <see cref="long"/>, <see cref="float"/>, <see cref="string"/>, an immutable array of one of
/// these, a <see cref="TensorData"/> or a <see cref="Graph"/>.
/// </summary>
public sealed class Attributes : IEnumerable<KeyValuePair<string, object>>
{
    private readonly ImmutableSortedDictionary<string, object> values;

    private Attributes(ImmutableSortedDictionary<string, object> values) => this.values = values;

    /// <summary>No attributes.</summary>
    public static Attributes None { get; } = new(ImmutableSortedDictionary.Create<string, object>(StringComparer.Ordinal));

    /// <summary>The attributes with one set; null leaves them as they are.</summary>
    /// <param name="name">The attribute's name.</param>
    /// <param name="value">A value of one of the types above; <see cref="int"/>, <see cref="bool"/> and arrays are converted.</param>
    /// <exception cref="ArgumentException">The value is of another type.</exception>
    public Attributes With(string name, object? value) => value is null ? this : new(values.SetItem(name, value switch
    {
        long or float or string or TensorData or Graph => value,
        ImmutableArray<long> or ImmutableArray<float> or ImmutableArray<string> or ImmutableArray<TensorData> or ImmutableArray<Graph> => value,
        int number => (long)number,
        bool flag => flag ? 1L : 0L,
        double number => (float)number,
        ElementType type => (long)type,
        long[] numbers => ImmutableArray.Create(numbers),
        float[] numbers => ImmutableArray.Create(numbers),
        string[] texts => ImmutableArray.Create(texts),
        _ => throw new ArgumentException($"Attribute '{name}' cannot hold a {value.GetType().Name}.", nameof(value)),
    }));

    /// <summary>The attributes without one.</summary>
    /// <param name="names">The names to leave out.</param>
    public Attributes Without(params ReadOnlySpan<string> names)
    {
        var rest = values;
        foreach (var name in names)
            rest = rest.Remove(name);
        return new(rest);
    }

    /// <summary>Whether the attribute is there.</summary>
    /// <param name="name">The attribute's name.</param>
    public bool Has(string name) => values.ContainsKey(name);

    /// <summary>The names that are there, sorted.</summary>
    public IEnumerable<string> Names => values.Keys;

    /// <summary>A number, or the default where it is absent.</summary>
    /// <param name="name">The attribute's name.</param>
    /// <param name="otherwise">The default.</param>
    /// <exception cref="GraphException">It is there with another type.</exception>
    public long Int(string name, long otherwise = 0) => Get(name, otherwise);

    /// <summary>A switch, or the default where it is absent.</summary>
    /// <param name="name">The attribute's name.</param>
    /// <param name="otherwise">The default.</param>
    /// <exception cref="GraphException">It is there with another type.</exception>
    public bool Flag(string name, bool otherwise = false) => Get(name, otherwise ? 1L : 0L) != 0;

    /// <summary>A real number, or the default where it is absent.</summary>
    /// <param name="name">The attribute's name.</param>
    /// <param name="otherwise">The default.</param>
    /// <exception cref="GraphException">It is there with another type.</exception>
    public float Float(string name, float otherwise = 0) => Get(name, otherwise);

    /// <summary>A text, or the default where it is absent.</summary>
    /// <param name="name">The attribute's name.</param>
    /// <param name="otherwise">The default.</param>
    /// <exception cref="GraphException">It is there with another type.</exception>
    public string String(string name, string otherwise = "") => Get(name, otherwise);

    /// <summary>A list of numbers, or null where it is absent.</summary>
    /// <param name="name">The attribute's name.</param>
    /// <exception cref="GraphException">It is there with another type.</exception>
    public long[]? Ints(string name) => Has(name) ? [.. Get(name, ImmutableArray<long>.Empty)] : null;

    /// <summary>A list of real numbers, or null where it is absent.</summary>
    /// <param name="name">The attribute's name.</param>
    /// <exception cref="GraphException">It is there with another type.</exception>
    public float[]? Floats(string name) => Has(name) ? [.. Get(name, ImmutableArray<float>.Empty)] : null;

    /// <summary>A list of texts, or null where it is absent.</summary>
    /// <param name="name">The attribute's name.</param>
    /// <exception cref="GraphException">It is there with another type.</exception>
    public string[]? Strings(string name) => Has(name) ? [.. Get(name, ImmutableArray<string>.Empty)] : null;

    /// <summary>A tensor, or null where it is absent.</summary>
    /// <param name="name">The attribute's name.</param>
    /// <exception cref="GraphException">It is there with another type.</exception>
    public TensorData? Tensor(string name) => Get<TensorData?>(name, null);

    /// <summary>A graph, or null where it is absent.</summary>
    /// <param name="name">The attribute's name.</param>
    /// <exception cref="GraphException">It is there with another type.</exception>
    public Graph? Subgraph(string name) => Get<Graph?>(name, null);

    /// <inheritdoc/>
    public IEnumerator<KeyValuePair<string, object>> GetEnumerator() => values.GetEnumerator();

    IEnumerator IEnumerable.GetEnumerator() => GetEnumerator();

    private T Get<T>(string name, T otherwise) =>
        !values.TryGetValue(name, out var value) ? otherwise
        : value is T typed ? typed
        // An empty list carries no type in some files.
        : value is ImmutableArray<long> { IsEmpty: true } ? otherwise
        : throw new GraphException($"Attribute '{name}' has the type {value.GetType().Name} where {typeof(T).Name} is needed.");
}
