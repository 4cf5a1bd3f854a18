using System.Runtime.InteropServices;
using System.Security.Cryptography;
using OnnxPriors.Artifacts;
using OnnxPriors.Priors;
using OnnxPriors.Tests.Priors;

namespace OnnxPriors.Tests.Artifacts;

[TestClass]
public sealed class PriorBakerTests
{
    private static readonly TensorShape[] Source = [new("conv", [5, 3, 3]), new("bias", [5]), new("old.fc", [7, 5])];
    private static readonly HashSet<string> Head = ["fc.new"], SourceHead = ["old.fc"];
    private static readonly StateLayout Layout = StateLayout.Of([("conv", [5, 3, 3]), ("bias", [5]), ("fc.new", [2, 5])]);

    private string _folder = null!;

    [TestInitialize]
    public void MakeFolder() => _folder = Directory.CreateTempSubdirectory("onnxpriors-").FullName;

    [TestCleanup]
    public void RemoveFolder() => Directory.Delete(_folder, recursive: true);

    private string PriorPath => Path.Combine(_folder, "p.safetensors");

    private string Step => Directory.CreateDirectory(Path.Combine(_folder, "step")).FullName;

    [TestMethod]
    [DataRow(true)]
    [DataRow(false)]
    public void A_learned_prior_is_written_as_the_update_model_reads_it(bool priorHasOldHead)
    {
        var posterior = SyntheticPosterior.Make(4, 1, [.. Source.Take(priorHasOldHead ? 3 : 2).Select(t => (t.Name, t.Shape.ToArray()))]);
        PosteriorFile.Write(PriorPath, posterior);
        var choice = new PriorChoice
        {
            Kind = PriorKind.Learned,
            Path = PriorPath,
            HeadVariance = 0.5,
            Rescaling = new RescaleOptions { Scale = 2, Epsilon = 1e-4, Rank = 3, Scaling = PriorScaling.Official },
        };
        var baked = PriorBaker.Write(Step, Target(), choice);

        var length = (int)Layout.Length;
        var expected = GaussianPrior.Build(
            [PriorSegment.Learned("conv", 0, 45, 0), PriorSegment.Learned("bias", 64, 5, 1), PriorSegment.Isotropic("fc.new", 128, 10, 0.5)],
            length, posterior, choice.Rescaling);
        Assert.AreSequenceEqual([.. expected.Mean, .. expected.Precision, .. expected.Factor.SelectMany(row => row)], Floats(StepFiles.Prior));
        var theta = Floats(StepFiles.Parameters);
        Assert.AreSequenceEqual(expected.Mean[..128], theta[..128]);
        Assert.AreSequenceEqual(Enumerable.Range(0, 10).Select(i => 128f + i), theta[128..138]);
        Assert.IsTrue(theta[138..].All(x => x == 0));

        Assert.AreEqual("learned", baked.Prior.Kind);
        Assert.AreEqual(3, baked.Prior.Rank);
        Assert.AreEqual("official", baked.Prior.Scaling);
        Assert.AreEqual(expected.EpsilonShare, baked.Prior.EpsilonShare);
        Assert.AreEqual(Convert.ToHexStringLower(SHA256.HashData(File.ReadAllBytes(PriorPath))), baked.Prior.SourcePrior);
        foreach (var file in baked.Files)
            Assert.AreEqual(ManifestFile.Describe(Step, file.Name), file);
    }

    [TestMethod]
    [DataRow(PriorKind.Isotropic)]
    [DataRow(PriorKind.Zero)]
    public void The_baselines_are_isotropic_around_the_source_or_zero(PriorKind kind)
    {
        var baked = PriorBaker.Write(Step, Target(), new PriorChoice { Kind = kind, Rescaling = new RescaleOptions { Scale = 0.25 }, HeadVariance = 2 });
        var length = (int)Layout.Length;
        var (prior, theta) = (Floats(StepFiles.Prior), Floats(StepFiles.Parameters));
        Assert.HasCount(2 * length, prior);
        Assert.AreEqual(0, baked.Prior.Rank);
        foreach (var entry in Layout.Entries)
            for (var i = (int)entry.Offset; i < entry.Offset + entry.Count; i++)
            {
                Assert.AreEqual(i, theta[i]);
                Assert.AreEqual(kind == PriorKind.Isotropic && entry.Name != "fc.new" ? i : 0, prior[i]);
                Assert.AreEqual(entry.Name == "fc.new" ? 0.5f : 4f, prior[length + i]);
            }
    }

    [TestMethod]
    public void Without_a_prior_only_the_parameters_are_written()
    {
        var baked = PriorBaker.Write(Step, Target(), new PriorChoice { Kind = PriorKind.None });
        Assert.AreEqual("none", baked.Prior.Kind);
        Assert.AreEqual(StepFiles.Parameters, Path.GetFileName(Directory.GetFiles(Step).Single()));
    }

    [TestMethod]
    public void Running_statistics_of_the_fit_are_handed_on()
    {
        var posterior = SyntheticPosterior.Make(2, 1, [.. Source.Select(t => (t.Name, t.Shape.ToArray()))]);
        PosteriorFile.Write(PriorPath, new Posterior(posterior.Metadata, posterior.Parameters, [new PosteriorBuffer("bn.mean", [2], [3, 4])]));
        var baked = PriorBaker.Write(Step, Target(), new PriorChoice { Kind = PriorKind.Learned, Path = PriorPath });
        Assert.AreSequenceEqual(new float[] { 3, 4 }, baked.Buffers.Single().Values);
    }

    [TestMethod]
    public void A_prior_of_another_model_a_bad_scale_and_a_bad_variance_leave_nothing()
    {
        PosteriorFile.Write(PriorPath, SyntheticPosterior.Make(2, 1, ("conv", [5, 3, 3]), ("bias", [6]), ("old.fc", [7, 5])));
        var choice = new PriorChoice { Kind = PriorKind.Learned, Path = PriorPath };
        StringAssert.Contains(Assert.ThrowsExactly<PriorMismatchException>(() => PriorBaker.Write(Step, Target(), choice)).Message, "bias is [6] in the prior and [5] in the model");

        PosteriorFile.Write(PriorPath, SyntheticPosterior.Make(2, 1, [.. Source.Select(t => (t.Name, t.Shape.ToArray()))]));
        foreach (var bad in new[]
        {
            choice with { Rescaling = new RescaleOptions { Scale = 0 } },
            choice with { HeadVariance = -1 },
            choice with { Kind = PriorKind.Zero, Rescaling = new RescaleOptions { Scale = -1 } },
            choice with { Path = null },
        })
            Assert.ThrowsExactly<InvalidPriorException>(() => PriorBaker.Write(Step, Target(), bad));
        Assert.IsEmpty(Directory.GetFiles(Step));
    }

    [TestMethod]
    public void Memory_does_not_grow_with_the_model()
    {
        const int Count = 2_000_000, Rank = 5;
        const long PriorBytes = (2 + Rank) * (long)Count * sizeof(float);
        WriteLarge(PriorPath, Count, Rank);
        var layout = StateLayout.Of([("w", [Count])]);
        var target = new PriorTarget(layout, new HashSet<string>(), (_, _, _) => Assert.Fail("the mean is the start"), [new TensorShape("w", [Count])], new HashSet<string>());
        var before = GC.GetTotalAllocatedBytes(precise: true);
        PriorBaker.Write(Step, target, new PriorChoice { Kind = PriorKind.Learned, Path = PriorPath });
        Assert.IsLessThan(PriorBytes / 2, GC.GetTotalAllocatedBytes(precise: true) - before);
        Assert.AreEqual(PriorBytes, new FileInfo(Path.Combine(Step, StepFiles.Prior)).Length);
    }

    private static void WriteLarge(string path, int count, int rank)
    {
        TensorShape[] tensors = [new("mean/w", [count]), new("diagonal/w", [count]), new("factor/w", [rank, count])];
        using var writer = SafetensorsWriter.Create(path, SyntheticPosterior.Metadata(rank).ToStrings(), tensors);
        var values = new float[count];
        for (var part = 0; part < 2 + rank; part++)
        {
            Array.Fill(values, part == 1 ? 1e-3f : 1e-2f / (1 + part));
            writer.Write(values);
        }
        writer.Commit();
    }

    private float[] Floats(string name) => MemoryMarshal.Cast<byte, float>(File.ReadAllBytes(Path.Combine(Step, name))).ToArray();

    /// <summary>Every weight is its own place in the flat state.</summary>
    private static PriorTarget Target() => new(Layout, Head, (entry, start, values) =>
    {
        for (var i = 0; i < values.Length; i++)
            values[i] = entry.Offset + start + i;
    }, Source, SourceHead);
}
