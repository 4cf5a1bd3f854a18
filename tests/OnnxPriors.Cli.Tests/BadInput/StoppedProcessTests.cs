namespace OnnxPriors.Cli.Tests.BadInput;

/// <summary>What Ctrl-C, SIGTERM and SIGKILL leave behind.</summary>
[TestClass]
[OSCondition(ConditionMode.Exclude, OperatingSystems.Windows)]
public sealed class StoppedProcessTests : IDisposable
{
    // 60 examples: 600 steps. With a checkpoint a step, each forced to the disk, they take far longer than the first three epochs.
    private const string Options = "--data @data.csv --epochs 100 --batch 10 --validation 0.2 --threads 1";
    private const int Killed = 137;

    private readonly Workbench bench = new();

    public void Dispose() => bench.Dispose();

    [TestMethod]
    public void A_fit_that_is_cancelled_leaves_nothing()
    {
        var before = bench.Contents();
        using var tool = ToolProcess.Start(bench.Words("fit @@demo-digits.onnx --data @@demo-source.npz -o @out.safetensors --steps 100000000"));
        // Lines of progress come while it measures, and then while it fits.
        tool.WaitUntil(() => tool.Error.Contains("fitting: ", StringComparison.Ordinal));
        tool.Signal("INT");
        Assert.AreEqual(ExitCode.Interrupted, tool.End());
        Assert.AreEqual("", tool.Output);
        Assert.EndsWith("cancelled.", tool.Error.TrimEnd());
        Assert.DoesNotContain("error", tool.Error);
        Assert.DoesNotContain("   at ", tool.Error);
        Assert.AreEqual(before, bench.Contents());
    }

    [TestMethod]
    [DataRow("INT", ExitCode.Interrupted, "cancelled.", "sgd")]
    [DataRow("TERM", ExitCode.Terminated, "terminated.", "sgd")]
    [DataRow("KILL", Killed, "", "sgd")]
    [DataRow("KILL", Killed, "", "adamw")]
    [DataRow("KILL", Killed, "", "sghmc")]
    public void A_run_that_is_stopped_at_any_step_and_resumed_ends_in_the_bits_of_one_left_alone(string signal, int code, string words, string optimizer)
    {
        bench.Bake(optimizer);
        bench.Done($"train @step {Options} -o @whole");
        var line = $"train @step {Options} -o @run";
        using (var tool = ToolProcess.Start(bench.Words(line + " --checkpoint-seconds 0 --quiet")))
        {
            tool.WaitUntil(() => File.Exists(bench["run/metrics.jsonl"]) && File.ReadLines(bench["run/metrics.jsonl"]).Count() >= 2);
            // Any step of the next epochs will do; the test must hold for all.
            Thread.Sleep(Random.Shared.Next(30));
            tool.Signal(signal);
            Assert.AreEqual(code, tool.End(), tool.Error);
            Assert.AreEqual("", tool.Output);
            Assert.AreEqual(words, tool.Error.Trim());
        }
        Assert.IsFalse(File.Exists(bench["run/last.bin"]), "The run had ended before it was stopped.");
        if (code != Killed)
            Assert.IsEmpty(Directory.GetFiles(bench["run"], "*.partial", new EnumerationOptions { RecurseSubdirectories = true, AttributesToSkip = 0 }));
        bench.Done(line + " --resume");
        RunBits.AreEqual(bench["whole"], bench["run"]);
    }

    [TestMethod]
    public void A_bake_that_is_cancelled_before_its_end_leaves_nothing()
    {
        var before = bench.Contents();
        using var tool = ToolProcess.Start(bench.Words("bake @@demo-digits.onnx --prior isotropic --classes 3 -o @out"));
        // The folder it writes in: beside its place, under a passing name.
        tool.WaitUntil(() => Directory.EnumerateDirectories(bench[""], ".out.*").Any() || Directory.Exists(bench["out"]));
        tool.Signal("INT");
        var code = tool.End();
        // The signal may come after the last moment at which it can be heeded: then the step is whole.
        if (code == ExitCode.Done)
            bench.Done("train @out --data @@demo-target.npz --examples-per-class 2 --epochs 1 -o @run --preprocess lite");
        else
            Assert.AreEqual((ExitCode.Interrupted, before, "cancelled."), (code, bench.Contents(), tool.Error.Trim()));
    }
}
