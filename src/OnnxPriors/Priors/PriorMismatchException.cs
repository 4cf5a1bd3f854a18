using System.Collections.Immutable;

namespace OnnxPriors.Priors;

/// <summary>A sound prior that belongs to another model.</summary>
/// <param name="message">What does not fit, and what to do.</param>
/// <param name="problems">One line for each tensor that does not fit.</param>
public sealed class PriorMismatchException(string message, ImmutableArray<string> problems) : OnnxPriorsException(message)
{
    /// <summary>One line for each tensor that is missing, unexpected or of another shape; all of them.</summary>
    public ImmutableArray<string> Problems { get; } = problems;
}
