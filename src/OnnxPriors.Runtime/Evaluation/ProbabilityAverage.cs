namespace OnnxPriors.Runtime.Evaluation;

/// <summary>
/// The mean over S states of softmax(logits), in float64, and the logarithm of each label's mean probability, which is taken of the
/// logits and stays exact where the probability is too small for a number.
/// </summary>
/// <param name="classes">The number of classes C.</param>
public sealed class ProbabilityAverage(int classes)
{
    private double[] sums = [];
    private double[] logSums = [];
    private int count;
    private int states;

    /// <summary>Begins a batch.</summary>
    /// <param name="examples">Its number of examples.</param>
    public void Start(int examples)
    {
        (count, states) = (examples, 0);
        if (sums.Length < examples * classes)
            (sums, logSums) = (new double[examples * classes], new double[examples]);
        sums.AsSpan(0, examples * classes).Clear();
        logSums.AsSpan(0, examples).Fill(double.NegativeInfinity);
    }

    /// <summary>Takes the logits of one state.</summary>
    /// <param name="logits">The logits [batch, C].</param>
    /// <param name="labels">The labels [batch].</param>
    public void Add(ReadOnlySpan<float> logits, ReadOnlySpan<long> labels)
    {
        states++;
        for (var i = 0; i < count; i++)
        {
            var row = logits.Slice(i * classes, classes);
            var largest = double.NegativeInfinity;
            foreach (var logit in row)
                largest = Math.Max(largest, logit);
            var sum = 0.0;
            foreach (var logit in row)
                sum += Math.Exp(logit - largest);
            var normalizer = largest + Math.Log(sum);
            var target = sums.AsSpan(i * classes, classes);
            for (var c = 0; c < classes; c++)
                target[c] += Math.Exp(row[c] - normalizer);
            logSums[i] = LogAdd(logSums[i], row[(int)labels[i]] - normalizer);
        }
    }

    /// <summary>The mean probabilities [batch, C] so far, in place of the sums; call once a batch.</summary>
    public ReadOnlySpan<double> Mean()
    {
        var all = sums.AsSpan(0, count * classes);
        foreach (ref var sum in all)
            sum /= states;
        return all;
    }

    /// <summary>ln of the mean probability of an example's label.</summary>
    /// <param name="example">The example's place in the batch.</param>
    public double LogLikelihood(int example) => logSums[example] - Math.Log(states);

    private static double LogAdd(double a, double b)
    {
        if (double.IsNegativeInfinity(a))
            return b;
        var largest = Math.Max(a, b);
        return largest + Math.Log(Math.Exp(a - largest) + Math.Exp(b - largest));
    }
}
