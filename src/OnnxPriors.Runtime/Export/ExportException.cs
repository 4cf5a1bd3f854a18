namespace OnnxPriors.Runtime.Export;

/// <summary>A run that cannot be exported, or an exported model that does not give the run's predictions.</summary>
/// <param name="message">What is wrong, where, and what to do.</param>
/// <param name="inner">The error underneath, where there is one.</param>
public sealed class ExportException(string message, Exception? inner = null) : OnnxPriorsException(message, inner);
