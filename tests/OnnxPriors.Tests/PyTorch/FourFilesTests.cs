using OnnxPriors.Priors;
using OnnxPriors.PyTorch;
using OnnxPriors.Tests.Priors;

namespace OnnxPriors.Tests.PyTorch;

[TestClass]
public sealed class FourFilesTests
{
    // √2 and 1/√2 in float32, one after the other.
    private const double Rounding = 2.4e-7;

    private static readonly string Sha = new('a', 64);

    private string folder = null!;

    [TestInitialize]
    public void MakeFolder() => folder = Directory.CreateTempSubdirectory("onnxpriors-").FullName;

    [TestCleanup]
    public void RemoveFolder() => Directory.Delete(folder, recursive: true);

    [TestMethod]
    [DataRow(PosteriorForm.Swag, 3)]
    [DataRow(PosteriorForm.SwagPrincipal, 1)]
    [DataRow(PosteriorForm.Unhalved, 2)]
    [DataRow(PosteriorForm.SwagDiagonal, 0)]
    public void What_is_written_is_read_again_by_the_statement_beside_it(PosteriorForm form, int rank)
    {
        var posterior = Posterior(form, rank);
        FourFiles.Write(folder, "p", posterior, [0, 1], [(new TensorShape("bn.running_mean", [2]), [7, 8])]);
        using var read = FourFiles.Open(folder, null, null, Sha);

        Assert.AreEqual(posterior.Metadata with { Producer = "" }, read.Metadata with { Producer = "" });
        Assert.AreSequenceEqual(posterior.Tensors, read.Tensors);
        Assert.AreSequenceEqual(["bn.running_mean"], read.Statistics.Select(t => t.Name));
        var path = Path.Combine(folder, "p.safetensors");
        read.WritePrior(path, read.Statistics);
        var again = PosteriorFile.Read(path);
        Assert.AreSequenceEqual(new float[] { 7, 8 }, again.Buffers.Single().Values);
        foreach (var (a, b) in posterior.Parameters.Zip(again.Parameters))
        {
            Assert.AreSequenceEqual(a.Mean, b.Mean);
            Assert.AreSequenceEqual(a.Diagonal, b.Diagonal);
            for (var i = 0; i < a.Factor.Length; i++)
                Assert.AreEqual(a.Factor[i], b.Factor[i], Rounding * Math.Abs(a.Factor[i]));
        }
    }

    [TestMethod]
    [DataRow(FourFileNormalisation.Paper, 1.0)]
    [DataRow(FourFileNormalisation.Swag, 0.5)]
    [DataRow(FourFileNormalisation.Deviations, 0.5)]
    public void The_covariance_is_what_the_normalisation_says(FourFileNormalisation normalisation, double half)
    {
        WriteNumbers();
        using var read = FourFiles.Open(folder, "n", normalisation, Sha);
        var values = new float[3];
        read.ReadDiagonal(0, 0, values);
        Assert.AreSequenceEqual(new[] { (float)half * 1, (float)half * 2, (float)half * 3 }, values);
        double divided = normalisation == FourFileNormalisation.Deviations ? 3 : 1;
        for (var k = 0; k < 4; k++)
        {
            read.ReadFactor(0, k, 0, values);
            for (var i = 0; i < 3; i++)
                Assert.AreEqual(Math.Sqrt(half / divided) * (10 * k + i + 1), values[i], 1e-5);
        }
        Assert.AreEqual(4, read.Metadata.Rank);
        Assert.AreEqual(normalisation == FourFileNormalisation.Paper ? PosteriorForm.Unhalved : PosteriorForm.Swag, read.Metadata.Form);
    }

    /// <summary>The paper's code: variance = scale · variance + ε, the first n rows as they are or, on request, times the scale.</summary>
    [TestMethod]
    [DataRow(PriorScaling.Official, 5.0)]
    [DataRow(PriorScaling.OfficialUnscaled, 1.0)]
    public void Rescaled_as_the_papers_code_does_the_first_rows_are_taken_as_they_are(PriorScaling scaling, double factor)
    {
        WriteNumbers();
        using var files = FourFiles.Open(folder, "n", FourFileNormalisation.Paper, Sha);
        var rescaled = new RescaledPosterior(files, new RescaleOptions { Scale = 5, Epsilon = 0.1, Rank = 2, Scaling = scaling });
        var values = new float[3];
        rescaled.ReadDiagonal(0, 0, values);
        Assert.AreEqual(5 * 2 + 0.1, values[1], 1e-5);
        Assert.AreEqual(2, rescaled.Metadata.Rank);
        rescaled.ReadFactor(0, 1, 0, values);
        Assert.AreEqual(factor * 12, values[1], 1e-4);
    }

    [TestMethod]
    public void Without_a_statement_the_reader_must_be_told_and_with_one_must_not()
    {
        WriteNumbers();
        Assert.Contains("--normalisation paper", Assert.ThrowsExactly<TorchFileException>(() => FourFiles.Open(folder, "n", null, Sha)).Message);
        FourFiles.Write(folder, "p", Posterior(PosteriorForm.Swag, 2), [0, 1], []);
        Assert.Contains("leave --normalisation out", Assert.ThrowsExactly<TorchFileException>(() => FourFiles.Open(folder, "p", FourFileNormalisation.Swag, Sha)).Message);
        Assert.Contains("n, p", Assert.ThrowsExactly<TorchFileException>(() => FourFiles.Open(folder, null, null, Sha)).Message);
    }

    [TestMethod]
    [DataRow("mean", "[4]", new long[] { 4 })]
    [DataRow("mean", "[3, 1]", new long[] { 3, 1 })]
    [DataRow("variance", "[2]", new long[] { 2 })]
    [DataRow("covmat", "[4, 2]", new long[] { 4, 2 })]
    [DataRow("covmat", "[3]", new long[] { 3 })]
    [DataRow("covmat", "1 row", new long[] { 1, 3 })]
    public void A_tensor_of_the_wrong_shape_is_named(string part, string shown, long[] shape)
    {
        WriteNumbers();
        TorchArchiveWriter.WriteTensor(Path.Combine(folder, $"n_{part}.pt"), [.. shape], (_, values) => values.Fill(1));
        var error = Assert.ThrowsExactly<TorchFileException>(() => FourFiles.Open(folder, "n", FourFileNormalisation.Paper, Sha));
        Assert.Contains($"n_{part}.pt", error.Message);
        Assert.Contains(shown, error.Message);
    }

    [TestMethod]
    public void A_missing_file_and_numbers_no_Gaussian_has_are_refused()
    {
        Assert.Contains("NAME_mean.pt", Assert.ThrowsExactly<TorchFileException>(() => FourFiles.Open(folder, null, FourFileNormalisation.Paper, Sha)).Message);
        WriteNumbers();
        TorchArchiveWriter.WriteTensor(Path.Combine(folder, "n_variance.pt"), [3], (_, values) => values.Fill(-1));
        using (var files = FourFiles.Open(folder, "n", FourFileNormalisation.Paper, Sha))
            Assert.Contains("negative", Assert.ThrowsExactly<InvalidPriorException>(() => files.WritePrior(Path.Combine(folder, "x"), [])).Message);
        Assert.IsFalse(File.Exists(Path.Combine(folder, "x")));
        File.Delete(Path.Combine(folder, "n_covmat.pt"));
        Assert.Contains("n_covmat.pt", Assert.ThrowsExactly<TorchFileException>(() => FourFiles.Open(folder, "n", FourFileNormalisation.Paper, Sha)).Message);
    }

    [TestMethod]
    public void Coordinates_follow_the_state_dictionary_without_its_statistics()
    {
        FourFiles.Write(folder, "p", Posterior(PosteriorForm.Swag, 2), [1, 0], [(new TensorShape("bn.running_var", [1]), [1])]);
        using var mean = TorchArchive.Open(Path.Combine(folder, "p_mean.pt"));
        var posterior = Posterior(PosteriorForm.Swag, 2);
        Assert.AreSequenceEqual(posterior.Parameters[1].Mean.Concat(posterior.Parameters[0].Mean).ToArray(), mean.ReadSingles((TorchTensor)mean.Root!));
        using var covariance = TorchArchive.Open(Path.Combine(folder, "p_covmat.pt"));
        Assert.AreSequenceEqual(new long[] { 2, 11 }, ((TorchTensor)covariance.Root!).Shape);
    }

    private static Posterior Posterior(PosteriorForm form, int rank)
    {
        var made = SyntheticPosterior.Make(Math.Max(2, rank), 3, ("conv.weight", [2, 3]), ("conv.bias", [5]));
        return new Posterior(made.Metadata with { Form = form, Rank = rank, SourceSha256 = Sha }, [.. made.Parameters.Select(t => t with { Factor = t.Factor[..(rank * t.Mean.Length)] })]);
    }

    /// <summary>One parameter [3]: variances 1, 2, 3 and four rows of 10 k + 1, 2, 3.</summary>
    private void WriteNumbers()
    {
        TorchArchiveWriter.WriteDictionary(Path.Combine(folder, "n_model.pt"), [(new TensorShape("w", [3]), (_, values) => values.Fill(1))]);
        TorchArchiveWriter.WriteTensor(Path.Combine(folder, "n_mean.pt"), [3], (_, values) => values.Fill(1));
        TorchArchiveWriter.WriteTensor(Path.Combine(folder, "n_variance.pt"), [3], Counting(3));
        TorchArchiveWriter.WriteTensor(Path.Combine(folder, "n_covmat.pt"), [4, 3], Counting(3));

        static FillTensor Counting(int columns) => (start, values) =>
        {
            for (var i = 0; i < values.Length; i++)
                values[i] = 10 * ((start + i) / columns) + (start + i) % columns + 1;
        };
    }
}
