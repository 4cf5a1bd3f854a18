namespace OnnxPriors.Cli.Engines;

/// <summary>Inputs that do not fit a model, or a model that an engine cannot run.</summary>
/// <param name="message">What is wrong, where, and what to do.</param>
/// <param name="inner">The error underneath, where there is one.</param>
internal sealed class EngineException(string message, Exception? inner = null) : OnnxPriorsException(message, inner);
