using System.Globalization;
using OnnxPriors.Graphs;

namespace OnnxPriors.Objectives;

/// <summary>
/// Cross-entropy of every pixel's softmax over the channels of z [batch, C, H, W] with labels y [batch, H, W]:
/// <code>
/// loss = −Σ w(y) log softmax(z)[y] / label_count        ∂loss/∂z = w(y) (softmax(z) − onehot(y)) / label_count
/// </code>
/// The sums leave out pixels whose label is the ignored one; w is the class's weight. The divisor is an input, the number (with class
/// weights: the weight) of the counted pixels in the whole effective batch, as PyTorch's <c>cross_entropy</c> divides by.
/// </summary>
/// <param name="ignoreIndex">The label of pixels that do not count.</param>
/// <param name="weights">Each class's weight, 0 or above; null: 1 each.</param>
public sealed class PixelCrossEntropy(long ignoreIndex, IReadOnlyList<double>? weights = null) : IObjective
{
    /// <inheritdoc/>
    public string Name => "pixel-cross-entropy";

    /// <inheritdoc/>
    public ObjectiveTerm Add(GraphBuilder b, IReadOnlyList<(string Name, Value Value)> outputs)
    {
        ArgumentNullException.ThrowIfNull(b);
        ArgumentNullException.ThrowIfNull(outputs);
        if (outputs is not [var (name, logits)])
            throw new ObjectiveException($"Cross-entropy of pixels needs one output, the class scores, and the graph has {outputs.Count}; name the one to use.");
        if (logits.Shape is not { Rank: 4 } shape || shape[1].Value is not (> 0 and < 1 << 24 and var classes) || !logits.Type.IsFloating())
            throw new ObjectiveException($"Cross-entropy of pixels needs class scores [batch, C, H, W] with a known C, and '{name}' is {logits.Type}{logits.Shape?.ToString() ?? "[…]"}.");
        if (weights is not null && (weights.Count != classes || !weights.All(w => w >= 0 && double.IsFinite(w))))
            throw new ObjectiveException(string.Create(CultureInfo.InvariantCulture, $"Class weights are {weights.Count} numbers [{string.Join(", ", weights)}]; '{name}' needs {classes} of 0 or above."));
        var type = logits.Type;
        var labels = b.Input(CrossEntropy.Labels, ElementType.Int64, [shape[0], shape[2], shape[3]]);
        var count = b.Input(CrossEntropy.LabelCount, type, Shape.Scalar);
        var ignored = b.Equal(labels, b.Constant(TensorData.Of([ignoreIndex], [])));
        // Ignored labels need not be classes: class 0 stands in for them, at weight 0. Reading by index refuses any other label outside.
        var known = b.Where(ignored, b.Constant(TensorData.Of([0L], [])), labels);
        var weight = b.Cast(b.Not(ignored), type);
        if (weights is not null)
            weight *= b.Gather(b.Constant(TensorData.Of([.. weights], weights.Count).ConvertTo(type)), known, 0);
        weight = b.Unsqueeze(weight, 1);
        var channel = b.Unsqueeze(known, 1);
        var loss = -(b.SumAll(b.GatherElements(b.LogSoftmax(logits, 1), channel, 1) * weight) / count);
        var indices = b.Constant(TensorData.Of([.. Enumerable.Range(0, (int)classes).Select(i => (long)i)], classes, 1, 1));
        var seed = (b.Softmax(logits, 1) - b.Cast(b.Equal(channel, indices), type)) * (weight / count);
        return new(loss, [(logits, seed)], [labels, count]);
    }
}
