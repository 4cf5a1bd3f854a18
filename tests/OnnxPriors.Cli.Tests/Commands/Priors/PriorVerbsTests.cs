using System.Text.Json.Nodes;
using OnnxPriors.Cli.Commands;
using OnnxPriors.Priors;

namespace OnnxPriors.Cli.Tests.Commands.Priors;

[TestClass]
public sealed class PriorVerbsTests
{
    private string _folder = null!;

    [TestInitialize]
    public void MakeFolder()
    {
        _folder = Directory.CreateTempSubdirectory("onnxpriors-").FullName;
        var metadata = new PosteriorMetadata { Method = "swag", Rank = 3, Samples = 20, SourceSha256 = new string('b', 64), Seed = 9, Hyperparameters = """{"learning_rate":0.01}""" };
        PosteriorFile.Write(Prior, new Posterior(metadata,
        [
            new PosteriorTensor("conv.weight", [2, 2], [1, 1, 1, 1], [1, 1, 1, 0], [1, 0, 0, 0, 1, 0, 0, 0, 1, 0, 0, 0]),
            new PosteriorTensor("conv.bias", [1], [3], [2], [0, 0, 0]),
        ]));
    }

    [TestCleanup]
    public void RemoveFolder() => Directory.Delete(_folder, recursive: true);

    private string Prior => Path.Combine(_folder, "prior.safetensors");

    private string Out => Path.Combine(_folder, "out.safetensors");

    [TestMethod]
    public void Info_prints_what_the_file_holds()
    {
        var text = Run("info", Prior, "--tensors");
        Assert.Contains("swag, rank 3, 20 samples, seed 9", text);
        Assert.Contains("5 in 2 tensors", text);
        Assert.Contains("1 parameters (20.00", text);
        Assert.Contains("conv.weight [2, 2]", text);
    }

    [TestMethod]
    public void Info_as_json_can_be_read_by_programs()
    {
        var json = JsonNode.Parse(Run("info", Prior, "--json"))!;
        Assert.AreEqual(3, (int)json["rank"]!);
        Assert.AreEqual(5, (long)json["total"]!["parameters"]!);
        Assert.AreEqual(1.0, (double)json["total"]!["diagonalVariance"]!);
        Assert.AreEqual(0.01, (double)json["hyperparameters"]!["learning_rate"]!);
        Assert.AreEqual("conv.bias", (string)json["tensors"]![1]!["name"]!);
    }

    [TestMethod]
    public void Sample_writes_draws_that_the_seed_repeats()
    {
        Run("sample", Prior, "-o", Out, "--draws", "4", "--seed", "5");
        var first = File.ReadAllBytes(Out);
        using (var reader = SafetensorsReader.Open(Out))
            Assert.AreSequenceEqual(new long[] { 4, 2, 2 }, reader.Find("conv.weight")!.Shape);
        Run("sample", Prior, "-o", Out, "--draws", "4", "--seed", "5");
        Assert.AreSequenceEqual(first, File.ReadAllBytes(Out));
        Run("sample", Prior, "-o", Out, "--draws", "4", "--seed", "6");
        Assert.AreNotSequenceEqual(first, File.ReadAllBytes(Out));
    }

    [TestMethod]
    public void Rescale_writes_a_prior_file()
    {
        Assert.Contains("λ = 4", Run("rescale", Prior, "-o", Out, "--scale", "4", "--epsilon", "0.5", "--scaling", "official-unscaled"));
        var tensor = PosteriorFile.Read(Out).Parameters[0];
        Assert.AreSequenceEqual(new[] { 4.5f, 4.5f, 4.5f, 0.5f }, tensor.Diagonal);
        Assert.AreEqual(1, tensor.Factor[0]);
    }

    [TestMethod]
    [DataRow("rescale", "--scale", "0")]
    [DataRow("rescale", "--epsilon", "-1")]
    [DataRow("rescale", "--rank", "1")]
    [DataRow("sample", "--rank", "7")]
    public void Options_out_of_range_leave_no_file(string verb, string option, string value)
    {
        var (code, _, error) = RunAll("prior", verb, Prior, "-o", Out, option, value);
        Assert.AreEqual(ExitCode.BadInput, code);
        Assert.StartsWith("error: ", error);
        Assert.IsFalse(File.Exists(Out));
    }

    [TestMethod]
    [DataRow("sample", "--draws", "0")]
    [DataRow("rescale", "--scaling", "other")]
    public void What_the_command_line_refuses_is_a_usage_error(string verb, string option, string value) =>
        Assert.AreEqual(ExitCode.BadInput, RunAll("prior", verb, Prior, "-o", Out, option, value).Code);

    private static string Run(params string[] arguments)
    {
        var (code, output, error) = RunAll(["prior", .. arguments]);
        Assert.AreEqual(ExitCode.Done, code, error);
        return output;
    }

    private static (int Code, string Output, string Error) RunAll(params string[] arguments)
    {
        using var output = new StringWriter();
        using var error = new StringWriter();
        return (CommandLine.Run(arguments, output, error), output.ToString(), error.ToString());
    }
}
