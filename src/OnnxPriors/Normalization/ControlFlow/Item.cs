using System.Collections.Immutable;
using OnnxPriors.Graphs;

namespace OnnxPriors.Normalization.ControlFlow;

/// <summary>
/// What a value of a file stands for while its nodes are written anew. Canonical graphs pass tensors alone; sequences and optional
/// values exist only here, where every position in them is a number.
/// </summary>
internal abstract record Item;

/// <summary>A tensor of the new graph.</summary>
internal sealed record TensorItem(Value Value) : Item;

/// <summary>A list of known length.</summary>
internal sealed record SequenceItem(ImmutableArray<Item> Items) : Item;

/// <summary>Something that may be absent, and is known to be or not.</summary>
internal sealed record OptionalItem(Item? Content) : Item;
