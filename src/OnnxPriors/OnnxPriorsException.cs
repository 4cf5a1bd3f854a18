namespace OnnxPriors;

/// <summary>
/// The base of every error this library foresees: its message says what is wrong, where (file, node, tensor) and what to do.
/// </summary>
/// <param name="message">What is wrong, where, and what to do.</param>
/// <param name="inner">The error underneath, where there is one.</param>
public abstract class OnnxPriorsException(string message, Exception? inner = null) : Exception(message, inner);
