using System.Buffers.Binary;
using System.Diagnostics;
using System.Text.Json.Nodes;
using OnnxPriors.Optimizers;
using OnnxPriors.Runtime.Steps;
using OnnxPriors.Runtime.Tests.Fixtures;
using OnnxPriors.Runtime.Training;

namespace OnnxPriors.Runtime.Tests.Training;

[TestClass]
public sealed class ResumeTests : IDisposable
{
    private const string ChildFolder = "ONNXPRIORS_TEST_TRAIN_IN", ChildOptimizer = "ONNXPRIORS_TEST_TRAIN_BY";

    private readonly TemporaryFolder temporary = new();

    public void Dispose() => temporary.Dispose();

    /// <summary>Makes a copy of the test program train instead, where the kill test started it for that.</summary>
    [AssemblyInitialize]
    public static void TrainWhereAsked(TestContext _)
    {
        if (Environment.GetEnvironmentVariable(ChildFolder) is not { Length: > 0 } folder)
            return;
        Train(folder, Environment.GetEnvironmentVariable(ChildOptimizer)!, resume: true, pause: 4);
        Environment.Exit(0);
    }

    [TestMethod]
    [DataRow("sgd")]
    [DataRow("adamw")]
    [DataRow("sghmc")]
    public void A_run_killed_at_any_moment_and_resumed_ends_in_the_same_bits(string optimizer)
    {
        Prepare(optimizer);
        Train(temporary["alone"], optimizer);
        Directory.CreateDirectory(temporary["killed"]);
        var random = new Random(optimizer.Length);
        for (var kill = 0; kill < 3; kill++)
        {
            using var child = Start(temporary["killed"], optimizer);
            while (!File.Exists(temporary["killed/checkpoint.bin"]) && !child.HasExited)
                Thread.Sleep(1);
            Thread.Sleep(random.Next(20, 400));
            Assert.IsFalse(child.HasExited, "the child was to be killed amid its run");
            child.Kill();
            child.WaitForExit();
        }
        using (var last = Start(temporary["killed"], optimizer))
        {
            last.WaitForExit();
            Assert.AreEqual(0, last.ExitCode);
        }
        AssertSameBits(temporary["alone"], temporary["killed"]);
        Assert.IsEmpty(Directory.GetFiles(temporary["killed"], "*.partial", SearchOption.AllDirectories));
    }

    [TestMethod]
    [DataRow("sgd")]
    [DataRow("adamw")]
    [DataRow("sgld")]
    [DataRow("sghmc")]
    public void A_run_cancelled_at_odd_steps_and_resumed_ends_in_the_same_bits(string optimizer)
    {
        Prepare(optimizer);
        Train(temporary["alone"], optimizer);
        foreach (var stop in (int[])[1, 5, 7, 40, 41])
        {
            using var cancellation = new CancellationTokenSource();
            Assert.ThrowsExactly<OperationCanceledException>(() => Train(
                temporary["cancelled"], optimizer, resume: stop > 1, stepDone: progress =>
                {
                    if (progress.Step == stop)
                        cancellation.Cancel();
                },
                cancellation: cancellation.Token));
        }
        Train(temporary["cancelled"], optimizer, resume: true);
        AssertSameBits(temporary["alone"], temporary["cancelled"]);
    }

    [TestMethod]
    public void Changed_options_and_data_are_refused_by_name()
    {
        Prepare("sgd");
        Stop(temporary["run"]);
        var message = Refusal(options => options with { Epochs = 11, Schedule = options.Schedule with { LearningRate = 0.5 } });
        Assert.Contains("--epochs was 10 and is 11", message);
        Assert.Contains("--learning-rate was 0.3 and is 0.5", message);
        Assert.DoesNotContain("--seed", message);
        Assert.Contains("the training data changed", Refusal(options => options, new Blobs(50, 4, seed: 9)));
        Assert.Contains("--batch was 4 and is 5", Refusal(options => options, new Blobs(50, 5)));

        new LogisticStep { Optimizer = new Sgd(), PriorRank = 3 }.Write(temporary["step"]);
        Assert.Contains("the step changed", Refusal(options => options));

        string Refusal(Func<TrainingOptions, TrainingOptions> change, Blobs? data = null) => Assert.ThrowsExactly<RunException>(() =>
            Train(temporary["run"], "sgd", resume: true, change: change, data: data)).Message;
    }

    [TestMethod]
    public void A_folder_in_use_or_taken_is_refused_and_its_content_left_alone()
    {
        Prepare("sgd");
        Assert.Contains("no run", Assert.ThrowsExactly<RunException>(() => Train(temporary["absent"], "sgd", resume: true)).Message);
        Assert.IsFalse(Directory.Exists(temporary["absent"]));

        Directory.CreateDirectory(temporary["other/samples"]);
        File.WriteAllText(temporary["other/samples/mine.bin"], "mine");
        Assert.Contains("something other", Assert.ThrowsExactly<RunException>(() => Train(temporary["other"], "sgd")).Message);
        Assert.Contains("something other", Assert.ThrowsExactly<RunException>(() => Train(temporary["step"], "sgd", resume: true)).Message);
        Assert.HasCount(1, Directory.GetFileSystemEntries(temporary["other"]));

        Stop(temporary["run"]);
        Assert.Contains("--resume", Assert.ThrowsExactly<RunException>(() => Train(temporary["run"], "sgd")).Message);
        using (new FileStream(temporary["run/lock"], FileMode.Open, FileAccess.ReadWrite, FileShare.None))
            Assert.Contains("Another process", Assert.ThrowsExactly<RunException>(() => Train(temporary["run"], "sgd", resume: true)).Message);
        Train(temporary["run"], "sgd", resume: true);
        Train(temporary["run"], "sgd", resume: true); // A finished run has nothing left to do.
    }

    [TestMethod]
    public void A_damaged_checkpoint_is_one_clear_error()
    {
        Prepare("sgd");
        Stop(temporary["run"]);
        var path = temporary["run/checkpoint.bin"];
        var whole = File.ReadAllBytes(path);
        void Refused(byte[] bytes)
        {
            File.WriteAllBytes(path, bytes);
            Assert.Contains("damaged", Assert.ThrowsExactly<RunException>(() => Train(temporary["run"], "sgd", resume: true)).Message);
        }

        Refused([]);
        Refused(whole[..^1]);
        Refused([.. whole, 0]);
        Refused([.. whole[..8], 255, 255, 255, 127, .. whole[12..]]);
        var turned = (byte[])whole.Clone();
        turned[^200] ^= 1;
        Refused(turned);
        File.WriteAllBytes(path, whole);
        Train(temporary["run"], "sgd", resume: true);
    }

    [TestMethod]
    public void A_state_that_cannot_be_written_stops_training_and_leaves_the_checkpoint()
    {
        Prepare("sgd");
        Stop(temporary["run"], at: 2);
        Directory.CreateDirectory(temporary["run/best.bin"]);
        var error = Assert.ThrowsExactly<TrainingFailedException>(() => Train(temporary["run"], "sgd", resume: true));
        Assert.Contains("--resume", error.Message);
        Directory.Delete(temporary["run/best.bin"]);
        Train(temporary["run"], "sgd", resume: true);
        Train(temporary["alone"], "sgd");
        AssertSameBits(temporary["alone"], temporary["run"]);
    }

    private static void Train(
        string folder, string optimizer, bool resume = false, int pause = 0, Action<TrainingProgress>? stepDone = null,
        Func<TrainingOptions, TrainingOptions>? change = null, Blobs? data = null, CancellationToken cancellation = default)
    {
        using var session = StepSession.Open(Path.Combine(folder, "..", "step"), new StepOptions { Threads = 1 });
        var options = new TrainingOptions
        {
            Epochs = 10,
            Accumulate = 2,
            Schedule = new Schedule
            {
                Kind = ScheduleKind.CyclicalCosine,
                Cycles = 2,
                ExplorationShare = 0.4,
                LearningRate = optimizer switch { "sgd" => 0.3, "adamw" => 0.02, _ => 0.1 },
            },
            Seed = 42,
            CheckpointSteps = pause > 0 ? 1 : 0,
        };
        var training = data ?? new Blobs(50, 4) { Reading = (_, _) => Thread.Sleep(pause) };
        var trainer = new Trainer(session, training, new Blobs(20, 8, seed: 3), change?.Invoke(options) ?? options) { StepDone = stepDone };
        trainer.Run(folder, resume, cancellation);
    }

    private void Prepare(string optimizer) =>
        new LogisticStep { Optimizer = Optimizer.Find(optimizer)!, PriorRank = 2, HasRunningMean = true }.Write(temporary["step"]);

    private static void Stop(string folder, int at = 9)
    {
        using var cancellation = new CancellationTokenSource();
        Assert.ThrowsExactly<OperationCanceledException>(() => Train(folder, "sgd", cancellation: cancellation.Token, stepDone: progress =>
        {
            if (progress.Step == at)
                cancellation.Cancel();
        }));
    }

    private static Process Start(string folder, string optimizer)
    {
        var start = new ProcessStartInfo(Environment.ProcessPath!) { RedirectStandardOutput = true };
        if (Path.GetFileNameWithoutExtension(start.FileName) == "dotnet")
            start.ArgumentList.Add(typeof(ResumeTests).Assembly.Location);
        foreach (var argument in (string[])["--filter", $"FullyQualifiedName~{nameof(A_damaged_checkpoint_is_one_clear_error)}"])
            start.ArgumentList.Add(argument);
        foreach (var name in Environment.GetEnvironmentVariables().Keys.Cast<string>().Where(name => name.StartsWith("TESTINGPLATFORM", StringComparison.Ordinal)))
            start.Environment.Remove(name);
        start.Environment[ChildFolder] = folder;
        start.Environment[ChildOptimizer] = optimizer;
        return Process.Start(start)!;
    }

    private static void AssertSameBits(string expected, string found)
    {
        var files = Directory.GetFiles(expected, "*.bin", SearchOption.AllDirectories)
            .Select(path => Path.GetRelativePath(expected, path)).Order(StringComparer.Ordinal).ToList();
        Assert.AreSequenceEqual(
            files, Directory.GetFiles(found, "*.bin", SearchOption.AllDirectories).Select(path => Path.GetRelativePath(found, path)).Order(StringComparer.Ordinal));
        Assert.Contains("best.bin", files);
        foreach (var file in files.Where(file => file != "checkpoint.bin"))
            Assert.IsTrue(File.ReadAllBytes(Path.Combine(expected, file)).AsSpan().SequenceEqual(File.ReadAllBytes(Path.Combine(found, file))), file);
        // θ, moments and running statistics lie between a checkpoint's header, which has the time, and its hash.
        Assert.IsTrue(Tensors(expected).SequenceEqual(Tensors(found)), "the checkpoint's tensors");
        Assert.AreSequenceEqual(Metrics(expected), Metrics(found));

        static ReadOnlySpan<byte> Tensors(string folder)
        {
            var bytes = File.ReadAllBytes(Path.Combine(folder, "checkpoint.bin"));
            return bytes.AsSpan((12 + BinaryPrimitives.ReadInt32LittleEndian(bytes.AsSpan(8)))..^32);
        }

        static List<string> Metrics(string folder) => [.. File.ReadLines(Path.Combine(folder, "metrics.jsonl")).Select(line =>
        {
            var json = JsonNode.Parse(line)!.AsObject();
            Assert.IsTrue(json.Remove("seconds"));
            return json.ToJsonString();
        })];
    }
}
