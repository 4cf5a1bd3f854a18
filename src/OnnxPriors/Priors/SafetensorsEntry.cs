using System.Collections.Immutable;

namespace OnnxPriors.Priors;

/// <summary>One tensor of a safetensors file.</summary>
/// <param name="Name">Its name, unique in the file.</param>
/// <param name="Type">Its element type as the format writes it: <c>F32</c>, <c>I64</c>, …</param>
/// <param name="Shape">Its dimensions; empty for a scalar.</param>
/// <param name="Count">The number of its elements: the product of the dimensions.</param>
/// <param name="Offset">Where its bytes begin, counted from the start of the file.</param>
/// <param name="Bytes">The number of its bytes.</param>
public sealed record SafetensorsEntry(string Name, string Type, ImmutableArray<long> Shape, long Count, long Offset, long Bytes);
