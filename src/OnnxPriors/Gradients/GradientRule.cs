namespace OnnxPriors.Gradients;

/// <summary>
/// The derivative of one operator: given the gradients of a node's outputs, states those of its inputs through
/// <see cref="GradientCall.Give"/>. An input a rule says nothing of has the gradient zero.
/// </summary>
/// <param name="call">The node and the gradients of its outputs.</param>
/// <exception cref="GradientException">This form of the operator has no gradient here.</exception>
public delegate void GradientRule(GradientCall call);
