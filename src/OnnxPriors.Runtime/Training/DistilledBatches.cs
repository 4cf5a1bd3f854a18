using System.Runtime.Intrinsics;
using OnnxPriors.Randomness;
using OnnxPriors.Runtime.Evaluation;
using OnnxPriors.Runtime.Steps;

namespace OnnxPriors.Runtime.Training;

/// <summary>
/// Batches whose labels an ensemble gives: to distil its average into one model (Hinton, Vinyals, Dean, arXiv 1503.02531; of a posterior's
/// average: Korattikara, Rathod, Murphy, Welling, 'Bayesian dark knowledge', NeurIPS 2015). A step takes labels and no probabilities, so
/// each example's label is drawn from the averaged probabilities, in each epoch anew: in the mean over the draws loss and gradient are those
/// of cross-entropy with the probabilities themselves. The data's own labels are not looked at.
/// </summary>
/// <param name="inner">The examples.</param>
/// <param name="teacher">The ensemble; it takes the same inputs.</param>
/// <param name="seed">What the draws depend on, beside epoch and example.</param>
public sealed class DistilledBatches(IBatchSource inner, Ensemble teacher, ulong seed) : IBatchSource
{
    // Keeps these draws apart from others under the same seed.
    private const uint Purpose = 0x44495354;

    /// <inheritdoc/>
    public int ExampleCount => inner.ExampleCount;

    /// <inheritdoc/>
    public int BatchSize => inner.BatchSize;

    /// <inheritdoc/>
    public string Fingerprint => $"{inner.Fingerprint}, labels drawn from {teacher.Count} states by {seed}";

    /// <inheritdoc/>
    public IEnumerable<Batch> Read(int epoch, int firstBatch, CancellationToken cancellation)
    {
        var average = new ProbabilityAverage(teacher.Manifest.Classes);
        var index = (uint)(firstBatch * BatchSize);
        foreach (var batch in inner.Read(epoch, firstBatch, cancellation))
            yield return batch with { Targets = BatchTargets.Classes(Draw(batch, average, epoch, ref index)) };
    }

    private long[] Draw(Batch batch, ProbabilityAverage average, int epoch, ref uint index)
    {
        var labels = new long[batch.Count];
        var probabilities = teacher.Probabilities(batch, average);
        var classes = teacher.Manifest.Classes;
        for (var i = 0; i < labels.Length; i++)
        {
            var words = Philox.Block(Vector128.Create(index++, (uint)epoch, Purpose, 0), seed);
            var draw = Math.ScaleB(words[0] | ((ulong)words[1] << 32), -64);
            var row = probabilities.Slice(i * classes, classes);
            // Rounding may leave the sum below 1; the last class with a probability then takes the rest.
            for (var c = 0; c < classes; c++)
            {
                if (row[c] > 0)
                    labels[i] = c;
                if ((draw -= row[c]) < 0)
                    break;
            }
        }
        return labels;
    }
}
