using OnnxPriors.Graphs;
using OnnxPriors.Optimizers;

namespace OnnxPriors.Artifacts;

/// <summary>
/// The memory that one training step takes, in bytes, as its own gradient and update model say: what the host holds between steps, and the
/// larger of what the two models hold while they run. The runtime's own working memory and the process around it come on top.
/// </summary>
/// <param name="Batch">Examples in the batch.</param>
/// <param name="Weights">The trained parameters twice (an update writes beside what it reads), running statistics and frozen tensors.</param>
/// <param name="Gradients">One gradient for each trained parameter.</param>
/// <param name="Optimizer">The optimizer's state, twice.</param>
/// <param name="Prior">The prior's mean, precision and factor.</param>
/// <param name="Inputs">The batch itself.</param>
/// <param name="Activations">The most that the gradient model's values take at once.</param>
/// <param name="Update">The most that the update model's values take at once.</param>
/// <param name="Unknown">Values of the gradient model whose size is not known, and which are not counted.</param>
public sealed record StepMemory(long Batch, long Weights, long Gradients, long Optimizer, long Prior, long Inputs, long Activations, long Update, int Unknown)
{
    private const int FloatBytes = 4;

    /// <summary>All of it.</summary>
    public long Total => Weights + Gradients + Optimizer + Prior + Inputs + Math.Max(Activations, Update);

    /// <summary>Estimates a step.</summary>
    /// <param name="model">The gradient model.</param>
    /// <param name="optimizer">The optimizer.</param>
    /// <param name="rank">The rank K of the prior's factor; null for no prior.</param>
    /// <param name="batch">Examples in the batch.</param>
    /// <exception cref="ArgumentOutOfRangeException">The batch is not above 0, or the rank is below 0.</exception>
    public static StepMemory Estimate(GradientModel model, Optimizer optimizer, int? rank, long batch)
    {
        ArgumentNullException.ThrowIfNull(model);
        ArgumentNullException.ThrowIfNull(optimizer);
        ArgumentOutOfRangeException.ThrowIfNegativeOrZero(batch);
        var flat = StateLayout.Of(model.Parameters.Select(p => (p.Name, p.Tensor.Data!.Dimensions.ToArray()))).Length * FloatBytes;
        var extents = new Dictionary<string, long>(StringComparer.Ordinal);
        foreach (var input in model.Inputs)
            if (input.Shape is { Rank: > 0 } shape && shape[0].Symbol is { } symbol)
                extents[symbol] = batch;
        var dimensions = extents.ToDictionary(e => e.Key, e => (Dimension)e.Value, StringComparer.Ordinal);
        var gradientNames = model.Parameters.Select(p => p.Gradient).ToHashSet(StringComparer.Ordinal);
        var activations = LiveMemory.Of(model.Graph, extents, model.Graph.Outputs.Where(o => gradientNames.Contains(o.Name)).ToHashSet());
        var update = UpdateModel.Build(optimizer, rank).Graph;
        var updating = LiveMemory.Of(update, new Dictionary<string, long> { [UpdateModel.Length] = flat / FloatBytes }, update.Outputs.ToHashSet());
        var statistics = model.Buffers.Sum(b => b.Tensor.Data!.Count) * FloatBytes;
        return new(
            batch,
            2 * (flat + statistics) + model.Graph.Initializers.Sum(v => (long)v.Data!.Bytes.Length),
            flat,
            2 * flat * optimizer.States.Length,
            rank is { } columns ? flat * (2 + columns) : 0,
            model.Inputs.Concat(model.ObjectiveInputs).Sum(i => LiveMemory.Bytes(i, dimensions) ?? 0),
            activations.Peak,
            updating.Peak,
            activations.Unknown);
    }
}
