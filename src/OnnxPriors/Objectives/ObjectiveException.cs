namespace OnnxPriors.Objectives;

/// <summary>An objective that a graph's outputs do not fit.</summary>
/// <param name="message">What is wrong, where, and what to do.</param>
/// <param name="inner">The error underneath, where there is one.</param>
public sealed class ObjectiveException(string message, Exception? inner = null) : OnnxPriorsException(message, inner);
