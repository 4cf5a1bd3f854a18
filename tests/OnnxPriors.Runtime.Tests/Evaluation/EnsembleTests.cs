using OnnxPriors.Runtime.Evaluation;
using OnnxPriors.Runtime.Steps;
using OnnxPriors.Runtime.Tests.Fixtures;
using OnnxPriors.Runtime.Training;

namespace OnnxPriors.Runtime.Tests.Evaluation;

[TestClass]
public sealed class EnsembleTests : IDisposable
{
    private readonly TemporaryFolder temporary = new();

    public void Dispose() => temporary.Dispose();

    [TestMethod]
    public void Probabilities_are_the_mean_over_the_runs_and_a_run_is_no_distance_from_itself()
    {
        using var one = Open("a");
        using var other = Open("b");
        using var both = Ensemble.Open([RunFolder.Open(temporary["a"]), RunFolder.Open(temporary["b"])]);
        Assert.AreEqual(2, both.Count);
        var data = new Blobs(12, 12, seed: 8, shuffle: false);
        var batch = data.Read(0, 0, CancellationToken.None).First();
        double[] Of(Ensemble ensemble) => ensemble.Probabilities(batch, new ProbabilityAverage(LogisticStep.Classes)).ToArray();
        foreach (var (mean, a, b) in Of(both).Zip(Of(one), Of(other)))
            Assert.AreEqual((a + b) / 2, mean, 1e-12);
        Assert.AreEqual((0, 1), one.Compare(one, data));
        var (divergence, _) = one.Compare(other, data);
        Assert.AreEqual(Of(one).Zip(Of(other), (p, q) => p * Math.Log(p / q)).Sum() / 12, divergence, 1e-12);
        Assert.IsGreaterThan(0, divergence);
    }

    [TestMethod]
    public void Distilled_labels_have_the_averages_frequencies_and_come_again_from_any_batch_on()
    {
        const int Epochs = 2000, Examples = 6;
        using var teacher = Open("a");
        var data = new DistilledBatches(new Blobs(Examples, 2, seed: 8, shuffle: false), teacher, seed: 3);
        var counts = new double[Examples, LogisticStep.Classes];
        for (var epoch = 0; epoch < Epochs; epoch++)
        {
            var labels = Labels(epoch, 0);
            for (var i = 0; i < Examples; i++)
                counts[i, labels[i]]++;
            Assert.AreSequenceEqual(labels[2..], Labels(epoch, 1));
        }
        var batch = new Blobs(Examples, Examples, seed: 8, shuffle: false).Read(0, 0, CancellationToken.None).First();
        var expected = teacher.Probabilities(batch, new ProbabilityAverage(LogisticStep.Classes)).ToArray();
        for (var i = 0; i < Examples; i++)
            for (var c = 0; c < LogisticStep.Classes; c++)
            {
                var p = expected[i * LogisticStep.Classes + c];
                Assert.AreEqual(0, (counts[i, c] / Epochs - p) / Math.Sqrt(p * (1 - p) / Epochs), 4, "standard errors");
            }

        long[] Labels(int epoch, int first) => [.. data.Read(epoch, first, CancellationToken.None).SelectMany(b => b.Labels.ToArray())];
    }

    private Ensemble Open(string name)
    {
        new LogisticStep { StartScale = name == "a" ? 0.1 : 1 }.Write(temporary[$"{name}-step"]);
        using (var session = StepSession.Open(temporary[$"{name}-step"], new StepOptions { Threads = 1 }))
            new Trainer(session, new Blobs(20, 10), null, new TrainingOptions { Epochs = 2 }).Run(temporary[name], resume: false);
        return Ensemble.Open([RunFolder.Open(temporary[name])]);
    }
}
