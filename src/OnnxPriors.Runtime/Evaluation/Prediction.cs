namespace OnnxPriors.Runtime.Evaluation;

/// <summary>What a model said of one example.</summary>
/// <param name="Confidence">The largest probability, 0 … 1.</param>
/// <param name="Entropy">The entropy of the probabilities, in nats, 0 … ln C: the predictive entropy, where several states were averaged.</param>
/// <param name="IsRight">Whether the most probable class is the label.</param>
public readonly record struct Prediction(double Confidence, double Entropy, bool IsRight)
{
    /// <summary>−Σ p ln p, where 0 ln 0 is 0.</summary>
    /// <param name="probabilities">The classes' probabilities.</param>
    public static double EntropyOf(ReadOnlySpan<double> probabilities)
    {
        var sum = 0.0;
        foreach (var probability in probabilities)
            if (probability > 0)
                sum -= probability * Math.Log(probability);
        return sum;
    }
}
