namespace OnnxPriors.Torch.Fitting;

/// <summary>A posterior cannot be fitted: options that contradict each other, or labels the model has no class for.</summary>
/// <param name="message">What is wrong, where, and what to do.</param>
/// <param name="inner">The error underneath, where there is one.</param>
public sealed class FitException(string message, Exception? inner = null) : OnnxPriorsException(message, inner);

/// <summary>A fit that began and could not go on: its loss diverged.</summary>
/// <param name="message">What happened, at which step, and what to do.</param>
public sealed class FitFailedException(string message) : OnnxPriorsException(message);
