using System.Globalization;
using OnnxPriors.Graphs;

namespace OnnxPriors.Objectives;

/// <summary>
/// The negative log-likelihood of numbers y [batch, D] under N(z, σ²I) around the model's means z [batch, D], σ fixed and the same
/// for all (homoscedastic):
/// <code>
/// loss = Σ (½((y − z)/σ)² + log σ + ½ log 2π) / label_count        ∂loss/∂z = (z − y)/(σ² label_count)
/// </code>
/// σ is a setting rather than a second output: with few examples a learned variance is soon explained by an overfit mean. The divisor
/// is an input, the number of examples in the whole effective batch.
/// </summary>
/// <param name="deviation">σ, above 0, in the units of the numbers.</param>
public sealed class GaussianLikelihood(double deviation) : IObjective
{
    /// <inheritdoc/>
    public string Name => "gaussian";

    /// <inheritdoc/>
    public ObjectiveTerm Add(GraphBuilder b, IReadOnlyList<(string Name, Value Value)> outputs)
    {
        ArgumentNullException.ThrowIfNull(b);
        ArgumentNullException.ThrowIfNull(outputs);
        if (!(deviation > 0) || !double.IsFinite(deviation))
            throw new ObjectiveException(string.Create(CultureInfo.InvariantCulture, $"The deviation of a Gaussian likelihood is {deviation}; it must be above 0."));
        var means = Numbers.Of(outputs, "A Gaussian likelihood");
        var targets = b.Input(CrossEntropy.Labels, means.Type, means.Shape);
        var count = b.Input(CrossEntropy.LabelCount, means.Type, Shape.Scalar);
        var distance = (means - targets) * (1 / deviation);
        var loss = b.SumAll(distance * distance * 0.5 + Constant(deviation)) / count;
        var seed = distance * (1 / deviation) / count;
        return new(loss, [(means, seed)], [targets, count]);
    }

    /// <summary>log σ + ½ log 2π: what each number's negative log-likelihood is at its mean.</summary>
    /// <param name="deviation">σ.</param>
    public static double Constant(double deviation) => Math.Log(deviation) + 0.5 * Math.Log(2 * Math.PI);
}
