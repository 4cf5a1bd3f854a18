namespace OnnxPriors.Data;

/// <summary>Data that cannot be used: the message says which file or example, what is wrong with it, and what to do.</summary>
/// <param name="message">What is wrong, where, and what to do.</param>
/// <param name="inner">The error underneath, where there is one.</param>
public sealed class DataException(string message, Exception? inner = null) : OnnxPriorsException(message, inner);
