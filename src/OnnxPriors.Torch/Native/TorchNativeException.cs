namespace OnnxPriors.Torch.Native;

/// <summary>libtorch or TorchSharp's native library cannot be loaded on this system.</summary>
/// <param name="message">What is wrong, where, and what to do.</param>
/// <param name="inner">The error underneath, where there is one.</param>
public sealed class TorchNativeException(string message, Exception? inner = null) : OnnxPriorsException(message, inner);
