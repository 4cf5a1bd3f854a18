using OnnxPriors.Graphs;
using OnnxPriors.Torch.Fitting;

namespace OnnxPriors.Torch.Tests.Fitting;

[TestClass]
public sealed class SelfSupervisionTests
{
    private static readonly SwagOptions Options = new() { Rank = 2, Steps = 60, LearningRate = 0.02 };

    [TestMethod]
    [DataRow(ViewLoss.SimClr, "simclr")]
    [DataRow(ViewLoss.BarlowTwins, "barlow-twins")]
    [DataRow(ViewLoss.VicReg, "vicreg")]
    public void A_fit_brings_the_loss_down_and_its_posterior_is_over_the_extractor_alone(ViewLoss loss, string name)
    {
        using var module = new GraphModule(Extractor());
        using var target = new SelfSupervision(module, new SelfSupervisionOptions { Loss = loss, Projection = 4 });
        var losses = new List<double>();
        var posterior = new SwagFit(module, Options, target).Run(new Pairs(), "sha", new Losses(losses));

        Assert.AreSequenceEqual(["bias", "conv"], posterior.Parameters.Select(p => p.Name).Order());
        Assert.Contains($"\"objective\":\"{name}\"", posterior.Metadata.Hyperparameters);
        Assert.IsLessThan(losses.Take(10).Average(), losses.TakeLast(10).Average());
        Assert.HasCount(4, target.Parameters);
    }

    [TestMethod]
    public void The_seed_decides_the_projection_and_features_are_averages_over_places()
    {
        var batch = new Pairs().Epoch(0).First();
        float[] First(ulong seed)
        {
            using var module = new GraphModule(Extractor());
            using var target = new SelfSupervision(module, new SelfSupervisionOptions { Seed = seed });
            using var loss = target.Loss(batch);
            return target.Parameters[0].data<float>().ToArray();
        }
        Assert.AreSequenceEqual(First(1), First(1));
        Assert.AreNotSequenceEqual(First(1), First(2));

        using var module = new GraphModule(Extractor());
        using var target = new SelfSupervision(module, new SelfSupervisionOptions());
        using var x = TorchSharp.torch.tensor(batch.Values.ToArray(), [.. batch.Shape]);
        using var whole = module.Forward(new Dictionary<string, TorchSharp.torch.Tensor> { ["x"] = x })["features"];
        var (features, values) = (target.FeaturesOf(batch), Tensors.ToDoubles(whole));
        for (var f = 0; f < 3; f++)
            Assert.AreEqual(Enumerable.Range(0, 16).Average(i => values[f * 16 + i]), features[0][f], 1e-6);
    }

    [TestMethod]
    public void A_batch_of_one_example_is_refused()
    {
        using var module = new GraphModule(Extractor());
        using var target = new SelfSupervision(module, new SelfSupervisionOptions());
        var one = new LabelledBatch(new float[72], [2, 1, 6, 6], new long[2]);
        Assert.Contains("at least two examples", Assert.ThrowsExactly<FitException>(() => target.Loss(one)).Message);
    }

    [TestMethod]
    public void Nearest_neighbours_vote_by_cosine()
    {
        float[][] known = [[1, 0], [2, 0.1f], [0, 1], [0.1f, 3], [-1, 0]];
        long[] classes = [0, 0, 1, 1, 2];
        Assert.AreEqual(1, NearestNeighbours.Accuracy(known, classes, [[5, 0.2f], [0.2f, 9], [-7, 0.1f]], [0, 1, 2], 1));
        Assert.AreEqual(2.0 / 3, NearestNeighbours.Accuracy(known, classes, [[5, 0.2f], [0.2f, 9], [-7, 0.1f]], [0, 1, 1], 2));
        // The one vote at cosine 1 outweighs two at cosine 0: 1 against 2 exp(−1/0.07).
        Assert.AreEqual(1, NearestNeighbours.Accuracy([[1, 0], [0, 1], [0, -1]], [3, 4, 4], [[1, 0]], [3], 3));
        Assert.ThrowsExactly<FitException>(() => NearestNeighbours.Accuracy(known, classes, known, classes, 6));
    }

    private static Graph Extractor()
    {
        var random = new Random(1);
        var b = new GraphBuilder();
        var x = b.Input("x", ElementType.Float, [Dimension.Symbolic("batch"), 1, 6, 6]);
        var conv = b.Apply("Conv",
        [
            x, b.Parameter("conv", TensorData.Of([.. Enumerable.Range(0, 27).Select(_ => (float)(random.NextDouble() - 0.5))], 3, 1, 3, 3)),
            b.Parameter("bias", TensorData.Of([0.1f, 0.1f, 0.1f], 3)),
        ]);
        return b.Build([("features", b.Apply("Tanh", [conv]))]);
    }

    /// <summary>Eight pictures of different brightness and slope, with noise of its own in each view.</summary>
    private sealed class Pairs : ILabelledBatches
    {
        public IEnumerable<LabelledBatch> Epoch(int epoch)
        {
            var random = new Random(epoch);
            for (var batch = 0; batch < 4; batch++)
            {
                var values = new float[16 * 36];
                for (var i = 0; i < values.Length; i++)
                {
                    var (picture, pixel) = (i / 36 % 8, i % 36);
                    values[i] = (float)(picture * 0.4 - 1.4 + (picture % 2 == 0 ? pixel % 6 : pixel / 6) * 0.2 + 0.2 * random.NextDouble());
                }
                yield return new LabelledBatch(values, [16, 1, 6, 6], new long[16]);
            }
        }
    }

    private sealed class Losses(List<double> seen) : IProgress<FitProgress>
    {
        public void Report(FitProgress value) => seen.Add(value.Loss);
    }
}
