namespace OnnxPriors.Cli.Benchmarking;

/// <summary>A benchmark that cannot be run as asked for.</summary>
/// <param name="message">What is wrong, where, and what to do.</param>
/// <param name="inner">The error underneath, where there is one.</param>
internal sealed class BenchmarkException(string message, Exception? inner = null) : OnnxPriorsException(message, inner);
