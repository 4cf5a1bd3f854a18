namespace OnnxPriors.Onnx;

/// <summary>A file that is no ONNX model, is cut short, contradicts itself, or reaches outside its folder.</summary>
/// <param name="message">What is wrong, where, and what to do.</param>
/// <param name="inner">The error underneath, where there is one.</param>
public sealed class ModelFormatException(string message, Exception? inner = null) : OnnxPriorsException(message, inner);
