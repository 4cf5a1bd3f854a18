namespace OnnxPriors.OnDevice;

/// <summary>A package that this device's runtime cannot train, or a batch that does not fit it.</summary>
/// <param name="message">What is wrong, where, and what to do.</param>
/// <param name="inner">The error underneath, where there is one.</param>
public sealed class OnDeviceException(string message, Exception? inner = null) : OnnxPriorsException(message, inner);
