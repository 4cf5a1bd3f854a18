namespace OnnxPriors.Priors;

/// <summary>A prior that is broken in itself: a damaged file, values that are no Gaussian, or options out of range.</summary>
/// <param name="message">What is wrong, in which file and tensor, and what to do.</param>
/// <param name="inner">The error underneath, where there is one.</param>
public sealed class InvalidPriorException(string message, Exception? inner = null) : OnnxPriorsException(message, inner);
