using OnnxPriors.Priors;

namespace OnnxPriors.Tests.Priors;

/// <summary>Posteriors without a factor, and of other forms than SWAG's first, through all that reads a prior file.</summary>
[TestClass]
public sealed class PosteriorFormTests
{
    private string folder = null!;

    [TestInitialize]
    public void MakeFolder() => folder = Directory.CreateTempSubdirectory("onnxpriors-").FullName;

    [TestCleanup]
    public void RemoveFolder() => Directory.Delete(folder, recursive: true);

    private string Place => Path.Combine(folder, "p.safetensors");

    [TestMethod]
    public void A_posterior_without_a_factor_is_written_read_summed_drawn_rescaled_and_factorised()
    {
        var posterior = Laplace(20, 1);
        PosteriorFile.Write(Place, posterior);
        var read = PosteriorFile.Read(Place);
        Assert.AreEqual(posterior.Metadata, read.Metadata);
        Assert.AreSequenceEqual(posterior.Parameters[0].Curvature!, read.Parameters[0].Curvature!);
        using (var safetensors = SafetensorsReader.Open(Place))
            Assert.IsNull(safetensors.Find("factor/w"));

        var summary = PosteriorSummary.Of(read);
        Assert.AreEqual(0, summary.Total.FactorVariance);
        Assert.AreEqual(posterior.Parameters[0].Diagonal.Average(v => (double)v), summary.Total.Variance, 1e-9);

        var rescaled = new RescaledPosterior(read, new RescaleOptions { Scale = 3, Epsilon = 1 });
        Assert.AreEqual(0, rescaled.Metadata.Rank);
        var values = new float[30];
        rescaled.ReadDiagonal(0, 0, values);
        Assert.AreEqual(3 * posterior.Parameters[0].Diagonal[4] + 1, values[4], 1e-6);

        const int Draws = 4000;
        var squares = 0.0;
        for (var draw = 0; draw < Draws; draw++)
        {
            PosteriorSampler.Draw(read, 0, 1, (ulong)draw, values);
            squares += Math.Pow(values[7] - posterior.Parameters[0].Mean[7], 2) / Draws;
        }
        // Four and a half standard errors of a variance over 4,000 draws.
        Assert.AreEqual(1, squares / posterior.Parameters[0].Diagonal[7], 4.5 * Math.Sqrt(2.0 / Draws));

        var prior = GaussianPrior.Build([PriorSegment.Learned("w", 0, 30, 0)], 64, read, new RescaleOptions { Scale = 2 });
        Assert.AreEqual(0, prior.Rank);
        Assert.AreEqual(1 / (2 * posterior.Parameters[0].Diagonal[3]), prior.Precision[3], 1e-5 * prior.Precision[3]);
    }

    [TestMethod]
    public void A_rescaled_prior_may_keep_its_diagonal_alone()
    {
        var to = Path.Combine(folder, "to.safetensors");
        PosteriorFile.Write(Place, SyntheticPosterior.Make(3, 1, ("w", [30])));
        using (var reader = PosteriorReader.Open(Place))
            RescaledPosterior.Write(to, reader, new RescaleOptions { Scale = 2, Rank = 0 });
        Assert.AreEqual(0, PosteriorFile.Read(to).Metadata.Rank);
    }

    [TestMethod]
    public void Principal_directions_are_kept_as_they_are()
    {
        var made = SyntheticPosterior.Make(4, 1, ("w", [30]));
        var posterior = new Posterior(made.Metadata with { Form = PosteriorForm.SwagPrincipal }, made.Parameters);
        var values = new float[30];
        new RescaledPosterior(posterior, new RescaleOptions { Rank = 1 }).ReadFactor(0, 0, 0, values);
        Assert.AreSequenceEqual(posterior.Parameters[0].Factor[..30], values);
        Assert.Contains("0 (diagonal alone) or 1 to 4", Assert.ThrowsExactly<InvalidPriorException>(() => new RescaledPosterior(posterior, new RescaleOptions { Rank = 5 })).Message);
    }

    [TestMethod]
    public void A_rank_that_the_form_cannot_have_is_refused()
    {
        var tensor = new PosteriorTensor("w", [1], [0], [1], [1, 2]);
        Assert.Contains("has no factor", Assert.ThrowsExactly<InvalidPriorException>(
            () => new Posterior(SyntheticPosterior.Metadata(2) with { Form = PosteriorForm.SwagDiagonal }, [tensor])).Message);
        _ = new Posterior(SyntheticPosterior.Metadata(1) with { Form = PosteriorForm.SwagPrincipal }, [tensor with { Factor = [1] }]);
    }

    [TestMethod]
    public void A_curvature_that_is_negative_or_lacks_beside_others_is_refused()
    {
        var posterior = Laplace(20, 1);
        Assert.ThrowsExactly<InvalidPriorException>(() => new Posterior(posterior.Metadata, [posterior.Parameters[0] with { Curvature = new float[29] }]));
        Assert.ThrowsExactly<InvalidPriorException>(() => new Posterior(posterior.Metadata, [posterior.Parameters[0] with { Curvature = [.. Enumerable.Repeat(-1f, 30)] }]));
        Assert.ThrowsExactly<InvalidPriorException>(() => new Posterior(posterior.Metadata, [posterior.Parameters[0], new PosteriorTensor("v", [1], [1], [1], [])]));
    }

    [TestMethod]
    public void Laplace_parts_add_their_curvatures_up()
    {
        var (a, b) = (Laplace(20, 1), Laplace(50, 2));
        var merged = Merge([a, b], new MergeOptions());

        Assert.AreEqual((70, 0.25), (merged.Metadata.Samples, merged.Metadata.PriorPrecision));
        for (var i = 0; i < 30; i++)
        {
            var sum = (double)a.Parameters[0].Curvature![i] + b.Parameters[0].Curvature![i];
            Assert.AreEqual((float)sum, merged.Parameters[0].Curvature![i]);
            Assert.AreEqual((float)(1 / (sum + 0.25)), merged.Parameters[0].Diagonal[i]);
        }
        Assert.Contains("\"samples\":50", merged.Metadata.Parts!);
        Assert.AreEqual((float)(1 / (a.Parameters[0].Curvature![3] + 8.0)), Merge([a], new MergeOptions { PriorPrecision = 8 }).Parameters[0].Diagonal[3]);
    }

    [TestMethod]
    [DataRow(PosteriorForm.SwagDiagonal)]
    [DataRow(PosteriorForm.SwagPrincipal)]
    public void Moments_of_parts_are_those_of_all_their_weight_vectors(PosteriorForm form)
    {
        double[][] vectors = [.. Enumerable.Range(0, 12).Select(n => SyntheticPosterior.Normals(30, 5, (ulong)n).Select(v => (double)v).ToArray())];
        var (whole, merged) = (Of(vectors, form), Merge([Of(vectors[..4], form), Of(vectors[4..9], form), Of(vectors[9..], form)], new MergeOptions { Rank = form == PosteriorForm.SwagDiagonal ? null : 11 }));

        Assert.AreEqual(12, merged.Metadata.Samples);
        for (var i = 0; i < 30; i++)
        {
            Assert.AreEqual(whole.Parameters[0].Mean[i], merged.Parameters[0].Mean[i], 1e-6);
            Assert.AreEqual(whole.Parameters[0].Diagonal[i], merged.Parameters[0].Diagonal[i], 1e-6);
            // Nothing was left out, so the covariances agree entry by entry, whatever the columns.
            for (var j = 0; j < 30; j++)
                Assert.AreEqual(Entry(whole, i, j), Entry(merged, i, j), 2e-6);
        }
    }

    [TestMethod]
    public void What_does_not_add_up_is_refused_with_the_reason()
    {
        var swag = SyntheticPosterior.Make(3, 1, ("w", [30]));
        Refused("last deviations", new MergeOptions(), swag, swag);
        Assert.AreEqual(80, Merge([swag, swag], new MergeOptions { Rank = 0 }).Metadata.Samples);
        Refused("of the method", new MergeOptions(), Laplace(20, 1), swag);
        Refused("--prior-precision", new MergeOptions(), Laplace(20, 1), new Posterior(Laplace(20, 2).Metadata with { PriorPrecision = 3 }, Laplace(20, 2).Parameters));
        Refused("different weights", new MergeOptions(), Laplace(20, 1), Shifted(Laplace(20, 1)));
        Refused("was rescaled", new MergeOptions { Rank = 0 }, swag, new Posterior(swag.Metadata with { Hyperparameters = """{"rescaled":[]}""" }, swag.Parameters));
        Refused("running statistics", new MergeOptions { Rank = 0 }, swag, new Posterior(swag.Metadata, swag.Parameters, [new PosteriorBuffer("bn", [1], [5])]));
        Refused("two prior files", new MergeOptions(), swag);
        Refused("for Laplace", new MergeOptions { Rank = 0, PriorPrecision = 2 }, swag, swag);
        Assert.ThrowsExactly<PriorMismatchException>(() => Merge([swag, new Posterior(swag.Metadata with { SourceSha256 = "other" }, swag.Parameters)], new MergeOptions { Rank = 0 }));

        void Refused(string why, MergeOptions options, params Posterior[] parts) =>
            Assert.Contains(why, Assert.ThrowsExactly<InvalidPriorException>(() => Merge(parts, options)).Message);

        static Posterior Shifted(Posterior p) => new(p.Metadata, [p.Parameters[0] with { Mean = [.. p.Parameters[0].Mean.Select(v => v + 1)] }]);
    }

    private Posterior Merge(Posterior[] parts, MergeOptions options)
    {
        var readers = new List<PosteriorReader>();
        try
        {
            for (var i = 0; i < parts.Length; i++)
            {
                PosteriorFile.Write(Path.Combine(folder, $"part{i}"), parts[i]);
                readers.Add(PosteriorReader.Open(Path.Combine(folder, $"part{i}")));
            }
            PosteriorMerge.Of(readers, options).Write(Place);
            return PosteriorFile.Read(Place);
        }
        finally
        {
            foreach (var reader in readers)
                reader.Dispose();
        }
    }

    private static Posterior Laplace(int examples, ulong seed)
    {
        const double Tau = 0.25;
        float[] curvature = [.. SyntheticPosterior.Normals(30, seed, 0).Select(z => examples * MathF.Exp(z))];
        var metadata = SyntheticPosterior.Metadata(0) with { Method = "laplace-ggn", Form = PosteriorForm.Laplace, Samples = examples, PriorPrecision = Tau };
        return new Posterior(metadata, [new PosteriorTensor("w", [30], SyntheticPosterior.Normals(30, 9, 1), [.. curvature.Select(v => (float)(1 / (v + Tau)))], []) { Curvature = curvature }]);
    }

    /// <summary>The posterior of weight vectors by definition; its factor all deviations, which leaves nothing out.</summary>
    private static Posterior Of(double[][] vectors, PosteriorForm form)
    {
        var n = vectors.Length;
        double[] mean = [.. Enumerable.Range(0, 30).Select(i => vectors.Average(v => v[i]))];
        var share = form == PosteriorForm.SwagDiagonal ? 1 : 0.5;
        float[] factor = form == PosteriorForm.SwagDiagonal ? [] : [.. vectors.SelectMany(v => v.Select((x, i) => (float)((x - mean[i]) / Math.Sqrt(2.0 * (n - 1)))))];
        return new Posterior(SyntheticPosterior.Metadata(factor.Length / 30) with { Form = form, Samples = n },
            [new PosteriorTensor("w", [30], [.. mean.Select(v => (float)v)], [.. mean.Select((m, i) => (float)(share * vectors.Average(v => Math.Pow(v[i] - m, 2))))], factor)]);
    }

    private static double Entry(Posterior posterior, int i, int j) =>
        Enumerable.Range(0, posterior.Metadata.Rank).Sum(k => (double)posterior.Parameters[0].Factor[30 * k + i] * posterior.Parameters[0].Factor[30 * k + j]);
}
