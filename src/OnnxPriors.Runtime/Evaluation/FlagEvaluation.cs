using OnnxPriors.Runtime.Steps;

namespace OnnxPriors.Runtime.Evaluation;

/// <summary>How good predictions of labels that are true or false each by themselves are, at the threshold ½ where one is needed.</summary>
public sealed record MultiLabelMeasures
{
    /// <summary>The share of examples all of whose labels are right, 0 … 1.</summary>
    public required double ExactMatch { get; init; }

    /// <summary>The mean over labels of F₁ = 2TP/(2TP + FP + FN), 0 … 1; labels that are neither true nor predicted anywhere are left out.</summary>
    public required double MacroF1 { get; init; }

    /// <summary>The mean over labels of the area under the receiver operating characteristic, 0 … 1; null where no label is both true and false somewhere.</summary>
    public double? MeanAuroc { get; init; }

    /// <summary>Each label.</summary>
    public required IReadOnlyList<LabelMeasures> Labels { get; init; }
}

/// <summary>One label.</summary>
/// <param name="F1">F₁ at the threshold ½; null where the label is neither true nor predicted anywhere.</param>
/// <param name="Auroc">The probability that a true example scores above a false one, ties counting half (Mann and Whitney); null where there are none of one kind.</param>
/// <param name="Positives">The examples for which it is true.</param>
public sealed record LabelMeasures(double? F1, double? Auroc, int Positives);

/// <summary>Measures multi-label predictions: probabilities are the mean over states of the sigmoid, in float64; NLL sums an example's labels.</summary>
internal sealed class FlagEvaluation(int labels) : TaskEvaluation
{
    private readonly Calibration calibration = new(keepsPredictions: false);
    private readonly List<(double Probability, bool IsTrue)>[] seen = [.. Enumerable.Range(0, labels).Select(_ => new List<(double, bool)>())];
    private double[] sums = [], logSums = [];
    private Batch? current;
    private double logLikelihood;
    private int examples, exact;

    public override void Start(Batch batch)
    {
        if (batch.Targets.Values.Length != batch.Count * labels)
            throw new EvaluationException($"The data has targets [{string.Join(", ", batch.Targets.Shape)}]; the model's {labels} labels are measured on 0 or 1 for each.");
        current = batch;
        (sums, logSums) = (new double[batch.Count * labels], new double[batch.Count * labels]);
        logSums.AsSpan().Fill(double.NegativeInfinity);
    }

    public override void Add(ReadOnlySpan<float> outputs)
    {
        var targets = current!.Targets.Values.Span;
        for (var i = 0; i < targets.Length; i++)
        {
            double z = outputs[i];
            sums[i] += 1 / (1 + Math.Exp(-z));
            // log sigmoid(±z), exact where the sigmoid itself is 0.
            var signed = targets[i] > 0.5f ? z : -z;
            logSums[i] = LogAdd(logSums[i], Math.Min(signed, 0) - Math.Log(1 + Math.Exp(-Math.Abs(signed))));
        }
    }

    public override void Finish(int states)
    {
        var targets = current!.Targets.Values.Span;
        examples += current.Count;
        Span<double> two = stackalloc double[2];
        for (var e = 0; e < current.Count; e++)
        {
            var isExact = true;
            for (var c = 0; c < labels; c++)
            {
                var i = e * labels + c;
                var (probability, isTrue, log) = (sums[i] / states, targets[i] > 0.5f, logSums[i] - Math.Log(states));
                (two[0], two[1]) = (1 - probability, probability);
                calibration.Add(two, log, isTrue ? 1 : 0);
                seen[c].Add((probability, isTrue));
                isExact &= probability > 0.5 == isTrue;
                logLikelihood += log;
            }
            exact += isExact ? 1 : 0;
        }
    }

    public override EvaluationResult Result(int states)
    {
        if (examples == 0)
            throw NoExample();
        LabelMeasures[] all = [.. seen.Select(Of)];
        return calibration.Result(states) with
        {
            Nll = -logLikelihood / examples,
            Examples = examples,
            MultiLabel = new()
            {
                ExactMatch = (double)exact / examples,
                MacroF1 = all.Average(l => l.F1) ?? 0,
                MeanAuroc = all.Average(l => l.Auroc),
                Labels = all,
            },
        };
    }

    private static LabelMeasures Of(List<(double Probability, bool IsTrue)> scores)
    {
        var positives = scores.Count(s => s.IsTrue);
        var predicted = scores.Count(s => s.Probability > 0.5);
        var hits = scores.Count(s => s.IsTrue && s.Probability > 0.5);
        return new(positives + predicted == 0 ? null : 2.0 * hits / (positives + predicted), Auroc(scores, positives), positives);
    }

    // From the sum of the positives' ranks, equal scores sharing the mean of theirs.
    private static double? Auroc(List<(double Probability, bool IsTrue)> scores, int positives)
    {
        double negatives = scores.Count - positives;
        if (positives == 0 || negatives == 0)
            return null;
        var (rank, sum) = (1.0, 0.0);
        foreach (var group in scores.GroupBy(s => s.Probability).OrderBy(g => g.Key))
        {
            var count = group.Count();
            sum += group.Count(s => s.IsTrue) * (rank + (count - 1) / 2.0);
            rank += count;
        }
        return (sum - positives * (positives + 1.0) / 2) / (positives * negatives);
    }
}
