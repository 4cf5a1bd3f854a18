namespace OnnxPriors.Runtime.Evaluation;

/// <summary>Predictions that cannot be made or measured.</summary>
/// <param name="message">What is wrong, where, and what to do.</param>
/// <param name="inner">The error underneath, where there is one.</param>
public sealed class EvaluationException(string message, Exception? inner = null) : OnnxPriorsException(message, inner);
