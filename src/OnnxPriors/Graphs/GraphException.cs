namespace OnnxPriors.Graphs;

/// <summary>A graph that contradicts itself or the operators' specification: the message names the node and what is wrong with it.</summary>
/// <param name="message">What is wrong, where, and what to do.</param>
/// <param name="inner">The error underneath, where there is one.</param>
public sealed class GraphException(string message, Exception? inner = null) : OnnxPriorsException(message, inner);
