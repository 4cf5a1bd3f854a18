using OnnxPriors.Torch.Operators;

namespace OnnxPriors.Torch;

/// <summary>The standard operators that a <see cref="GraphModule"/> computes, named without loading libtorch.</summary>
public static class ForwardOperators
{
    /// <summary>Their names.</summary>
    public static IReadOnlyCollection<string> Names => OperatorRegistry.Standard.Operators;
}
