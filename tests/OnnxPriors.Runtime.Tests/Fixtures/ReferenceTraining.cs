using OnnxPriors.Artifacts;
using OnnxPriors.Runtime.Steps;

namespace OnnxPriors.Runtime.Tests.Fixtures;

/// <summary>Logistic regression by SGD with momentum and a low-rank Gaussian prior in float64, written anew from the formulas.</summary>
internal sealed class ReferenceTraining(float[] start, float[]? prior, int rank)
{
    private readonly double[] velocity = new double[start.Length];

    public double[] Theta { get; } = Array.ConvertAll(start, value => (double)value);

    /// <summary>The mean loss and gradient over some examples.</summary>
    public (double Loss, double[] Gradient) Gradient(IReadOnlyList<(float[] X, long Label)> examples)
    {
        const int features = LogisticStep.Features, classes = LogisticStep.Classes;
        var (loss, gradient) = (0.0, new double[Theta.Length]);
        foreach (var (x, label) in examples)
        {
            var scores = new double[classes];
            for (var c = 0; c < classes; c++)
                scores[c] = Enumerable.Range(0, features).Sum(j => x[j] * Theta[(j * classes) + c]) + Theta[StateLayout.Alignment + c];
            var sum = scores.Sum(Math.Exp);
            loss += Math.Log(sum) - scores[label];
            for (var c = 0; c < classes; c++)
            {
                var error = (Math.Exp(scores[c]) / sum) - (c == label ? 1 : 0);
                gradient[StateLayout.Alignment + c] += error / examples.Count;
                for (var j = 0; j < features; j++)
                    gradient[(j * classes) + c] += x[j] * error / examples.Count;
            }
        }
        return (loss / examples.Count, gradient);
    }

    /// <summary>½(Σ aδ² − ‖Bᵀδ‖²) and its gradient.</summary>
    public (double Energy, double[] Gradient) Prior()
    {
        var n = Theta.Length;
        var gradient = new double[n];
        if (prior is null)
            return (0, gradient);
        var delta = new double[n];
        var energy = 0.0;
        for (var i = 0; i < n; i++)
        {
            delta[i] = Theta[i] - prior[i];
            gradient[i] = prior[n + i] * delta[i];
            energy += 0.5 * prior[n + i] * delta[i] * delta[i];
        }
        for (var k = 0; k < rank; k++)
        {
            var row = prior.AsSpan((2 + k) * n, n);
            var product = 0.0;
            for (var i = 0; i < n; i++)
                product += row[i] * delta[i];
            energy -= 0.5 * product * product;
            for (var i = 0; i < n; i++)
                gradient[i] -= row[i] * product;
        }
        return (energy, gradient);
    }

    /// <summary>One update.</summary>
    public void Step(IReadOnlyList<(float[] X, long Label)> examples, UpdateScalars scalars)
    {
        var (_, data) = Gradient(examples);
        var norm = Math.Sqrt(data.Sum(value => value * value));
        var clip = scalars.ClipNorm > 0 && norm > scalars.ClipNorm ? scalars.ClipNorm / norm : 1;
        var (_, priorGradient) = Prior();
        for (var i = 0; i < Theta.Length; i++)
        {
            velocity[i] = (scalars.Momentum * velocity[i]) + (clip * data[i]) + (scalars.PriorWeight * priorGradient[i]);
            Theta[i] -= scalars.LearningRate * velocity[i];
        }
    }
}
