using OnnxPriors.Priors;

namespace OnnxPriors.Tests.Priors;

/// <summary>What is done with a prior file besides baking: figures, draws, rescaling.</summary>
[TestClass]
public sealed class PosteriorUseTests
{
    private string _folder = null!;

    [TestInitialize]
    public void MakeFolder() => _folder = Directory.CreateTempSubdirectory("onnxpriors-").FullName;

    [TestCleanup]
    public void RemoveFolder() => Directory.Delete(_folder, recursive: true);

    [TestMethod]
    public void The_figures_are_the_averages_over_each_tensor_and_the_whole()
    {
        var posterior = new Posterior(SyntheticPosterior.Metadata(2),
        [
            new PosteriorTensor("a", [2], [3, 4], [1, 0], [1, 0, 2, 0]),
            new PosteriorTensor("b", [1, 1], [0], [6], [0, 0]),
        ]);
        var summary = PosteriorSummary.Of(posterior);
        Assert.AreEqual(3, summary.Total.Count);
        Assert.AreEqual(12.5, summary.Tensors[0].MeanSquare);
        Assert.AreEqual(0.5, summary.Tensors[0].DiagonalVariance);
        Assert.AreEqual(2.5, summary.Tensors[0].FactorVariance);
        Assert.AreEqual(1, summary.Tensors[0].ZeroVarianceCount);
        Assert.AreEqual((7 + 5) / 3.0, summary.Total.Variance, 1e-12);
        Assert.AreEqual("b", summary.Tensors[1].Name);
    }

    [TestMethod]
    public void Draws_have_the_posteriors_moments()
    {
        const int Draws = 6000, Count = 40;
        const double StandardErrors = 4.5;
        var posterior = SyntheticPosterior.Make(3, 1, ("pad", [5]), ("w", [Count]));
        var reference = DenseGaussian.Of(posterior with { }, new RescaleOptions());
        var path = Path.Combine(_folder, "draws.safetensors");
        PosteriorSampler.Write(path, posterior, Draws, seed: 4);
        using var reader = SafetensorsReader.Open(path);
        var entry = reader.Find("w")!;
        Assert.AreSequenceEqual(new long[] { Draws, Count }, entry.Shape);
        var values = new float[Draws * Count];
        reader.Read(entry, 0, values);
        foreach (var (i, j) in Enumerable.Range(0, Count).SelectMany(i => new[] { (i, i), (i, (i + 7) % Count) }))
        {
            var (x, y) = (5 + i, 5 + j);
            var mean = Enumerable.Range(0, Draws).Average(d => values[d * Count + i] - reference.Mean[x]);
            Assert.AreEqual(0, mean / Math.Sqrt(reference.Covariance(x, x) / Draws), StandardErrors, $"mean {i}");
            var covariance = Enumerable.Range(0, Draws).Average(d => (values[d * Count + i] - reference.Mean[x]) * (values[d * Count + j] - reference.Mean[y]));
            var error = Math.Sqrt((reference.Covariance(x, x) * reference.Covariance(y, y) + Math.Pow(reference.Covariance(x, y), 2)) / Draws);
            Assert.AreEqual(0, (covariance - reference.Covariance(x, y)) / error, StandardErrors, $"covariance {i}, {j}");
        }
    }

    [TestMethod]
    public void A_rescaled_file_is_a_prior_file_that_says_so()
    {
        var (from, to) = (Path.Combine(_folder, "a.safetensors"), Path.Combine(_folder, "b.safetensors"));
        var posterior = SyntheticPosterior.Make(4, 1, ("w", [30]));
        posterior = new Posterior(posterior.Metadata with { Hyperparameters = """{"learning_rate":0.1}""" }, posterior.Parameters, [new PosteriorBuffer("bn", [1], [5])]);
        PosteriorFile.Write(from, posterior);
        using (var reader = PosteriorReader.Open(from))
            RescaledPosterior.Write(to, reader, new RescaleOptions { Scale = 4, Epsilon = 0.5, Rank = 2 });
        var read = PosteriorFile.Read(to);

        Assert.AreEqual(2, read.Metadata.Rank);
        Assert.Contains("\"learning_rate\":0.1", read.Metadata.Hyperparameters);
        Assert.Contains("\"scale\":4", read.Metadata.Hyperparameters);
        Assert.AreEqual(5, read.Buffers.Single().Values[0]);
        var (before, after) = (posterior.Parameters[0], read.Parameters[0]);
        Assert.AreSequenceEqual(before.Mean, after.Mean);
        for (var i = 0; i < 30; i++)
        {
            Assert.AreEqual(4 * before.Diagonal[i] + 0.5, after.Diagonal[i], 1e-6);
            Assert.AreEqual(2 * Math.Sqrt(3) * before.Factor[i], after.Factor[i], 1e-6);
        }
    }
}
