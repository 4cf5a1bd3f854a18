using System.Collections.Immutable;
using System.Text;
using OnnxPriors.Priors;

namespace OnnxPriors.Tests.Priors;

[TestClass]
public sealed class PosteriorFileTests
{
    private string _folder = null!;

    [TestInitialize]
    public void MakeFolder() => _folder = Directory.CreateTempSubdirectory("onnxpriors-").FullName;

    [TestCleanup]
    public void RemoveFolder() => Directory.Delete(_folder, recursive: true);

    private string Place => Path.Combine(_folder, "p.safetensors");

    [TestMethod]
    public void What_is_written_is_read_again()
    {
        var posterior = SyntheticPosterior.Make(3, 1, ("b/c", [2, 3]), ("a", []), ("empty", [0, 4]));
        var buffer = new PosteriorBuffer("bn.running_mean", [2], [1, 2]);
        posterior = new Posterior(posterior.Metadata with { Hyperparameters = """{"learning_rate":0.01}""" }, posterior.Parameters, [buffer]);
        PosteriorFile.Write(Place, posterior);
        var read = PosteriorFile.Read(Place, [.. posterior.Tensors]);

        Assert.AreEqual(posterior.Metadata, read.Metadata);
        Assert.HasCount(3, read.Parameters);
        foreach (var tensor in posterior.Parameters)
        {
            var same = read.Parameters.Single(other => other.Name == tensor.Name);
            Assert.AreSequenceEqual(tensor.Shape.ToArray(), same.Shape.ToArray());
            Assert.AreSequenceEqual(tensor.Mean, same.Mean);
            Assert.AreSequenceEqual(tensor.Diagonal, same.Diagonal);
            Assert.AreSequenceEqual(tensor.Factor, same.Factor);
        }
        Assert.AreSequenceEqual(buffer.Values, read.Buffers.Single().Values);
    }

    [TestMethod]
    public void The_same_posterior_gives_the_same_bytes()
    {
        var posterior = SyntheticPosterior.Make(2, 1, ("w", [9000, 2]), ("v", [5]));
        PosteriorFile.Write(Place, posterior);
        PosteriorFile.Write(Place + "2", posterior);
        Assert.AreSequenceEqual(File.ReadAllBytes(Place), File.ReadAllBytes(Place + "2"));
    }

    [TestMethod]
    public void The_file_follows_the_published_layout_byte_by_byte()
    {
        PosteriorFile.Write(Place, new Posterior(SyntheticPosterior.Metadata(2), [new PosteriorTensor("w", [1], [1], [2], [3, 4])]));
        var bytes = File.ReadAllBytes(Place);
        var header = Encoding.UTF8.GetString(bytes, 8, (int)BitConverter.ToInt64(bytes));
        Assert.Contains("""mean/w":{"dtype":"F32","shape":[1],"data_offsets":[0,4]}""", header);
        Assert.Contains("""factor/w":{"dtype":"F32","shape":[2,1],"data_offsets":[8,16]}""", header);
        Assert.Contains("""normalisation":"sigma=diagonal\u002Bfactor*factor^T; diagonal=variance/2; factor=deviation/sqrt(2(K-1))""", header);
        Assert.AreSequenceEqual(new float[] { 1, 2, 3, 4 }, System.Runtime.InteropServices.MemoryMarshal.Cast<byte, float>(bytes.AsSpan(8 + header.Length)).ToArray());
    }

    [TestMethod]
    public void A_prior_of_another_model_is_refused_and_all_that_does_not_fit_is_named()
    {
        PosteriorFile.Write(Place, SyntheticPosterior.Make(2, 1, ("w", [2, 3]), ("v", [5]), ("old.head", [4])));
        var error = Assert.ThrowsExactly<PriorMismatchException>(() =>
            PosteriorFile.Read(Place, [new TensorShape("w", [3, 2]), new TensorShape("v", [5]), new TensorShape("new", [1])]));
        Assert.HasCount(3, error.Problems);
        Assert.Contains("w is [2, 3] in the prior and [3, 2] in the model", error.Message);
        Assert.Contains("missing: new [1]", error.Message);
        Assert.Contains("not in the model: old.head [4]", error.Message);
    }

    [TestMethod]
    public void A_replaced_head_may_be_in_the_prior()
    {
        var posterior = SyntheticPosterior.Make(2, 1, ("w", [2]), ("old.head", [4]));
        PosteriorCheck.CheckFits(posterior, [new TensorShape("w", [2])], "prior", new HashSet<string> { "old.head" });
    }

    [TestMethod]
    [DataRow("mean/w", 1, float.NaN, "tensor 'mean/w' is not finite (NaN) at element 1")]
    [DataRow("diagonal/w", 2, float.PositiveInfinity, "tensor 'diagonal/w' is not finite (Infinity) at element 2")]
    [DataRow("diagonal/w", 0, -1e-40f, "tensor 'diagonal/w' is negative")]
    [DataRow("factor/w", 4, float.NaN, "tensor 'factor/w' is not finite (NaN) at element 4")]
    public void Values_no_Gaussian_has_are_refused(string tensor, int element, float value, string message)
    {
        PosteriorFile.Write(Place, SyntheticPosterior.Make(2, 1, ("w", [3])));
        Overwrite(tensor, element, value);
        var error = Assert.ThrowsExactly<InvalidPriorException>(() => PosteriorFile.Read(Place));
        Assert.Contains(message, error.Message);
        Assert.Contains(Place, error.Message);
    }

    [TestMethod]
    [DataRow("format", "something", "no prior")]
    [DataRow("version", "2", "version='2'")]
    [DataRow("normalisation", "sigma=diagonal", "normalisation='sigma=diagonal'")]
    [DataRow("rank", "1", "rank K of at least 2")]
    [DataRow("rank", "-3", "not a whole number")]
    [DataRow("samples", "many", "not a whole number")]
    [DataRow("source_sha256", null, "lacks 'source_sha256'")]
    public void Metadata_that_fixes_no_meaning_is_refused(string key, string? value, string message)
    {
        var metadata = SyntheticPosterior.Metadata(2).ToStrings();
        metadata = value is null ? metadata.Remove(key) : metadata.SetItem(key, value);
        WriteRaw(metadata, new("mean/w", [1]), new("diagonal/w", [1]), new("factor/w", [2, 1]));
        Assert.Contains(message, Assert.ThrowsExactly<InvalidPriorException>(() => PosteriorReader.Open(Place)).Message);
    }

    [TestMethod]
    public void A_file_that_lacks_parts_is_refused()
    {
        var metadata = SyntheticPosterior.Metadata(2).ToStrings();
        TensorShape mean = new("mean/w", [3]), diagonal = new("diagonal/w", [3]), factor = new("factor/w", [2, 3]);
        Refused("'w' has no diagonal", mean, factor);
        Refused("'w' has no factor", mean, diagonal);
        Refused("'diagonal/w' has no mean", diagonal, factor);
        Refused("rank 2 needs factor [2, 3]", mean, diagonal, factor with { Shape = [3, 3] });
        Refused("diagonal [4]", mean, diagonal with { Shape = [4] }, factor);
        Refused("'weight' is none of", mean, diagonal, factor, new TensorShape("weight", [1]));
        Refused("holds no parameter");

        void Refused(string message, params TensorShape[] tensors)
        {
            WriteRaw(metadata, tensors);
            Assert.Contains(message, Assert.ThrowsExactly<InvalidPriorException>(() => PosteriorReader.Open(Place)).Message);
        }
    }

    [TestMethod]
    public void A_rank_of_one_cannot_be_made()
    {
        var tensor = new PosteriorTensor("w", [1], [0], [1], [1]);
        Assert.Contains("K ≥ 2", Assert.ThrowsExactly<InvalidPriorException>(() => new Posterior(SyntheticPosterior.Metadata(1), [tensor])).Message);
    }

    private void WriteRaw(ImmutableSortedDictionary<string, string> metadata, params TensorShape[] tensors)
    {
        using var writer = SafetensorsWriter.Create(Place, metadata, tensors);
        foreach (var tensor in tensors)
            writer.Write(new float[tensor.Count]);
        writer.Commit();
    }

    private void Overwrite(string tensor, int element, float value)
    {
        long offset;
        using (var reader = SafetensorsReader.Open(Place))
            offset = reader.Find(tensor)!.Offset + element * sizeof(float);
        using var stream = File.OpenWrite(Place);
        stream.Position = offset;
        stream.Write(BitConverter.GetBytes(value));
    }
}
