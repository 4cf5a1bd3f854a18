namespace OnnxPriors.Normalization;

/// <summary>A model that cannot be brought to the form asked for, though its operators are supported.</summary>
/// <param name="message">What is wrong, where, and what to do.</param>
/// <param name="inner">The error underneath, where there is one.</param>
public sealed class NormalizationException(string message, Exception? inner = null) : OnnxPriorsException(message, inner);
