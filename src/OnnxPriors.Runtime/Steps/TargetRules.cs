using System.Globalization;
using System.Numerics.Tensors;
using OnnxPriors.Artifacts;
using OnnxPriors.Objectives;

namespace OnnxPriors.Runtime.Steps;

/// <summary>What a task asks of a batch's targets: their form, how many of them count, and which outputs are right.</summary>
internal abstract class TargetRules(Manifest manifest)
{
    /// <summary>The number of classes, labels or numbers.</summary>
    protected int Classes { get; } = manifest.Classes;

    /// <summary>The task.</summary>
    protected TaskChoice Task { get; } = manifest.Task;

    /// <summary>The rules of a step's task.</summary>
    public static TargetRules Of(Manifest manifest) => manifest.Task.Kind() switch
    {
        LearningTask.Segmentation => new PixelRules(manifest),
        LearningTask.MultiLabel => new FlagRules(manifest),
        LearningTask.Regression => new NumberRules(manifest),
        _ => new ClassRules(manifest),
    };

    /// <summary>Whether each example counts once, so that the loss's divisor is known before its batches are.</summary>
    public virtual bool IsPerExample => true;

    /// <summary>Refuses targets that are none of the task's.</summary>
    /// <exception cref="StepException">A target is out of range, or the targets have another form.</exception>
    public abstract void Check(Batch batch);

    /// <summary>What a batch adds to the loss's divisor.</summary>
    public virtual double Counted(Batch batch) => batch.Count;

    /// <summary>How many decisions of a batch were right, and how many were made.</summary>
    public abstract (long Right, long Made) Right(ReadOnlySpan<float> logits, Batch batch);

    private sealed class ClassRules(Manifest manifest) : TargetRules(manifest)
    {
        public override void Check(Batch batch)
        {
            if (batch.Targets.Shape.Length != 1)
                throw Misfit(batch, "one class for each example");
            BatchBinder.CheckLabels(batch, Classes);
        }

        public override (long Right, long Made) Right(ReadOnlySpan<float> logits, Batch batch)
        {
            var labels = batch.Labels.Span;
            var right = 0;
            for (var i = 0; i < labels.Length; i++)
                right += TensorPrimitives.IndexOfMax(logits.Slice(i * Classes, Classes)) == labels[i] ? 1 : 0;
            return (right, labels.Length);
        }
    }

    private sealed class PixelRules(Manifest manifest) : TargetRules(manifest)
    {
        public override bool IsPerExample => false;

        public override void Check(Batch batch)
        {
            if (batch.Targets.Shape.Length != 3)
                throw Misfit(batch, "a mask of classes for each picture");
            var labels = batch.Labels.Span;
            for (var i = 0; i < labels.Length; i++)
                if (labels[i] != Task.IgnoreIndex && (labels[i] < 0 || labels[i] >= Classes))
                    throw new StepException($"A pixel of a batch's example {i / (labels.Length / batch.Count)} has label {labels[i]}, which is neither one of the step's classes 0 … {Classes - 1} nor {Task.IgnoreIndex}, which does not count; check the masks, or bake with another --classes or --ignore-index.");
        }

        public override double Counted(Batch batch)
        {
            var sum = 0.0;
            foreach (var label in batch.Labels.Span)
                if (label != Task.IgnoreIndex)
                    sum += Task.ClassWeights?[(int)label] ?? 1;
            return sum;
        }

        public override (long Right, long Made) Right(ReadOnlySpan<float> logits, Batch batch)
        {
            var labels = batch.Labels.Span;
            var plane = labels.Length / Math.Max(1, batch.Count);
            var (right, made) = (0L, 0L);
            for (var i = 0; i < labels.Length; i++)
            {
                if (labels[i] == Task.IgnoreIndex)
                    continue;
                made++;
                right += Planes.Largest(logits[(i / plane * Classes * plane)..], i % plane, plane, Classes) == labels[i] ? 1 : 0;
            }
            return (right, made);
        }
    }

    private sealed class FlagRules(Manifest manifest) : TargetRules(manifest)
    {
        public override void Check(Batch batch)
        {
            if (batch.Targets.Values.Length != batch.Count * Classes)
                throw Misfit(batch, $"{Classes} labels, each 0 or 1, for each example");
            foreach (var value in batch.Targets.Values.Span)
                if (value is not (0 or 1))
                    throw new StepException(string.Create(CultureInfo.InvariantCulture, $"A label of a batch is {value}; labels of the task {Task.Name} are 0 or 1."));
        }

        public override (long Right, long Made) Right(ReadOnlySpan<float> logits, Batch batch)
        {
            var values = batch.Targets.Values.Span;
            var right = 0;
            for (var i = 0; i < values.Length; i++)
                right += logits[i] > 0 == values[i] > 0.5f ? 1 : 0;
            return (right, values.Length);
        }
    }

    private sealed class NumberRules(Manifest manifest) : TargetRules(manifest)
    {
        public override void Check(Batch batch)
        {
            if (batch.Targets.Values.Length != batch.Count * Classes)
                throw Misfit(batch, $"{Classes} number{(Classes > 1 ? "s" : "")} for each example");
            if (!TensorPrimitives.IsFiniteAll<float>(batch.Targets.Values.Span))
                throw new StepException("A target of a batch is not a finite number; check the data.");
        }

        // Nothing is right or wrong about a number.
        public override (long Right, long Made) Right(ReadOnlySpan<float> logits, Batch batch) => (0, 0);
    }

    private protected StepException Misfit(Batch batch, string wanted) =>
        new($"The batch has targets [{string.Join(", ", batch.Targets.Shape)}] where the task {Task.Name} needs {wanted}; check the data, or bake with another --task.");
}

/// <summary>Scores [C, plane] of one picture, read pixel by pixel.</summary>
internal static class Planes
{
    /// <summary>The class of the largest score of a pixel; the first of equal ones.</summary>
    public static int Largest<T>(ReadOnlySpan<T> scores, int pixel, int plane, int classes) where T : IComparable<T>
    {
        var best = 0;
        for (var c = 1; c < classes; c++)
            if (scores[c * plane + pixel].CompareTo(scores[best * plane + pixel]) > 0)
                best = c;
        return best;
    }
}
