using OnnxPriors.Graphs;

namespace OnnxPriors.Objectives;

/// <summary>
/// Cross-entropy of the softmax of logits z [batch, C] with labels y [batch]:
/// <code>
/// loss = −Σ log softmax(z)[y] / label_count        ∂loss/∂z = (softmax(z) − onehot(y)) / label_count
/// </code>
/// The divisor is an input, the number of labels in the whole effective batch, so that losses and gradients of its parts add up.
/// The logarithm is that of LogSoftmax, which takes the largest logit out first and does not overflow.
/// </summary>
public sealed class CrossEntropy : IObjective
{
    /// <summary>The input for the labels, int64 [batch], each from 0 to C − 1.</summary>
    public const string Labels = "labels";

    /// <summary>The input for the number of labels in the whole effective batch, float [].</summary>
    public const string LabelCount = "label_count";

    // A file states its classes as a number; what is made for each of them must stay small.
    private const long MaxClasses = 1 << 24;

    /// <inheritdoc/>
    public string Name => "cross-entropy";

    /// <inheritdoc/>
    public ObjectiveTerm Add(GraphBuilder b, IReadOnlyList<(string Name, Value Value)> outputs)
    {
        ArgumentNullException.ThrowIfNull(b);
        ArgumentNullException.ThrowIfNull(outputs);
        if (outputs is not [var (name, logits)])
            throw new ObjectiveException($"Cross-entropy needs one output, the class scores, and the graph has {outputs.Count}; name the one to use.");
        if (logits.Shape is not { Rank: 2 } shape || shape[1].Value is not { } classes || !logits.Type.IsFloating())
            throw new ObjectiveException($"Cross-entropy needs class scores [batch, C] with a known C, and '{name}' is {logits.Type}{logits.Shape?.ToString() ?? "[…]"}.");
        if (classes is < 1 or > MaxClasses)
            throw new ObjectiveException($"'{name}' has {classes} classes; cross-entropy takes 1 to {MaxClasses}.");
        var labels = b.Input(Labels, ElementType.Int64, [shape[0]]);
        var count = b.Input(LabelCount, logits.Type, Shape.Scalar);
        var column = b.Unsqueeze(labels, 1);
        // Reading by index refuses a label outside the classes.
        var loss = -(b.SumAll(b.GatherElements(b.LogSoftmax(logits), column, 1)) / count);
        var indices = b.Constant(TensorData.Vector([.. Enumerable.Range(0, (int)classes).Select(i => (long)i)]));
        var seed = (b.Softmax(logits) - b.Cast(b.Equal(column, indices), logits.Type)) / count;
        return new(loss, [(logits, seed)], [labels, count]);
    }
}
