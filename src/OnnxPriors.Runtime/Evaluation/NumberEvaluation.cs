using OnnxPriors.Objectives;
using OnnxPriors.Runtime.Steps;

namespace OnnxPriors.Runtime.Evaluation;

/// <summary>How close predicted numbers come.</summary>
public sealed record RegressionMeasures
{
    /// <summary>The square root of the mean squared error over examples and numbers, in the numbers' unit.</summary>
    public required double Rmse { get; init; }

    /// <summary>The mean absolute error, in the numbers' unit.</summary>
    public required double Mae { get; init; }

    /// <summary>1 − Σ(y − ŷ)²/Σ(y − ȳ)², ȳ the mean of each number over the examples measured; null where the numbers do not vary.</summary>
    public double? R2 { get; init; }
}

/// <summary>
/// Measures a regression, in float64: the prediction is the mean over states of the means; the NLL is that of the mixture over states of
/// N(mean, σ²I), an example's numbers together.
/// </summary>
internal sealed class NumberEvaluation(int numbers, double deviation) : TaskEvaluation
{
    private readonly double[] targetSums = new double[numbers], targetSquares = new double[numbers];
    private double[] sums = [], logSums = [];
    private Batch? current;
    private double squared, absolute, logLikelihood;
    private int examples;

    public override void Start(Batch batch)
    {
        if (batch.Targets.Values.Length != batch.Count * numbers)
            throw new EvaluationException($"The data has targets [{string.Join(", ", batch.Targets.Shape)}], and the model predicts {numbers} number{(numbers > 1 ? "s" : "")}.");
        current = batch;
        (sums, logSums) = (new double[batch.Count * numbers], new double[batch.Count]);
        logSums.AsSpan().Fill(double.NegativeInfinity);
    }

    public override void Add(ReadOnlySpan<float> outputs)
    {
        var targets = current!.Targets.Values.Span;
        for (var e = 0; e < current.Count; e++)
        {
            var log = 0.0;
            for (var i = e * numbers; i < (e + 1) * numbers; i++)
            {
                sums[i] += outputs[i];
                var distance = ((double)targets[i] - outputs[i]) / deviation;
                log -= 0.5 * distance * distance + GaussianLikelihood.Constant(deviation);
            }
            logSums[e] = LogAdd(logSums[e], log);
        }
    }

    public override void Finish(int states)
    {
        var targets = current!.Targets.Values.Span;
        examples += current.Count;
        for (var i = 0; i < targets.Length; i++)
        {
            double target = targets[i], error = target - sums[i] / states;
            squared += error * error;
            absolute += Math.Abs(error);
            targetSums[i % numbers] += target;
            targetSquares[i % numbers] += target * target;
        }
        foreach (var log in logSums)
            logLikelihood += log - Math.Log(states);
    }

    public override EvaluationResult Result(int states)
    {
        if (examples == 0)
            throw NoExample();
        var spread = Enumerable.Range(0, numbers).Sum(d => targetSquares[d] - targetSums[d] * targetSums[d] / examples);
        var count = (double)examples * numbers;
        return new()
        {
            Accuracy = double.NaN,
            Nll = -logLikelihood / examples,
            Ece = double.NaN,
            Brier = double.NaN,
            Examples = examples,
            Samples = states,
            Bins = [],
            Regression = new() { Rmse = Math.Sqrt(squared / count), Mae = absolute / count, R2 = spread > 0 ? 1 - squared / spread : null },
        };
    }
}
