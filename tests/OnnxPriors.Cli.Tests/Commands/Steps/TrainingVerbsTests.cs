using System.Globalization;
using System.Text.Json;
using System.Text.Json.Nodes;
using OnnxPriors.Artifacts;
using OnnxPriors.Cli.Commands;
using OnnxPriors.Graphs;
using OnnxPriors.Importing;
using OnnxPriors.Onnx;
using OnnxPriors.Optimizers;

namespace OnnxPriors.Cli.Tests.Commands.Steps;

/// <summary>train, evaluate and export on a small perceptron and a table of flowers that never grew.</summary>
[TestClass]
public sealed class TrainingVerbsTests : IDisposable
{
    private readonly string folder = Directory.CreateTempSubdirectory("verbs").FullName;

    public void Dispose() => Directory.Delete(folder, recursive: true);

    [TestMethod]
    public void A_trained_model_is_evaluated_exported_and_evaluated_again_to_the_same()
    {
        Bake("sgd");
        var trained = Json("train", In("step"), "--data", In("data.csv"), "-o", In("run"), "--validation", "0.2", "--epochs", "20", "--learning-rate", "0.1", "--batch", "16");
        Assert.HasCount(20, trained["epochs"]!.AsArray());
        Assert.IsGreaterThan(0, trained["bestEpoch"]!.GetValue<int>());
        Assert.AreEqual(120, trained["trainExamples"]!.GetValue<int>());
        Assert.AreEqual(30, trained["validationExamples"]!.GetValue<int>());

        var measured = Json("evaluate", In("run"), "--data", In("data.csv"));
        Assert.IsGreaterThan(0.9, measured["accuracy"]!.GetValue<double>());
        Assert.AreEqual("all", measured["part"]!.GetValue<string>());
        Assert.AreEqual(1, measured["samples"]!.GetValue<int>());

        var exported = Json("export", In("run"), "-o", In("model.onnx"));
        Assert.AreEqual("data", exported["compared"]!.GetValue<string>());
        Assert.IsLessThan(1e-5, exported["maxAbsDifference"]!.GetValue<double>());
        var again = Json("evaluate", In("model.onnx"), "--data", In("data.csv"));
        foreach (var number in (string[])["accuracy", "nll", "ece", "brier", "examples"])
            Assert.AreEqual(measured[number]!.GetValue<double>(), again[number]!.GetValue<double>(), 1e-5, number);
    }

    [TestMethod]
    public void Other_data_is_told_apart_and_a_page_shows_the_diagrams()
    {
        Bake("sgd");
        Json("train", In("step"), "--data", In("data.csv"), "-o", In("run"), "--epochs", "20", "--learning-rate", "0.1");
        // Flowers of no class here, all numbers near a half of each: their labels do not count.
        File.WriteAllLines(In("other.csv"), Enumerable.Range(0, 40).Select(i => $"0.{50 + (i % 7)},0.{50 + (i % 5)},0.{50 + (i % 3)},0.5,orchid").Prepend("a,b,c,d,label"));
        var measured = Json("evaluate", In("run"), "--data", In("data.csv"), "--ood", In("other.csv"), "--report", In("page.html"));
        Assert.AreEqual(40, measured["ood"]!["examples"]!.GetValue<int>());
        Assert.IsGreaterThan(0.6, measured["ood"]!["aurocMaxProbability"]!.GetValue<double>());
        Assert.IsGreaterThan(0.6, measured["ood"]!["aurocEntropy"]!.GetValue<double>());
        Assert.AreEqual(150, measured["adaptiveBins"]!.AsArray().Sum(bin => bin!["count"]!.GetValue<int>()));
        Assert.AreEqual(1 - measured["accuracy"]!.GetValue<double>(), measured["riskCoverage"]!.AsArray()[^1]!["risk"]!.GetValue<double>(), 1e-12);
        var page = File.ReadAllText(In("page.html"));
        foreach (var part in (string[])["Reliability diagram", "Risk by coverage", "AURC", "other.csv"])
            Assert.Contains(part, page);
        // Numbers are no pictures.
        Assert.Contains("only those can be corrupted", Refused("evaluate", In("run"), "--data", In("data.csv"), "--corruption", "fog:2"));
        Assert.Contains("no corruption 'rain'", Refused("evaluate", In("run"), "--data", In("data.csv"), "--corruption", "rain"));
    }

    [TestMethod]
    public void Corrupted_pictures_are_measured_as_often_as_asked()
    {
        var models = Path.Combine(OnnxPriors.Testing.SharedFiles.Checkout, "models");
        var measured = Json("evaluate", Path.Combine(models, "demo-digits.onnx"), "--data", Path.Combine(models, "demo-source.npz"), "--split", "validation", "--corruption", "gaussian-noise");
        var noisy = measured["corruptions"]!.AsArray();
        CollectionAssert.AreEqual((int[])[1, 2, 3, 4, 5], noisy.Select(one => one!["strength"]!.GetValue<int>()).ToArray());
        Assert.IsTrue(noisy.All(one => one!["nll"]!.GetValue<double>() != measured["nll"]!.GetValue<double>()));
    }

    [TestMethod]
    public void Classes_are_found_by_name_in_other_data_of_the_same_classes()
    {
        Bake("sgd");
        Json("train", In("step"), "--data", In("data.csv"), "-o", In("run"), "--epochs", "20", "--learning-rate", "0.1");
        var all = Json("evaluate", In("run"), "--data", In("data.csv"))["accuracy"]!.GetValue<double>();
        // A table that lacks the first class: by number every label would be off by one.
        File.WriteAllLines(In("part.csv"), File.ReadLines(In("data.csv")).Where(line => !line.EndsWith("aster", StringComparison.Ordinal)));
        var part = Json("evaluate", In("run"), "--data", In("part.csv"));
        Assert.AreEqual(100, part["examples"]!.GetValue<int>());
        Assert.IsGreaterThan(0.85, part["accuracy"]!.GetValue<double>());
        Assert.IsGreaterThan(0.9, all);
        File.WriteAllText(In("other.csv"), "a,b,c,d,label\n1,2,3,4,orchid\n1,2,3,4,aster\n");
        Assert.Contains("orchid", Refused("evaluate", In("run"), "--data", In("other.csv")));
    }

    [TestMethod]
    public void A_run_names_the_parts_of_its_own_data()
    {
        Bake("sgd");
        var epochs = Json("train", In("step"), "--data", In("data.csv"), "-o", In("run"), "--examples-per-class", "10", "--validation", "0.2", "--epochs", "2")["epochs"]!.AsArray();
        var validation = Json("evaluate", In("run"), "--data", In("data.csv"), "--split", "validation");
        Assert.AreEqual("validation", validation["part"]!.GetValue<string>());
        Assert.AreEqual(30, validation["examples"]!.GetValue<int>());
        // The state kept is the best epoch's, so its likelihood is the least of the epochs'.
        Assert.AreEqual(epochs.Min(epoch => epoch!["validation"]!["nll"]!.GetValue<double>()), validation["nll"]!.GetValue<double>(), 1e-6);
        Assert.AreEqual(30, Json("evaluate", In("run"), "--data", In("data.csv"), "--split", "train")["examples"]!.GetValue<int>());
        Assert.AreEqual(90, Json("evaluate", In("run"), "--data", In("data.csv"))["examples"]!.GetValue<int>());
        Assert.Contains("no test part", Refused("evaluate", In("run"), "--data", In("data.csv"), "--split", "test"));
    }

    [TestMethod]
    public void A_step_starts_from_the_head_of_a_trained_probe()
    {
        Bake("sgd");
        string[] bake = ["bake", In("source.onnx"), "--prior", "none", "--classes", "3"];
        Json([.. bake, "--train", "head", "-o", In("probe")]);
        Json("train", In("probe"), "--data", In("data.csv"), "-o", In("run"), "--validation", "0.2", "--epochs", "10", "--learning-rate", "0.05");
        Json([.. bake, "--head", In("run"), "-o", In("step")]);
        // A rate of almost nothing: the model measured is the one that the step starts from.
        Json("train", In("step"), "--data", In("data.csv"), "-o", In("still"), "--epochs", "1", "--learning-rate", "1e-12");
        var probe = Json("evaluate", In("run"), "--data", In("data.csv"), "--split", "all")["nll"]!.GetValue<double>();
        Assert.AreEqual(probe, Json("evaluate", In("still"), "--data", In("data.csv"), "--split", "all")["nll"]!.GetValue<double>(), 1e-6);
        Assert.Contains("'head.weight' [3, 16]", Refused(["bake", In("source.onnx"), "--prior", "none", "--classes", "4", "--head", In("run"), "-o", In("four")]));
        Assert.IsFalse(Directory.Exists(In("four")));
    }

    [TestMethod]
    public void A_sampled_run_is_measured_on_what_it_did_not_train_on_and_its_samples_are_averaged()
    {
        Bake("sghmc");
        string[] train = ["train", In("step"), "--data", In("data.csv"), "-o", In("run"), "--examples-per-class", "10", "--epochs", "12", "--batch", "10", "--cycles", "2", "--exploration-share", "0.5", "--learning-rate", "0.05"];
        Assert.AreEqual(6, Json(train)["samples"]!.GetValue<int>());
        var measured = Json("evaluate", In("run"), "--data", In("data.csv"));
        Assert.AreEqual("held out", measured["part"]!.GetValue<string>());
        Assert.AreEqual(120, measured["examples"]!.GetValue<int>());
        Assert.AreEqual(6, measured["samples"]!.GetValue<int>());
        Assert.AreEqual(6, Json("export", In("run"), "-o", In("model.onnx"))["samples"]!.GetValue<int>());

        Assert.Contains("--resume", Refused(train));
        Assert.Contains("--epochs was 12 and is 13", Refused([.. train.Select(word => word == "12" ? "13" : word), "--resume"]));
        Json([.. train, "--resume"]);
    }

    [TestMethod]
    public void What_cannot_be_used_is_one_message_and_exit_code_2_and_a_diverged_run_is_1()
    {
        Bake("sgd");
        Assert.Contains("bake", Refused("train", In("nothing"), "--data", In("data.csv"), "-o", In("run")));
        Assert.Contains("nothing", Refused("train", In("step"), "--data", In("nothing"), "-o", In("run")));
        Assert.Contains("--schedule", Refused("train", In("step"), "--data", In("data.csv"), "-o", In("run"), "--schedule", "sideways"));
        Assert.Contains("--epochs", Refused("train", In("step"), "--data", In("data.csv"), "-o", In("run"), "--epochs", "0"));
        Assert.Contains("-p:OrtRuntime=Gpu", Refused("train", In("step"), "--data", In("data.csv"), "-o", In("run"), "--provider", "cuda"));
        Assert.Contains("not a run", Refused("export", In("step.onnx"), "-o", In("model.onnx")));
        File.WriteAllText(In("many.csv"), "a,b,c,d,label\n" + string.Concat("uvwxyz".Select(name => $"1,2,3,4,{name}\n")));
        Assert.Contains("out of range", Refused("train", In("step"), "--data", In("many.csv"), "-o", In("run")));
        Assert.IsFalse(Directory.Exists(In("run")));

        var (code, _, error) = Run("train", In("step"), "--data", In("data.csv"), "-o", In("run"), "--learning-rate", "1e30");
        Assert.AreEqual(ExitCode.Failed, code);
        Assert.Contains("diverged", error);
    }

    private string In(string name) => Path.Combine(folder, name);

    private void Bake(string optimizer)
    {
        var random = new Random(3);
        var b = new GraphBuilder();
        var x = b.Input("x", ElementType.Float, [Dimension.Symbolic("batch"), 4]);
        var hidden = b.Relu(b.Gemm(x, Weights("hidden.weight", 4, 16), Weights("hidden.bias", 16)));
        var scores = b.Gemm(hidden, Weights("head.weight", 16, 5), Weights("head.bias", 5));
        OnnxFile.Save(Model.Canonical(b.Build([("scores", scores)])), In("source.onnx"));
        var imported = ModelImporter.Import(OnnxFile.Load(In("source.onnx")), new ImportOptions { Form = ImportForm.NewHead, Classes = 3 });
        StepBaker.Bake(
            imported,
            new BakeOptions { Prior = new PriorChoice { Kind = PriorKind.Isotropic }, Optimizer = Optimizer.Find(optimizer)!, SourceFileName = "source.onnx" },
            In("step"));
        string[] names = ["aster", "bellis", "crocus"];
        File.WriteAllLines(In("data.csv"), Enumerable.Range(0, 150).Select(i =>
        {
            var numbers = Enumerable.Range(0, 4).Select(j => ((i % 3 == j ? 1.5 : 0) + random.NextDouble()).ToString("F4", CultureInfo.InvariantCulture));
            return $"{string.Join(',', numbers)},{names[i % 3]}";
        }).Prepend("a,b,c,d,label"));

        Value Weights(string name, params long[] shape) => b.Parameter(
            name, TensorData.Of([.. Enumerable.Range(0, (int)shape.Aggregate((p, q) => p * q)).Select(_ => (float)(random.NextDouble() - 0.5))], [.. shape]));
    }

    private static JsonNode Json(params string[] args)
    {
        var (code, output, error) = Run([.. args, "--json", "--quiet"]);
        Assert.AreEqual(ExitCode.Done, code, error);
        return JsonNode.Parse(output) ?? throw new JsonException("No JSON came.");
    }

    private static string Refused(params string[] args)
    {
        var (code, output, error) = Run(args);
        Assert.AreEqual(ExitCode.BadInput, code, error);
        Assert.AreEqual("", output);
        Assert.Contains("error: ", error);
        return error;
    }

    private static (int Code, string Output, string Error) Run(params string[] args)
    {
        using var output = new StringWriter();
        using var error = new StringWriter();
        return (CommandLine.Run(args, output, error), output.ToString(), error.ToString());
    }
}
