using System.Collections.Immutable;

namespace OnnxPriors.Priors;

/// <summary>A tensor's name and dimensions: what a prior's file and a model must agree on.</summary>
/// <param name="Name">The initializer's name in the model.</param>
/// <param name="Shape">Its dimensions; empty for a scalar.</param>
public sealed record TensorShape(string Name, ImmutableArray<long> Shape)
{
    /// <summary>The number of elements.</summary>
    public long Count => Shape.Aggregate(1L, (product, dimension) => checked(product * dimension));

    /// <summary>Whether name and dimensions are equal.</summary>
    public bool Equals(TensorShape? other) => other is not null && Name == other.Name && Shape.AsSpan().SequenceEqual(other.Shape.AsSpan());

    /// <inheritdoc/>
    public override int GetHashCode() => HashCode.Combine(Name, Shape.Length, Count);

    /// <summary>The tensor as messages show it: <c>conv1.weight [64, 3, 7, 7]</c>.</summary>
    public override string ToString() => $"{Name} {SafetensorsHeader.Show(Shape)}";
}
