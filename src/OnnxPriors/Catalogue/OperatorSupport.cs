namespace OnnxPriors.Catalogue;

/// <summary>What is done with an operator.</summary>
/// <param name="Operator">Its name.</param>
/// <param name="Domain">Its domain; <c>ai.onnx</c> is the standard one.</param>
/// <param name="Opsets">The opsets of its domain that have it, of those that are read: <c>7-28</c>, or one number.</param>
/// <param name="Forward">Whether it is imported, its shapes inferred, and both engines compute it.</param>
/// <param name="Gradient">Whether it has a derivative other than zero, and a rule for it or a form in operators that have one.</param>
/// <param name="Restrictions">What of it is refused, or why it is refused altogether; empty where nothing is.</param>
public sealed record OperatorSupport(string Operator, string Domain, string Opsets, bool Forward, bool Gradient, string Restrictions);
