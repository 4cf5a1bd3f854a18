using OnnxPriors.Runtime.Steps;

namespace OnnxPriors.Runtime.Evaluation;

/// <summary>The measuring of one task: batch after batch, and within each the outputs of one state after the other, averaged as the task's predictive distribution is.</summary>
internal abstract class TaskEvaluation
{
    /// <summary>Begins a batch.</summary>
    public abstract void Start(Batch batch);

    /// <summary>Takes a state's outputs for it.</summary>
    public abstract void Add(ReadOnlySpan<float> outputs);

    /// <summary>Measures the batch.</summary>
    /// <param name="states">The states whose outputs were added.</param>
    public abstract void Finish(int states);

    /// <summary>What came out over all batches.</summary>
    /// <exception cref="EvaluationException">There was no example.</exception>
    public abstract EvaluationResult Result(int states);

    /// <summary>log(eᵃ + eᵇ).</summary>
    protected static double LogAdd(double a, double b)
    {
        if (double.IsNegativeInfinity(a))
            return b;
        var largest = Math.Max(a, b);
        return largest + Math.Log(Math.Exp(a - largest) + Math.Exp(b - largest));
    }

    protected static EvaluationException NoExample() => new("There is no example to evaluate on; check the data and its split.");
}
