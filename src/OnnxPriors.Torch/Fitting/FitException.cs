namespace OnnxPriors.Torch.Fitting;

/// <summary>A posterior cannot be fitted: options that contradict each other, labels the model has no class for, or training that diverged.</summary>
/// <param name="message">What is wrong, where, and what to do.</param>
/// <param name="inner">The error underneath, where there is one.</param>
public sealed class FitException(string message, Exception? inner = null) : OnnxPriorsException(message, inner);
