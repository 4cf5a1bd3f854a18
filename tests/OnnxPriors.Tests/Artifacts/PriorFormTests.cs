using System.Runtime.InteropServices;
using OnnxPriors.Artifacts;
using OnnxPriors.Priors;
using OnnxPriors.Tests.Priors;

namespace OnnxPriors.Tests.Artifacts;

/// <summary>What of a learned covariance is baked, and in which form.</summary>
[TestClass]
public sealed class PriorFormTests
{
    private const int Rank = 4;

    private static readonly StateLayout Layout = StateLayout.Of([("conv", [5, 30]), ("bias", [5]), ("fc", [2, 5])]);
    private static readonly Posterior Posterior = SyntheticPosterior.Make(Rank, 1, ("conv", [5, 30]), ("bias", [5]));
    private static readonly RescaleOptions Rescaling = new() { Scale = 3, Epsilon = 1e-5 };

    private string folder = null!;

    [TestInitialize]
    public void MakeFolder() => folder = Directory.CreateTempSubdirectory("onnxpriors-").FullName;

    [TestCleanup]
    public void RemoveFolder() => Directory.Delete(folder, recursive: true);

    [TestMethod]
    public void The_diagonal_shape_keeps_each_weights_variance_and_no_correlation()
    {
        foreach (var rescaling in (RescaleOptions[])[Rescaling, Rescaling with { Rank = 3 }, Rescaling with { Scaling = PriorScaling.Official }])
        {
            var baked = Bake(Choice() with { Shape = PriorShape.Diagonal, Rescaling = rescaling });
            Assert.AreEqual("diagonal", baked.Prior.Shape);
            Assert.AreEqual(0, baked.Prior.Rank);
            var flat = Flat();
            Assert.HasCount(2 * (int)Layout.Length, flat);
            var dense = DenseGaussian.Of(Posterior, rescaling);
            var at = 0;
            foreach (var entry in Layout.Entries.Take(2))
                for (var i = entry.Offset; i < entry.Offset + entry.Count; i++, at++)
                    Assert.AreEqual(1, flat[Layout.Length + i] * dense.Covariance(at, at), 1e-5);
            Assert.AreEqual(flat[(int)Layout.Length..].Max(), (float)baked.Prior.LargestPrecision!.Value);
        }
    }

    [TestMethod]
    [DataRow(PriorStep.Plain)]
    [DataRow(PriorStep.Proximal)]
    public void The_permuted_shape_keeps_each_tensors_rows_and_their_means_and_loses_their_places(PriorStep step)
    {
        var choice = Choice() with { Step = step };
        Bake(choice);
        var full = Flat();
        var baked = Bake(choice with { Shape = PriorShape.Permuted, PermutationSeed = 7 });
        var permuted = Flat();
        Assert.AreEqual("permuted", baked.Prior.Shape);
        Assert.AreEqual(7UL, baked.Prior.PermutationSeed);
        Assert.AreEqual(Rank, baked.Prior.Rank);
        Assert.AreSequenceEqual(full[..(int)Layout.Length], permuted[..(int)Layout.Length], "the means stay");
        // The plain form's B mixes all of a tensor's rows alike, so there too a row goes as a whole, up to the order of summation.
        foreach (var entry in Layout.Entries.Take(2))
        {
            var (rows, others) = (Rows(full, entry), Rows(permuted, entry));
            Assert.IsFalse(rows.SequenceEqual(others), entry.Name);
            Assert.AreSequenceEqual(rows.Order(), others.Order(), entry.Name);
        }
        Assert.IsEmpty(Directory.GetFiles(folder, ".permuted*"), "the scratch file is gone");
        Bake(choice with { Shape = PriorShape.Permuted, PermutationSeed = 7 });
        Assert.AreSequenceEqual(permuted, Flat());
        Bake(choice with { Shape = PriorShape.Permuted, PermutationSeed = 8 });
        Assert.IsFalse(permuted.SequenceEqual(Flat()));
    }

    [TestMethod]
    public void The_proximal_form_holds_mean_variance_and_factor_as_rescaled()
    {
        var baked = Bake(Choice() with { Step = PriorStep.Proximal });
        Assert.IsTrue(baked.Prior.IsProximal);
        var (flat, dense, at) = (Flat(), DenseGaussian.Of(Posterior, Rescaling), 0);
        foreach (var entry in Layout.Entries.Take(2))
            for (var i = (int)entry.Offset; i < entry.Offset + entry.Count; i++, at++)
            {
                Assert.AreEqual(dense.Mean[at], flat[i]);
                Assert.AreEqual((float)dense.Diagonal[at], flat[Layout.Length + i]);
                for (var k = 0; k < Rank; k++)
                    Assert.AreEqual(dense.Factor[k][at], flat[(2 + k) * Layout.Length + i], 1e-6 * Math.Abs(dense.Factor[k][at]));
            }
        var head = Layout["fc"];
        Assert.AreEqual(0.5f, flat[Layout.Length + head.Offset]);
        Assert.AreEqual(1f, flat[Layout.Length + head.Offset + head.Count], "a gap");
    }

    [TestMethod]
    public void A_variance_of_zero_is_refused_in_the_plain_form_and_taken_in_the_proximal_one()
    {
        var parameters = Posterior.Parameters;
        Array.Clear(parameters[1].Diagonal);
        try
        {
            var choice = Choice() with { Rescaling = new RescaleOptions { Scale = 1 } };
            Assert.Contains("--epsilon", Assert.ThrowsExactly<InvalidPriorException>(() => Bake(choice)).Message);
            Bake(choice with { Step = PriorStep.Proximal });
            Assert.AreEqual(0f, Flat()[Layout.Length + Layout["bias"].Offset]);
            var learning = choice with { Step = PriorStep.Proximal, LearnsScale = true };
            Assert.Contains("0 on 5 weights", Assert.ThrowsExactly<InvalidPriorException>(() => Bake(learning)).Message);
        }
        finally
        {
            SyntheticPosterior.Make(Rank, 1, ("conv", [5, 30]), ("bias", [5])).Parameters[1].Diagonal.CopyTo(parameters[1].Diagonal, 0);
        }
    }

    [TestMethod]
    public void What_the_evidence_bound_needs_is_that_of_the_dense_covariance()
    {
        var evidence = Bake(Choice() with { Step = PriorStep.Proximal, LearnsScale = true }).Prior.Evidence!;
        var dense = DenseGaussian.Of(Posterior, Rescaling);
        Assert.AreEqual(155, evidence.Features.Count);
        Assert.AreEqual(dense.LogDeterminant, evidence.Features.LogDeterminant, 1e-4);
        var trace = Enumerable.Range(0, dense.Size).Sum(i => dense.Gradient([.. Enumerable.Range(0, dense.Size).Select(j => i == j ? 1.0 : 0)])[i]);
        Assert.AreEqual(1, evidence.Features.Trace / trace, 1e-5);
        Assert.AreEqual(10, evidence.Head.Count);
        Assert.AreEqual(20, evidence.Head.Trace, 1e-9);
        Assert.AreEqual(10 * Math.Log(0.5), evidence.Head.LogDeterminant, 1e-9);
    }

    [TestMethod]
    public void Options_that_do_not_go_together_are_refused()
    {
        foreach (var bad in (PriorChoice[])
        [
            new() { Kind = PriorKind.Isotropic, Shape = PriorShape.Permuted },
            Choice() with { LearnsScale = true },
            new() { Kind = PriorKind.None, LearnsScale = true, Step = PriorStep.Proximal },
            Choice() with { LearnsScale = true, Step = PriorStep.Proximal, Rescaling = Rescaling with { Scaling = PriorScaling.Official } },
        ])
            Assert.ThrowsExactly<InvalidPriorException>(() => Bake(bad));
    }

    private static IEnumerable<string> Rows(float[] flat, StateEntry entry) => Enumerable.Range((int)entry.Offset, (int)entry.Count).Select(i =>
        string.Join(' ', Enumerable.Range(1, 1 + Rank).Select(row => flat[row * (int)Layout.Length + i].ToString("E4", System.Globalization.CultureInfo.InvariantCulture))));

    private PriorChoice Choice()
    {
        var path = Path.Combine(folder, "p.safetensors");
        PosteriorFile.Write(path, Posterior);
        return new PriorChoice { Kind = PriorKind.Learned, Path = path, Rescaling = Rescaling, HeadVariance = 0.5 };
    }

    private BakedPrior Bake(PriorChoice choice) => PriorBaker.Write(
        folder, new PriorTarget(Layout, new HashSet<string> { "fc" }, (_, _, values) => values.Clear(), [.. Posterior.Tensors], new HashSet<string>()), choice);

    private float[] Flat() => MemoryMarshal.Cast<byte, float>(File.ReadAllBytes(Path.Combine(folder, StepFiles.Prior))).ToArray();
}
