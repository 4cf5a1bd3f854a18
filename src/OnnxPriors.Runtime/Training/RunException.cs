namespace OnnxPriors.Runtime.Training;

/// <summary>A run that cannot begin, go on or be read: its folder, its options or its data are not what they must be.</summary>
/// <param name="message">What is wrong, where, and what to do.</param>
/// <param name="inner">The error underneath, where there is one.</param>
public sealed class RunException(string message, Exception? inner = null) : OnnxPriorsException(message, inner);

/// <summary>Training that began and could not go on: it diverged, or its state could not be saved. The last checkpoint stands.</summary>
/// <param name="message">What happened, at which step, and what to do.</param>
/// <param name="inner">The error underneath, where there is one.</param>
public sealed class TrainingFailedException(string message, Exception? inner = null) : OnnxPriorsException(message, inner);
