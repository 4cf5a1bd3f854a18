namespace OnnxPriors.Artifacts;

/// <summary>A step folder, or a file in it, that is missing, damaged, inconsistent or of a version this library does not know.</summary>
/// <param name="message">What is wrong, in which file, and what to do.</param>
/// <param name="inner">The error underneath, where there is one.</param>
public sealed class ArtifactException(string message, Exception? inner = null) : OnnxPriorsException(message, inner);
