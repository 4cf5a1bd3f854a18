using OnnxPriors.Graphs;

namespace OnnxPriors.Objectives;

/// <summary>
/// Binary cross-entropy of C labels that are true or false each by themselves, of logits z [batch, C] with targets t [batch, C]:
/// <code>
/// loss = Σ (softplus(z) − t z) / label_count        ∂loss/∂z = (sigmoid(z) − t) / label_count
/// </code>
/// The sum goes over an example's labels and over examples: it is the negative log-likelihood of the examples, which a prior of weight
/// 1/N goes with. (PyTorch's mean divides by C as well.) The divisor is an input, the number of examples in the whole effective batch.
/// </summary>
public sealed class BinaryCrossEntropy : IObjective
{
    /// <inheritdoc/>
    public string Name => "binary-cross-entropy";

    /// <inheritdoc/>
    public ObjectiveTerm Add(GraphBuilder b, IReadOnlyList<(string Name, Value Value)> outputs)
    {
        ArgumentNullException.ThrowIfNull(b);
        ArgumentNullException.ThrowIfNull(outputs);
        var logits = Numbers.Of(outputs, "Binary cross-entropy");
        var targets = b.Input(CrossEntropy.Labels, logits.Type, logits.Shape);
        var count = b.Input(CrossEntropy.LabelCount, logits.Type, Shape.Scalar);
        // softplus(z) = max(z, 0) + log(1 + exp(−|z|)), which overflows nowhere.
        var softplus = b.Relu(logits) + b.Log(b.Exp(-b.Abs(logits)) + 1);
        var loss = b.SumAll(softplus - targets * logits) / count;
        var seed = (b.Sigmoid(logits) - targets) / count;
        return new(loss, [(logits, seed)], [targets, count]);
    }
}

/// <summary>The one output of an objective over numbers that stand for themselves.</summary>
internal static class Numbers
{
    public static Value Of(IReadOnlyList<(string Name, Value Value)> outputs, string objective)
    {
        if (outputs is not [var (name, value)])
            throw new ObjectiveException($"{objective} needs one output, and the graph has {outputs.Count}; name the one to use.");
        if (value.Shape is not { Rank: 2 } shape || shape[1].Value is not > 0 || !value.Type.IsFloating())
            throw new ObjectiveException($"{objective} needs an output [batch, C] with a known C, and '{name}' is {value.Type}{value.Shape?.ToString() ?? "[…]"}.");
        return value;
    }
}
