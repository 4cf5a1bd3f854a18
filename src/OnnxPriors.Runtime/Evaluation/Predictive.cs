using System.Numerics.Tensors;
using OnnxPriors.Objectives;

namespace OnnxPriors.Runtime.Evaluation;

/// <summary>What a task makes of a model's outputs, in float64, in the outputs' order: softmax over the classes, sigmoid, or the numbers themselves.</summary>
internal static class Predictive
{
    /// <summary>Adds a state's predictions to a sum.</summary>
    /// <param name="task">The task.</param>
    /// <param name="outputs">The outputs [batch, C] or [batch, C, H, W].</param>
    /// <param name="count">The number of examples.</param>
    /// <param name="classes">C.</param>
    /// <param name="sums">The sum so far, of the outputs' length.</param>
    public static void AddTo(LearningTask task, ReadOnlySpan<float> outputs, int count, int classes, Span<double> sums)
    {
        if (task is LearningTask.MultiLabel or LearningTask.Regression)
        {
            for (var i = 0; i < outputs.Length; i++)
                sums[i] += task == LearningTask.Regression ? outputs[i] : 1 / (1 + Math.Exp(-outputs[i]));
            return;
        }
        var plane = outputs.Length / (count * classes);
        Span<double> row = new double[classes];
        for (var i = 0; i < count * plane; i++)
        {
            var at = i / plane * plane * classes + i % plane;
            for (var c = 0; c < classes; c++)
                row[c] = outputs[at + c * plane];
            TensorPrimitives.SoftMax(row, row);
            for (var c = 0; c < classes; c++)
                sums[at + c * plane] += row[c];
        }
    }
}
