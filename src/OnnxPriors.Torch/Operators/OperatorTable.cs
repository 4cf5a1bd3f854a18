using System.Collections;
using static TorchSharp.torch;

namespace OnnxPriors.Torch.Operators;

/// <summary>
/// Computes a node's outputs, in the specification's order, null where one is not computed. Tensors that it makes on the way belong to
/// the dispose scope around the call; it may return an input itself.
/// </summary>
/// <param name="call">The node's run.</param>
internal delegate Tensor?[] ForwardRule(Call call);

/// <summary>A family's table: for each operator of ONNX the tensors that TorchSharp computes for it.</summary>
internal sealed class OperatorTable : IEnumerable<KeyValuePair<string, ForwardRule>>
{
    private readonly Dictionary<string, ForwardRule> rules = new(StringComparer.Ordinal);

    /// <summary>Adds an operator of one output.</summary>
    /// <param name="op">The operator's name.</param>
    /// <param name="rule">Computes the output.</param>
    /// <exception cref="ArgumentException">The operator is there already.</exception>
    public void Add(string op, Func<Call, Tensor> rule) => rules.Add(op, call => [rule(call)]);

    /// <summary>Adds an operator of several outputs.</summary>
    /// <param name="op">The operator's name.</param>
    /// <param name="rule">Computes the outputs.</param>
    /// <exception cref="ArgumentException">The operator is there already.</exception>
    public void Add(string op, ForwardRule rule) => rules.Add(op, rule);

    /// <inheritdoc/>
    public IEnumerator<KeyValuePair<string, ForwardRule>> GetEnumerator() => rules.GetEnumerator();

    IEnumerator IEnumerable.GetEnumerator() => GetEnumerator();
}
