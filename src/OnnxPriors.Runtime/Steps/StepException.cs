namespace OnnxPriors.Runtime.Steps;

/// <summary>A step that cannot be opened or run: its models, its provider or a batch do not go together.</summary>
/// <param name="message">What is wrong, where, and what to do.</param>
/// <param name="inner">The error underneath, where there is one.</param>
public sealed class StepException(string message, Exception? inner = null) : OnnxPriorsException(message, inner);
