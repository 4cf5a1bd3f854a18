using OnnxPriors.Runtime.Evaluation;

namespace OnnxPriors.Runtime.Tests.Evaluation;

[TestClass]
public sealed class CalibrationTests
{
    [TestMethod]
    public void Four_examples_give_what_one_computes_by_hand()
    {
        var calibration = new Calibration();
        calibration.Add([0.7, 0.2, 0.1], Math.Log(0.7), 0); // right
        calibration.Add([0.68, 0.22, 0.1], Math.Log(0.22), 1); // wrong, the same bin (0.667, 0.733]
        calibration.Add([0.1, 0.0, 0.9], Math.Log(0.9), 2); // right
        calibration.Add([0.0, 1.0, 0.0], 0, 1); // right, the last bin, closed above
        var result = calibration.Result(1);
        Assert.AreEqual(0.75, result.Accuracy);
        Assert.AreEqual(-(Math.Log(0.7) + Math.Log(0.22) + Math.Log(0.9)) / 4, result.Nll, 1e-15);
        Assert.AreEqual(((0.09 + 0.04 + 0.01) + (0.4624 + 0.6084 + 0.01) + (0.01 + 0.01) + 0) / 4, result.Brier, 1e-15);
        Assert.AreEqual((Math.Abs(1.38 - 1) + 0.1 + 0) / 4, result.Ece, 1e-15);
        Assert.HasCount(15, result.Bins);
        Assert.AreEqual(2, result.Bins[10].Count);
        Assert.AreEqual(0.69, result.Bins[10].Confidence, 1e-15);
        Assert.AreEqual(0.5, result.Bins[10].Accuracy);
        Assert.AreEqual(1, result.Bins[14].Count);
        Assert.AreEqual(4, result.Bins.Sum(bin => bin.Count));
    }

    [TestMethod]
    public void No_example_is_an_error() => Assert.ThrowsExactly<EvaluationException>(() => new Calibration().Result(1));

    [TestMethod]
    public void Probabilities_are_averaged_not_logits_and_tiny_ones_keep_their_logarithm()
    {
        var average = new ProbabilityAverage(2);
        average.Start(2);
        average.Add([0, 1000, 3, 1], [0, 0]);
        average.Add([0, 2000, 0, 0], [0, 0]);
        var mean = average.Mean();
        Assert.AreEqual(0, mean[0]);
        Assert.AreEqual(1, mean[1]);
        var first = 1 / (1 + Math.Exp(-2));
        Assert.AreEqual((first + 0.5) / 2, mean[2], 1e-15);
        // e⁻¹⁰⁰⁰ has no float64, its logarithm has; the second sample adds nothing to it, and the mean halves.
        Assert.AreEqual(-1000 - Math.Log(2), average.LogLikelihood(0), 1e-12);
        Assert.AreEqual(Math.Log((first + 0.5) / 2), average.LogLikelihood(1), 1e-15);

        average.Start(1);
        average.Add([1, 1], [1]);
        Assert.AreEqual(0.5, average.Mean()[0], 1e-15);
    }
}
