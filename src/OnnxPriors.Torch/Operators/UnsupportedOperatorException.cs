namespace OnnxPriors.Torch.Operators;

/// <summary>A graph holds operators, or forms of them, that the TorchSharp module cannot compute; the message lists all that are known.</summary>
/// <param name="message">What is wrong, where, and what to do.</param>
/// <param name="inner">The error underneath, where there is one.</param>
public sealed class UnsupportedOperatorException(string message, Exception? inner = null) : OnnxPriorsException(message, inner);
