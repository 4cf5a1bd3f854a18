using System.Collections;
using System.Collections.Immutable;
using System.Runtime.CompilerServices;

namespace OnnxPriors.Graphs;

/// <summary>The extents of a tensor's axes, outermost first. A tensor of unknown rank has no shape (null).</summary>
[CollectionBuilder(typeof(Shape), nameof(Create))]
public sealed class Shape : IReadOnlyList<Dimension>, IEquatable<Shape>
{
    private readonly ImmutableArray<Dimension> dimensions;

    /// <summary>A shape of given extents.</summary>
    /// <param name="dimensions">One for each axis.</param>
    public Shape(ImmutableArray<Dimension> dimensions) => this.dimensions = dimensions;

    /// <summary>The shape of a scalar: no axis.</summary>
    public static Shape Scalar { get; } = new([]);

    /// <summary>A shape of given extents.</summary>
    /// <param name="dimensions">One for each axis.</param>
    public static Shape Create(ReadOnlySpan<Dimension> dimensions) => new([.. dimensions]);

    /// <summary>A shape of known numbers.</summary>
    /// <param name="dimensions">One for each axis.</param>
    public static Shape Of(params ReadOnlySpan<long> dimensions)
    {
        var all = ImmutableArray.CreateBuilder<Dimension>(dimensions.Length);
        foreach (var dimension in dimensions)
            all.Add(dimension);
        return new(all.MoveToImmutable());
    }

    /// <summary>The number of axes.</summary>
    public int Rank => dimensions.Length;

    /// <inheritdoc/>
    public int Count => dimensions.Length;

    /// <summary>The extents as an array.</summary>
    public ImmutableArray<Dimension> Dimensions => dimensions;

    /// <summary>The extent of an axis.</summary>
    /// <param name="axis">From 0 to rank − 1.</param>
    public Dimension this[int axis] => dimensions[axis];

    /// <summary>Whether every extent is a number.</summary>
    public bool IsStatic => dimensions.All(d => d.IsStatic);

    /// <summary>The extents as numbers, or null where one is not.</summary>
    public long[]? Static => IsStatic ? [.. dimensions.Select(d => d.Value!.Value)] : null;

    /// <summary>The number of elements, as a product of the extents.</summary>
    public Dimension Elements => dimensions.Aggregate((Dimension)1, (product, d) => product * d);

    /// <summary>An axis counted from the end where negative, as a number from 0 to rank − 1.</summary>
    /// <param name="axis">From −rank to rank − 1.</param>
    /// <exception cref="ArgumentOutOfRangeException">The axis is outside that range.</exception>
    public int Axis(long axis)
    {
        if (axis < -Rank || axis >= Rank)
            throw new ArgumentOutOfRangeException(nameof(axis), axis, $"The tensor has {Rank} axes.");
        return (int)(axis < 0 ? axis + Rank : axis);
    }

    /// <summary>The same shape with one extent replaced.</summary>
    /// <param name="axis">From 0 to rank − 1.</param>
    /// <param name="dimension">The new extent.</param>
    public Shape With(int axis, Dimension dimension) => new(dimensions.SetItem(axis, dimension));

    /// <summary>The extents from one axis up to, not including, another.</summary>
    /// <param name="start">The first axis.</param>
    /// <param name="length">How many axes.</param>
    public Shape Slice(int start, int length) => new(dimensions.Slice(start, length));

    /// <summary>Whether both shapes are known to be the same.</summary>
    /// <param name="other">The other shape.</param>
    public bool KnownEqual(Shape? other) =>
        other is not null && Rank == other.Rank && dimensions.Zip(other.dimensions).All(p => p.First.IsKnown && p.First == p.Second);

    /// <inheritdoc/>
    public bool Equals(Shape? other) => other is not null && dimensions.SequenceEqual(other.dimensions);

    /// <inheritdoc/>
    public override bool Equals(object? obj) => Equals(obj as Shape);

    /// <inheritdoc/>
    public override int GetHashCode() => dimensions.Aggregate(Rank, HashCode.Combine);

    /// <inheritdoc/>
    public IEnumerator<Dimension> GetEnumerator() => ((IEnumerable<Dimension>)dimensions).GetEnumerator();

    IEnumerator IEnumerable.GetEnumerator() => GetEnumerator();

    /// <summary>The extents in brackets, such as <c>[batch, 3, 224, 224]</c>.</summary>
    public override string ToString() => $"[{string.Join(", ", dimensions)}]";
}
