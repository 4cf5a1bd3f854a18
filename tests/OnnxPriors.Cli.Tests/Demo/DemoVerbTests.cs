using System.Text.Json;
using OnnxPriors.Artifacts;
using OnnxPriors.Cli.Commands;
using OnnxPriors.Cli.Commands.Results;
using OnnxPriors.Cli.Demo;
using OnnxPriors.Cli.Trials;
using OnnxPriors.Torch.Fitting;

namespace OnnxPriors.Cli.Tests.Demo;

[TestClass]
public sealed class DemoVerbTests
{
    private const double DivergingRate = 1e30;

    private static readonly DemoPlan Short = new()
    {
        Seeds = [1, 2],
        Epochs = 4,
        Fit = new SwagOptions { Rank = 2, Steps = 12, BurnIn = 0, CollectEvery = 3, LearningRate = 0.01, StatisticsBatches = 3 },
        Ways = [.. new DemoPlan().Ways.Select(way => way with
        {
            Settings = way.Name == DemoPlan.None ? [new Setting { LearningRate = DivergingRate }, .. way.Settings.TakeLast(1)] : [.. way.Settings.TakeLast(1)],
        })],
    };

    public required TestContext TestContext { get; init; }

    [TestMethod]
    public void The_demo_imports_fits_bakes_trains_evaluates_and_exports()
    {
        using var folder = new TemporaryFolder();
        var (code, output, error) = Demo("demo", "--json", "-o", folder.Path);
        Assert.AreEqual(ExitCode.Done, code, error);
        foreach (var stage in (string[])["fitting", "baking", "training", "evaluating"])
            StringAssert.Contains(error, stage + ":");

        using var json = JsonDocument.Parse(output);
        var ways = json.RootElement.GetProperty("ways").EnumerateArray().ToList();
        CollectionAssert.AreEqual((string[])["linear-probe", "none", "zero", "isotropic", "learned"], ways.Select(way => way.GetProperty("name").GetString()).ToArray());
        foreach (var way in ways)
        {
            foreach (var metric in (string[])["accuracy", "nll", "ece"])
            {
                var values = way.GetProperty(metric).GetProperty("seeds").EnumerateArray().Select(value => value.GetDouble()).ToArray();
                Assert.HasCount(2, values);
                Assert.AreEqual(values.Average(), way.GetProperty(metric).GetProperty("mean").GetDouble(), 1e-12);
                Assert.AreEqual(Math.Abs(values[0] - values[1]) / Math.Sqrt(2), way.GetProperty(metric).GetProperty("spread").GetDouble(), 1e-12);
            }
            // Five labels: chance is 0.2, and the source's features do better after eight steps.
            Assert.IsGreaterThan(0.3, way.GetProperty("accuracy").GetProperty("mean").GetDouble());
            Assert.IsFalse(way.GetProperty("chosen").EnumerateArray().Any(chosen => chosen.GetProperty("learningRate").GetDouble() == DivergingRate));
        }

        var export = json.RootElement.GetProperty("export");
        Assert.IsLessThan(1e-5, export.GetProperty("maxAbsDifference").GetDouble());
        CheckExported(export, ways, folder.Path);
        var report = File.ReadAllText(json.RootElement.GetProperty("report").GetString()!);
        StringAssert.Contains(report, "Learning curves");
        StringAssert.Contains(report, "Reliability");
        StringAssert.Contains(report, Conclusions.Caveat);
    }

    [TestMethod]
    public void The_numbers_depend_on_neither_threads_nor_what_was_there()
    {
        using var folder = new TemporaryFolder();
        var two = Demo("demo", "--json", "-q", "-o", folder.Path, "--threads", "2");
        var one = Demo("demo", "--json", "-q", "-o", folder.Path, "--threads", "1");
        Assert.AreEqual(Ways(two.Output), Ways(one.Output));

        static string Ways(string output)
        {
            using var json = JsonDocument.Parse(output);
            return json.RootElement.GetProperty("ways").GetRawText();
        }
    }

    [TestMethod]
    public void A_folder_of_something_else_is_left_alone()
    {
        using var folder = new TemporaryFolder();
        File.WriteAllText(Path.Combine(folder.Path, "model.onnx"), "mine");
        var (code, _, error) = Demo("demo", "-o", folder.Path);
        Assert.AreEqual(ExitCode.BadInput, code);
        StringAssert.Contains(error, "something other than an earlier demo");
        Assert.AreEqual("mine", File.ReadAllText(Path.Combine(folder.Path, "model.onnx")));
        Assert.HasCount(1, Directory.GetFileSystemEntries(folder.Path));
    }

    [TestMethod]
    public void Each_way_tries_the_same_number_of_settings_and_bakes_what_it_says()
    {
        var ways = new DemoPlan().Ways;
        Assert.HasCount(1, ways.Select(way => way.Settings.Count).Distinct().ToList());
        Assert.AreEqual("head", ways.Single(way => way.Name == DemoPlan.LinearProbe).Train);
        Assert.IsTrue(ways.Single(way => way.Name == DemoPlan.Learned).Settings.All(setting => setting is { Scale: not null, Epsilon: not null, Variance: null }));
        foreach (var way in ways.Where(way => way.Prior is PriorKind.Zero or PriorKind.Isotropic))
            Assert.IsTrue(way.Settings.All(setting => setting.Rescaling.Scale == setting.Variance && setting.Epsilon is null));
        Assert.HasCount(5, new DemoPlan().Seeds);
    }

    /// <summary>The exported file, measured by another verb on the test data, is the run whose numbers the demo printed.</summary>
    private static void CheckExported(JsonElement export, List<JsonElement> ways, string folder)
    {
        var (output, error) = (new StringWriter(), new StringWriter());
        var code = CommandLine.Run(
            ["evaluate", export.GetProperty("path").GetString()!, "--data", Path.Combine(folder, "demo-target.npz"), "--json"], output, error);
        Assert.AreEqual(ExitCode.Done, code, error.ToString());
        using var measured = JsonDocument.Parse(output.ToString());
        var way = ways.Single(one => one.GetProperty("name").GetString() == export.GetProperty("way").GetString());
        Assert.AreEqual(1297, measured.RootElement.GetProperty("examples").GetInt32());
        Assert.AreEqual(way.GetProperty("accuracy").GetProperty("seeds")[0].GetDouble(), measured.RootElement.GetProperty("accuracy").GetDouble(), 1.5 / 1297, "one example may stand on the border");
        Assert.AreEqual(way.GetProperty("nll").GetProperty("seeds")[0].GetDouble(), measured.RootElement.GetProperty("nll").GetDouble(), 1e-4);
    }

    private static (int Code, string Output, string Error) Demo(params string[] args)
    {
        var (output, error) = (new StringWriter(), new StringWriter());
        var code = CommandLine.Run(args, output, error, [new DemoVerb(Short)], []);
        return (code, output.ToString(), error.ToString());
    }

    private sealed class TemporaryFolder : IDisposable
    {
        public string Path { get; } = Directory.CreateTempSubdirectory("demo-").FullName;

        public void Dispose() => Directory.Delete(Path, recursive: true);
    }
}
