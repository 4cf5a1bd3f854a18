using OnnxPriors.Graphs;
using OnnxPriors.Objectives;
using OnnxPriors.Tests.Gradients;

namespace OnnxPriors.Tests.Objectives;

/// <summary>The objectives whose targets are numbers: binary cross-entropy and the Gaussian likelihood.</summary>
[TestClass]
public sealed class NumberObjectiveTests
{
    private const int Examples = 3, Outputs = 4;

    [TestMethod]
    public void Binary_cross_entropy_is_the_negative_log_likelihood_of_the_labels_in_float64()
    {
        var (z, t) = (Draw(1, 6), Draw(2, 1).Select(v => v > 0 ? 1f : 0).ToArray());
        var (loss, gradient) = Run(new BinaryCrossEntropy(), z, t, 5);
        double Sigmoid(double v) => 1 / (1 + Math.Exp(-v));
        Assert.AreEqual(-z.Zip(t).Sum(p => Math.Log(p.Second == 1 ? Sigmoid(p.First) : 1 - Sigmoid(p.First))) / 5, loss, 1e-5);
        for (var i = 0; i < z.Length; i++)
            Assert.AreEqual((Sigmoid(z[i]) - t[i]) / 5, gradient[i], 1e-6);
    }

    [TestMethod]
    public void Binary_cross_entropy_of_large_logits_overflows_nowhere()
    {
        float[] z = [500, -500, 500, -500, 0, 0, 0, 0, 0, 0, 0, 0], t = [1, 0, 0, 1, 1, 1, 1, 1, 1, 1, 1, 1];
        var (loss, gradient) = Run(new BinaryCrossEntropy(), z, t, 1);
        Assert.AreEqual(1000 + 8 * Math.Log(2), loss, 1e-3);
        Assert.AreSequenceEqual([0.0, 0, 1, -1], gradient.Take(4));
    }

    [TestMethod]
    public void The_gaussian_likelihood_is_that_of_the_density_in_float64()
    {
        const double deviation = 0.7;
        var (z, y) = (Draw(3, 2), Draw(4, 2));
        var (loss, gradient) = Run(new GaussianLikelihood(deviation), z, y, 5);
        double Density(double distance) => Math.Exp(-0.5 * distance * distance / (deviation * deviation)) / (deviation * Math.Sqrt(2 * Math.PI));
        Assert.AreEqual(-z.Zip(y).Sum(p => Math.Log(Density((double)p.First - p.Second))) / 5, loss, 1e-5);
        for (var i = 0; i < z.Length; i++)
            Assert.AreEqual(((double)z[i] - y[i]) / (deviation * deviation * 5), gradient[i], 1e-6);
    }

    [TestMethod]
    [DataRow(0.0)]
    [DataRow(-1.0)]
    [DataRow(double.NaN)]
    public void A_deviation_that_is_none_is_refused(double deviation) =>
        Assert.Contains("must be above 0", Assert.ThrowsExactly<ObjectiveException>(() => Run(new GaussianLikelihood(deviation), Draw(1, 1), Draw(2, 1), 1)).Message);

    [TestMethod]
    public void A_task_and_settings_of_another_contradict_each_other()
    {
        foreach (var choice in (TaskChoice[])[new() { Name = "segmentation" }, new() { Deviation = 1 }, new() { Name = "multilabel", IgnoreIndex = 255 }, new() { Name = "regression", Deviation = 1, ClassWeights = [1] }])
            Assert.ThrowsExactly<ObjectiveException>(() => choice.Objective());
        Assert.Contains("There is no task 'detection'", Assert.ThrowsExactly<ObjectiveException>(() => new TaskChoice { Name = "detection" }.Objective()).Message);
    }

    private static float[] Draw(int seed, double range)
    {
        var random = new Random(seed);
        return [.. Enumerable.Range(0, Examples * Outputs).Select(_ => (float)((random.NextDouble() * 2 - 1) * range))];
    }

    private static (double Loss, double[] Gradient) Run(IObjective objective, float[] outputs, float[] targets, float count)
    {
        var b = new GraphBuilder();
        var z = b.Input("z", ElementType.Float, [Dimension.Symbolic("batch"), Outputs]);
        var term = objective.Add(b, [("z", z)]);
        using var runner = new OrtRunner(b.Build([("loss", term.Loss), ("gradient", term.Seeds[0].Seed)]));
        var results = runner.Run(new Dictionary<string, TensorData>
        {
            ["z"] = TensorData.Of(outputs, Examples, Outputs),
            ["labels"] = TensorData.Of(targets, Examples, Outputs),
            ["label_count"] = TensorData.Of([count], []),
        });
        return (results["loss"].ToDouble()[0], results["gradient"].ToDouble());
    }
}
