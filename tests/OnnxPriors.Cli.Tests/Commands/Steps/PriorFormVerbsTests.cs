using System.Globalization;
using System.Text.Json.Nodes;
using OnnxPriors.Artifacts;
using OnnxPriors.Cli.Commands;
using OnnxPriors.Graphs;
using OnnxPriors.Onnx;
using OnnxPriors.Priors;

namespace OnnxPriors.Cli.Tests.Commands.Steps;

/// <summary>A learned prior's shapes, the proximal step, the learned scale and ensembles, from the command line.</summary>
[TestClass]
public sealed class PriorFormVerbsTests : IDisposable
{
    private readonly string folder = Directory.CreateTempSubdirectory("forms").FullName;

    public PriorFormVerbsTests()
    {
        var random = new Random(3);
        var b = new GraphBuilder();
        var x = b.Input("x", ElementType.Float, [Dimension.Symbolic("batch"), 4]);
        var hidden = b.Relu(b.Gemm(x, Weights("hidden.weight", 4, 16), Weights("hidden.bias", 16)));
        OnnxFile.Save(Model.Canonical(b.Build([("scores", b.Gemm(hidden, Weights("head.weight", 16, 5), Weights("head.bias", 5)))])), In("source.onnx"));
        string[] names = ["aster", "bellis", "crocus"];
        File.WriteAllLines(In("data.csv"), Enumerable.Range(0, 150).Select(i =>
        {
            var numbers = Enumerable.Range(0, 4).Select(j => ((i % 3 == j ? 1.5 : 0) + random.NextDouble()).ToString("F4", CultureInfo.InvariantCulture));
            return $"{string.Join(',', numbers)},{names[i % 3]}";
        }).Prepend("a,b,c,d,label"));

        Value Weights(string name, params long[] shape) => b.Parameter(
            name, TensorData.Of([.. Enumerable.Range(0, (int)shape.Aggregate((p, q) => p * q)).Select(_ => (float)(random.NextDouble() - 0.5))], [.. shape]));
    }

    public void Dispose() => Directory.Delete(folder, recursive: true);

    [TestMethod]
    [DataRow("full", 3)]
    [DataRow("diagonal", 0)]
    [DataRow("permuted", 3)]
    public void A_learned_prior_of_each_shape_is_baked_and_trains_where_the_plain_step_diverges(string shape, int rank)
    {
        // Variances down to 1e-12: at the rate of 0.1 and w = 1/30 the plain form would need 1e-3.
        WritePrior(1e-12f);
        string[] bake = ["bake", In("source.onnx"), "--prior", In("prior.safetensors"), "--allow-other-source", "--epsilon", "0", "--classes", "3", "--prior-shape", shape];
        var report = Json([.. bake, "-o", In("step")]);
        Assert.AreEqual("proximal", report["priorStep"]!.GetValue<string>());
        var prior = ManifestFile.Read(In("step")).Prior;
        Assert.AreEqual(rank, prior.Rank);
        Assert.AreEqual(shape == "full" ? null : shape, prior.Shape);
        string[] train = ["--data", In("data.csv"), "--examples-per-class", "10", "--epochs", "20", "--learning-rate", "0.1"];
        var (code, _, error) = Run(["train", In("step"), .. train, "-o", In("run")]);
        Assert.AreEqual(ExitCode.Done, code, error);
        Assert.DoesNotContain("will diverge", error);
        Assert.IsGreaterThan(0.8, Json("evaluate", In("run"), "--data", In("data.csv"))["accuracy"]!.GetValue<double>());

        Json([.. bake, "--prior-step", "plain", "-o", In("plain")]);
        (code, _, error) = Run(["train", In("plain"), .. train, "-o", In("diverged")]);
        Assert.AreEqual(ExitCode.Failed, code);
        Assert.Contains("will diverge", error);
        Assert.Contains("--prior-step proximal", error);
    }

    [TestMethod]
    public void A_scale_that_a_run_learned_is_baked_into_the_next_step()
    {
        string[] bake = ["bake", In("source.onnx"), "--prior", "isotropic", "--classes", "3"];
        Json([.. bake, "--scale", "0.5", "--head-variance", "2", "--learn-scale", "-o", In("learning")]);
        string[] train = ["--data", In("data.csv"), "--examples-per-class", "20", "--epochs", "40", "--learning-rate", "0.05"];
        var scale = Json(["train", In("learning"), .. train, "-o", In("scale")])["scale"]!;
        Assert.IsGreaterThan(0.85, Json("evaluate", In("scale"), "--data", In("data.csv"))["accuracy"]!.GetValue<double>());
        Json([.. bake, "--scale-from", In("scale"), "-o", In("step")]);
        var prior = ManifestFile.Read(In("step")).Prior;
        Assert.AreEqual(0.5 * scale["scale"]!.GetValue<double>(), prior.Scale);
        Assert.AreEqual(2 * scale["headScale"]!.GetValue<double>(), prior.HeadVariance);
        Json(["train", In("step"), .. train, "-o", In("run")]);
        Assert.Contains("learned no scale", Refused([.. bake, "--scale-from", In("run"), "-o", In("no")]));
        Assert.Contains("--head-variance", Refused([.. bake, "--scale-from", In("scale"), "--head-variance", "1", "-o", In("no")]));
        Assert.Contains("isotropic of the shape full", Refused(["bake", In("source.onnx"), "--prior", "zero", "--classes", "3", "--scale-from", In("scale"), "-o", In("no")]));
        Assert.Contains("--prior-step proximal", Refused([.. bake, "--learn-scale", "--optimizer", "sghmc", "-o", In("no")]));
        Assert.Contains("--prior-step plain", Refused([.. bake, "--prior-step", "proximal", "--optimizer", "adamw", "-o", In("no")]));
        Assert.IsFalse(Directory.Exists(In("no")));
    }

    [TestMethod]
    public void Runs_of_several_seeds_are_measured_and_exported_as_one()
    {
        string[] bake = ["bake", In("source.onnx"), "--prior", "zero", "--classes", "3"];
        Json([.. bake, "-o", In("one")]);
        // Another step: what of it does not train is another file's.
        Json([.. bake, "--train", "head", "-o", In("two")]);
        foreach (var (run, step, seed) in new[] { ("a", "one", "1"), ("b", "one", "2"), ("c", "two", "3") })
            Json("train", In(step), "--data", In("data.csv"), "--examples-per-class", "10", "--epochs", "10", "--learning-rate", "0.1", "--seed", seed, "-o", In(run));
        var measured = Json("evaluate", In("a"), In("b"), In("c"), "--data", In("data.csv"));
        Assert.AreEqual(3, measured["samples"]!.GetValue<int>());
        Assert.AreEqual("held out", measured["part"]!.GetValue<string>());
        // 120 that one run has not seen, and of the 150 fewer that none has: 30 a run, drawn apart.
        Assert.IsLessThan(120, measured["examples"]!.GetValue<int>());
        Assert.IsGreaterThanOrEqualTo(60, measured["examples"]!.GetValue<int>());

        var exported = Json("export", In("a"), In("b"), In("c"), "-o", In("model.onnx"));
        Assert.AreEqual(3, exported["samples"]!.GetValue<int>());
        var all = Json("evaluate", In("a"), In("b"), In("c"), "--data", In("data.csv"), "--split", "all");
        var again = Json("evaluate", In("model.onnx"), "--data", In("data.csv"), "--split", "all");
        foreach (var number in (string[])["accuracy", "nll", "brier", "examples"])
            Assert.AreEqual(all[number]!.GetValue<double>(), again[number]!.GetValue<double>(), 1e-5, number);

        var distilled = Json("export", In("a"), In("b"), In("c"), "--distill", In("one"), "--data", In("data.csv"), "--epochs", "200", "--learning-rate", "0.05", "-o", In("small.onnx"));
        Assert.AreEqual(1, distilled["samples"]!.GetValue<int>());
        Assert.IsGreaterThan(0.85, distilled["agreement"]!.GetValue<double>());
        Assert.IsLessThan(0.1, distilled["divergence"]!.GetValue<double>());
        Assert.IsEmpty(Directory.GetFileSystemEntries(folder, ".*"), "the student's run is gone");
        Json("evaluate", In("small.onnx"), "--data", In("data.csv"));

        Json("bake", In("source.onnx"), "--prior", "zero", "--classes", "4", "-o", In("four"));
        File.WriteAllText(In("more.csv"), File.ReadAllText(In("data.csv")) + "1,1,1,1,daisy\n");
        Json("train", In("four"), "--data", In("more.csv"), "--epochs", "1", "-o", In("d"));
        Assert.Contains("other classes", Refused("evaluate", In("a"), In("d"), "--data", In("data.csv")));
    }

    // A posterior of the source's weights, as a fit writes it; some of its variances are tiny.
    private void WritePrior(float variance)
    {
        var model = OnnxFile.Load(In("source.onnx"));
        var random = new Random(4);
        var tensors = model.Graph.Parameters.Where(p => p.Name.StartsWith("hidden", StringComparison.Ordinal)).Select(p =>
        {
            var mean = p.Data!.ToSingle();
            float[] diagonal = [.. mean.Select((_, i) => i % 2 == 0 ? variance : 0.1f)];
            float[] factor = [.. Enumerable.Range(0, 3 * mean.Length).Select(i => (float)((random.NextDouble() - 0.5) * Math.Sqrt(diagonal[i % mean.Length])))];
            return new PosteriorTensor(p.Name, [.. p.Data!.Dimensions], mean, diagonal, factor);
        });
        PosteriorFile.Write(In("prior.safetensors"), new Posterior(
            new PosteriorMetadata { Method = "swag", Rank = 3, Samples = 10, SourceSha256 = new string('a', 64) }, [.. tensors]));
    }

    private string In(string name) => Path.Combine(folder, name);

    private static JsonNode Json(params string[] args)
    {
        var (code, output, error) = Run([.. args, "--json", "--quiet"]);
        Assert.AreEqual(ExitCode.Done, code, error);
        return JsonNode.Parse(output)!;
    }

    private static string Refused(params string[] args)
    {
        var (code, _, error) = Run(args);
        Assert.AreEqual(ExitCode.BadInput, code, error);
        return error;
    }

    private static (int Code, string Output, string Error) Run(params string[] args)
    {
        using var output = new StringWriter();
        using var error = new StringWriter();
        return (CommandLine.Run(args, output, error), output.ToString(), error.ToString());
    }
}
