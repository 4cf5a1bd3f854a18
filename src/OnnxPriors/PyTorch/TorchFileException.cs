namespace OnnxPriors.PyTorch;

/// <summary>A file of PyTorch's that cannot be read: damaged, too large, or holding more than tensors.</summary>
/// <param name="message">What is wrong, where, and what to do.</param>
/// <param name="inner">The error underneath, where there is one.</param>
public sealed class TorchFileException(string message, Exception? inner = null) : OnnxPriorsException(message, inner);
