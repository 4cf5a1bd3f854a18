namespace OnnxPriors.Cli.Experiments;

/// <summary>An experiment's file, or results, that cannot be used.</summary>
/// <param name="message">What is wrong, where, and what to do.</param>
/// <param name="inner">The error underneath, where there is one.</param>
internal sealed class ExperimentException(string message, Exception? inner = null) : OnnxPriorsException(message, inner);
