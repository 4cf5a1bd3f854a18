using System.Text.Json.Nodes;
using System.Xml.Linq;
using OnnxPriors.Cli.Display;
using OnnxPriors.Cli.Experiments.Definition;
using OnnxPriors.Cli.Experiments.Running;

namespace OnnxPriors.Cli.Tests.Experiments;

[TestClass]
public sealed class ExperimentVerbTests
{
    [TestMethod]
    public void Every_method_is_tuned_on_validation_data_and_tested_once()
    {
        using var laboratory = new Laboratory();
        Laboratory.Done("experiment", laboratory["lab.yaml"], "-o", laboratory["out"]);
        var rows = File.ReadLines(Path.Combine(laboratory["out"], "results.jsonl")).Select(line => JsonNode.Parse(line)!).ToList();
        // Seven methods at two numbers of labels, two that sample at one, each with two seeds.
        Assert.HasCount(((7 * 2) + 2) * 2, rows);
        foreach (var row in rows)
        {
            Assert.AreEqual(4, row["tried"]!.GetValue<int>());
            var grid = row["grid"]!.AsArray().Select(value => value?.GetValue<double>()).ToList();
            Assert.AreEqual(grid.Min(), row["validationNll"]!.GetValue<double>(), "The final run is the tuned one to the same bits.");
            // 60 flowers, 20 a class: 4 validate, 2 or 4 train, the others test.
            Assert.AreEqual(60 - 12 - (3 * row["labelsPerClass"]!.GetValue<int>()), row["test"]!["examples"]!.GetValue<int>());
            Assert.AreEqual(row["inference"]!.GetValue<string>() == "sghmc" ? 4 : 1, row["test"]!["samples"]!.GetValue<int>());
        }
        var none = rows.Where(row => row["method"]!.GetValue<string>() == "none").ToList();
        Assert.IsTrue(none.All(row => row["diverged"]!.GetValue<int>() == 1 && row["grid"]![0] is null && row["learningRate"]!.GetValue<double>() < 1), "A setting that diverges is counted and never chosen.");
        // A prior's strength is its mean variance; the file's is 0.5 + 2 · 0.01.
        var learned = rows.First(row => row["method"]!.GetValue<string>() == "learned");
        Assert.AreEqual(learned["variance"]!.GetValue<double>() / 0.52, learned["scale"]!.GetValue<double>(), 1e-6);
        foreach (var row in rows.Where(row => row["edge"]!.GetValue<string>().Contains("variance-high", StringComparison.Ordinal)))
            Assert.AreEqual(1, row["variance"]!.GetValue<double>());
        Assert.IsFalse(Directory.Exists(Path.Combine(laboratory["out"], "steps")), "Steps are of no use when all is done.");
        Assert.HasCount(17, File.ReadAllLines(Path.Combine(laboratory["out"], "times.csv")), "Times stand in a file of their own.");
    }

    [TestMethod]
    public void Two_experiments_give_the_same_bytes_however_many_trials_go_side_by_side()
    {
        using var laboratory = new Laboratory();
        Laboratory.Done("experiment", laboratory["lab.yaml"], "-o", laboratory["one"], "--max-parallel", "1");
        Laboratory.Done("experiment", laboratory["lab.yaml"], "-o", laboratory["three"], "--max-parallel", "3", "--feature-cache", "0");
        Assert.AreEqual(laboratory.Tables("one"), laboratory.Tables("three"));
    }

    [TestMethod]
    public void An_experiment_that_was_stopped_goes_on_to_the_same_bytes_and_does_nothing_twice()
    {
        using var laboratory = new Laboratory();
        Laboratory.Done("experiment", laboratory["lab.yaml"], "-o", laboratory["whole"]);
        var plan = ExperimentFile.Read(laboratory["lab.yaml"]);
        var terminal = new Terminal(TextWriter.Null, TextWriter.Null, quiet: true);
        Directory.CreateDirectory(laboratory["broken"]);
        var trials = Path.Combine(laboratory["broken"], "trials");
        for (var milliseconds = 100; milliseconds <= 1600; milliseconds *= 2)
        {
            using var stop = new CancellationTokenSource(milliseconds);
            try
            {
                ExperimentRun.Run(plan, new ExperimentOptions(laboratory["broken"], 2, 0, 1, 1 << 30), terminal, stop.Token);
            }
            catch (OperationCanceledException)
            {
                // Stopped somewhere; what is there is whole.
            }
        }
        var before = Directory.Exists(trials) ? Directory.EnumerateFiles(trials).ToDictionary(path => path, File.GetLastWriteTimeUtc) : [];
        // A file that a kill left half-written has another name and is no trial.
        File.WriteAllText(Path.Combine(trials, "0123.json.abc.partial"), "{");
        Laboratory.Done("experiment", laboratory["lab.yaml"], "-o", laboratory["broken"]);
        Assert.AreEqual(laboratory.Tables("whole"), laboratory.Tables("broken"));
        foreach (var (path, time) in before)
            Assert.AreEqual(time, File.GetLastWriteTimeUtc(path), path);
    }

    [TestMethod]
    public void Shards_do_all_of_it_and_report_puts_them_together_to_the_same_bytes()
    {
        using var laboratory = new Laboratory();
        Laboratory.Done("experiment", laboratory["lab.yaml"], "-o", laboratory["whole"]);
        for (var shard = 1; shard <= 3; shard++)
            Laboratory.Done("experiment", laboratory["lab.yaml"], "-o", laboratory[shard == 3 ? "other" : "shards"], "--shard", $"{shard}/3");
        var said = Laboratory.Done("report", laboratory["other"], laboratory["shards"], "-o", laboratory["report.html"], "--table", laboratory["merged"], "--json");
        Assert.AreEqual(32, JsonNode.Parse(said)!["results"]!.GetValue<int>());
        Assert.AreEqual(laboratory.Tables("whole"), laboratory.Tables("merged"));
        var page = XDocument.Parse(File.ReadAllText(laboratory["report.html"]).Replace("<!DOCTYPE html>", "", StringComparison.Ordinal));
        var text = page.Root!.Value;
        foreach (var part in (string[])["Flowers", "L2-SP", "Learned, permuted", "Learned, SGHMC", "Differences from L2-SP", "Reliability", "Settings chosen", "Time"])
            Assert.Contains(part, text);
        Assert.IsEmpty(page.Descendants("script"));
        Assert.IsTrue(page.Descendants("span").Any(span => span.Attribute("class")?.Value == "edge"), "Some choice lies at an end of a grid of two.");
    }

    [TestMethod]
    public void Results_that_contradict_each_other_are_not_merged()
    {
        using var laboratory = new Laboratory();
        Laboratory.Done("experiment", laboratory["lab.yaml"], "-o", laboratory["one"]);
        laboratory.WriteFile("other.yaml", Laboratory.Text.Replace("steps: 12", "steps: 8", StringComparison.Ordinal));
        Laboratory.Done("experiment", laboratory["other.yaml"], "-o", laboratory["two"]);
        var (code, _, error) = Laboratory.Run("report", laboratory["one"], laboratory["two"], "-o", laboratory["report.html"]);
        Assert.AreEqual(ExitCode.BadInput, code);
        Assert.Contains("two experiments of one name", error);
        Assert.IsFalse(File.Exists(laboratory["report.html"]));
        Assert.Contains("no results", Laboratory.Run("report", laboratory["nowhere"], "-o", laboratory["report.html"]).Error);
    }

    [TestMethod]
    public void What_cannot_be_run_is_said_in_one_message()
    {
        using var laboratory = new Laboratory();
        foreach (var (args, word) in new (string[], string)[]
        {
            (["--shard", "4/3"], "--shard is '4/3'"),
            (["--shard", "100/100"], "fewer than 100 shards"),
            (["--max-parallel", "-1"], "--max-parallel"),
        })
        {
            var (code, output, error) = Laboratory.Run(["experiment", laboratory["lab.yaml"], "-o", laboratory["out"], .. args]);
            Assert.AreEqual(ExitCode.BadInput, code, error);
            Assert.AreEqual("", output);
            BadInput.Workbench.IsOneMessage(error, "experiment");
            Assert.Contains(word, error);
        }
        laboratory.WriteFile("lab.yaml", Laboratory.Text.Replace("labels-per-class: [2, 4]", "labels-per-class: [2, 4, 99]", StringComparison.Ordinal));
        Assert.Contains("99 were asked for", Laboratory.Run("experiment", laboratory["lab.yaml"], "-o", laboratory["out"]).Error);
        Assert.AreEqual(ExitCode.Done, Laboratory.Run("experiment", laboratory["lab.yaml"], "-o", laboratory["dry"], "--dry-run").Code);
        Assert.IsFalse(Directory.Exists(laboratory["dry"]));
    }
}
