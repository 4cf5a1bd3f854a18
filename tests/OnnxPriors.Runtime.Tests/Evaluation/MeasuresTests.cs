using OnnxPriors.Runtime.Evaluation;

namespace OnnxPriors.Runtime.Tests.Evaluation;

/// <summary>The measures against their definitions, written out in float64 over every example and every pair.</summary>
[TestClass]
public sealed class MeasuresTests
{
    // Sums of some hundred float64 numbers in two orders differ by less.
    private const double Rounding = 1e-12;

    private const int Examples = 431, Classes = 5;

    private static readonly (double[] Probabilities, int Label)[] Data = Draw(1, sharpness: 3);

    private static readonly EvaluationResult Result = Measure(Data);

    [TestMethod]
    public void Brier_and_ece_are_their_definitions()
    {
        Assert.AreEqual(Data.Average(one => one.Probabilities.Select((p, c) => Math.Pow(p - (c == one.Label ? 1 : 0), 2)).Sum()), Result.Brier, Rounding);
        var error = 0.0;
        for (var bin = 0; bin < 15; bin++)
        {
            var within = Data.Where(one => one.Probabilities.Max() > bin / 15.0 && one.Probabilities.Max() <= (bin + 1) / 15.0).ToList();
            if (within.Count > 0)
                error += within.Count * Math.Abs(within.Average(one => IsRight(one) ? 1.0 : 0) - within.Average(one => one.Probabilities.Max()));
        }
        Assert.AreEqual(error / Examples, Result.Ece, Rounding);
    }

    [TestMethod]
    public void Adaptive_bins_hold_the_same_number_of_examples_and_their_error_is_its_definition()
    {
        var sorted = Data.OrderBy(one => one.Probabilities.Max()).ToList();
        var error = 0.0;
        for (var bin = 0; bin < 15; bin++)
        {
            var within = sorted[(Examples * bin / 15)..(Examples * (bin + 1) / 15)];
            error += within.Count * Math.Abs(within.Average(one => IsRight(one) ? 1.0 : 0) - within.Average(one => one.Probabilities.Max()));
        }
        Assert.AreEqual(error / Examples, AdaptiveCalibration.Error(Result.Predictions), Rounding);
        var bins = AdaptiveCalibration.Bins(Result.Predictions);
        Assert.HasCount(15, bins);
        Assert.IsTrue(bins.All(bin => bin.Count is Examples / 15 or (Examples / 15) + 1));
        Assert.IsTrue(bins.Zip(bins.Skip(1)).All(pair => pair.First.High <= pair.Second.Low));
    }

    [TestMethod]
    public void The_risk_at_each_coverage_is_the_error_of_the_most_confident()
    {
        var sorted = Data.OrderByDescending(one => one.Probabilities.Max()).ToList();
        var risks = Enumerable.Range(1, Examples).Select(kept => sorted.Take(kept).Average(one => IsRight(one) ? 0.0 : 1)).ToList();
        var curve = RiskCoverage.Of(Result.Predictions);
        for (var i = 0; i < Examples; i++)
        {
            Assert.AreEqual(risks[i], curve.Points[i].Risk, Rounding);
            Assert.AreEqual((i + 1.0) / Examples, curve.Points[i].Coverage, Rounding);
        }
        Assert.AreEqual(risks.Average(), curve.Area, Rounding);
        Assert.AreEqual(1 - Result.Accuracy, curve.Points[^1].Risk, Rounding);
        var thinned = curve.Thinned(10);
        Assert.HasCount(10, thinned);
        Assert.AreEqual(curve.Points[^1], thinned[^1]);
    }

    [TestMethod]
    public void Examples_of_equal_confidence_are_answered_together_whatever_their_order()
    {
        Prediction[] some = [new(0.9, 0, true), new(0.5, 0, false), new(0.5, 0, true), new(0.5, 0, true), new(0.5, 0, false), new(0.1, 0, false)];
        var curve = RiskCoverage.Of(some);
        Assert.AreEqual(0.5 / 2, curve.Points[1].Risk, Rounding);
        Assert.AreEqual(1.0 / 3, curve.Points[2].Risk, Rounding);
        Assert.AreEqual(curve.Area, RiskCoverage.Of([.. some.Reverse()]).Area, Rounding);
        Assert.AreEqual(AdaptiveCalibration.Error(some, 3), AdaptiveCalibration.Error([.. some.Reverse()], 3), Rounding);
    }

    [TestMethod]
    public void Auroc_is_the_share_of_pairs_in_the_right_order()
    {
        var others = Measure(Draw(2, sharpness: 1)).Predictions;
        var detection = Detection.Of(Result.Predictions, others);
        Assert.AreEqual(Pairs(Result.Predictions.Select(one => one.Confidence), others.Select(one => one.Confidence)), detection.MaxProbability, Rounding);
        Assert.AreEqual(Pairs(Result.Predictions.Select(one => -one.Entropy), others.Select(one => -one.Entropy)), detection.Entropy, Rounding);
        Assert.IsGreaterThan(0.6, detection.MaxProbability, "Sharper predictions are told from flat ones.");
        // Few values make many ties.
        double[] first = [1, 2, 2, 3, 3, 3], second = [1, 1, 2, 3];
        Assert.AreEqual(Pairs(first, second), Detection.Auroc(first, second), Rounding);
        Assert.ThrowsExactly<EvaluationException>(() => Detection.Auroc([], second));
    }

    [TestMethod]
    public void Entropy_is_zero_for_the_certain_and_ln_c_for_the_clueless()
    {
        Assert.AreEqual(0, Prediction.EntropyOf([0, 1, 0]));
        Assert.AreEqual(Math.Log(4), Prediction.EntropyOf([0.25, 0.25, 0.25, 0.25]), Rounding);
    }

    private static double Pairs(IEnumerable<double> first, IEnumerable<double> second) =>
        (from a in first from b in second select a > b ? 1 : a == b ? 0.5 : 0).Average();

    private static bool IsRight((double[] Probabilities, int Label) one) => Array.IndexOf(one.Probabilities, one.Probabilities.Max()) == one.Label;

    private static EvaluationResult Measure((double[] Probabilities, int Label)[] data)
    {
        var calibration = new Calibration();
        foreach (var (probabilities, label) in data)
            calibration.Add(probabilities, Math.Log(probabilities[label]), label);
        return calibration.Result(1);
    }

    private static (double[] Probabilities, int Label)[] Draw(int seed, double sharpness)
    {
        var random = new Random(seed);
        return [.. Enumerable.Range(0, Examples).Select(_ =>
        {
            var scores = Enumerable.Range(0, Classes).Select(_ => Math.Exp(sharpness * random.NextDouble())).ToArray();
            return (scores.Select(score => score / scores.Sum()).ToArray(), random.Next(Classes));
        })];
    }
}
