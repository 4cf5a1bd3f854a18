namespace OnnxPriors.Importing;

/// <summary>A model that is supported but cannot be imported as asked: no clear head, an output that holds no class scores, a name that is not there.</summary>
/// <param name="message">What is wrong, where, and what to do.</param>
/// <param name="inner">The error underneath, where there is one.</param>
public sealed class ImportException(string message, Exception? inner = null) : OnnxPriorsException(message, inner);
