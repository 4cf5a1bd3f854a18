namespace OnnxPriors.Torch.Fitting;

/// <summary>Examples of the source task with their classes. Self-supervised objectives take two views of each example, all first views before all second ones, and no classes.</summary>
/// <param name="Values">The model's input [batch, …] in row-major order.</param>
/// <param name="Shape">Its extents, the batch first.</param>
/// <param name="Labels">The class of each example [batch], from 0.</param>
public sealed record LabelledBatch(ReadOnlyMemory<float> Values, IReadOnlyList<long> Shape, ReadOnlyMemory<long> Labels);

/// <summary>The source task's training data, epoch by epoch.</summary>
public interface ILabelledBatches
{
    /// <summary>One pass over the data, in an order that depends on nothing but the source's seed and the epoch.</summary>
    /// <param name="epoch">The pass, from 0.</param>
    /// <returns>The batches; each is used before the next is asked for.</returns>
    IEnumerable<LabelledBatch> Epoch(int epoch);

    /// <summary>One pass over the data from a batch on, to go on with a fit.</summary>
    /// <param name="epoch">The pass, from 0.</param>
    /// <param name="firstBatch">The batch to begin with.</param>
    /// <returns>The batches; each is used before the next is asked for.</returns>
    IEnumerable<LabelledBatch> Epoch(int epoch, int firstBatch) => Epoch(epoch).Skip(firstBatch);
}
