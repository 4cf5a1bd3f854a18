namespace OnnxPriors.Cli.Tests.BadInput;

[TestClass]
public sealed class FullDiskTests : IDisposable
{
    // Less than any of the results, and more than the folders and small files before them.
    private const int Kilobytes = 32;

    private readonly Workbench bench = new();

    public void Dispose() => bench.Dispose();

    [TestMethod]
    [RequiresSmallDisk]
    [DataRow("import @@demo-digits.onnx -o @disk/out.onnx")]
    [DataRow("fit @@demo-digits.onnx --data @@demo-source.npz --examples-per-class 4 --steps 12 --burn-in 0 --collect-every 1 --rank 2 -o @disk/out.safetensors")]
    [DataRow("bake @@demo-digits.onnx --prior none --classes 3 -o @disk/step")]
    [DataRow("bake @@demo-digits.onnx --prior isotropic --classes 3 -o @disk/step")]
    [DataRow("prior sample @prior.safetensors --draws 100 -o @disk/out.safetensors")]
    [DataRow("prior rescale @prior.safetensors --scale 2 -o @disk/out.safetensors", 4)]
    [DataRow("gradients @model.onnx --inputs @batch.npz -o @disk/out.npz", 4)]
    public void A_full_disk_fails_the_work_and_leaves_nothing_on_it(string line, int kilobytes = Kilobytes)
    {
        using var disk = new SmallDisk(bench["disk"], kilobytes);
        File.WriteAllText(bench["disk/mine.txt"], "keep");
        // One of the two pages of the smallest disk is taken; no result fits the other.
        bench.Ended(ExitCode.Failed, line, "the disk is full", "Make room");
        Assert.AreEqual("keep", File.ReadAllText(bench["disk/mine.txt"]));
    }

    [TestMethod]
    [RequiresSmallDisk]
    public void A_full_disk_leaves_the_file_and_the_step_that_stood_there()
    {
        bench.Done("bake @model.onnx --prior none --classes 3 -o @small");
        using var disk = new SmallDisk(bench["disk"], 64);
        bench.Done("bake @model.onnx --prior none --classes 3 -o @disk/step");
        bench.Done("import @model.onnx -o @disk/out.onnx");
        bench.Ended(ExitCode.Failed, "bake @@demo-digits.onnx --prior none --classes 3 -o @disk/step", "the disk is full");
        bench.Ended(ExitCode.Failed, "import @@demo-digits.onnx -o @disk/out.onnx", "the disk is full");
    }

    [TestMethod]
    [RequiresSmallDisk]
    public void A_run_and_its_export_that_find_no_room_leave_nothing()
    {
        bench.Done("bake @@demo-digits.onnx --prior none --classes 5 -o @step");
        using var disk = new SmallDisk(bench["disk"], 64);
        const string Options = "--data @@demo-target.npz --examples-per-class 4 --epochs 1";
        bench.Ended(ExitCode.Failed, $"train @step {Options} -o @disk/run", "could not begin", "@disk/run", "Make room");
        bench.Done($"train @step {Options} -o @run");
        bench.Ended(ExitCode.Failed, "export @run -o @disk/out.onnx", "the disk is full");
    }

    [TestMethod]
    [RequiresSmallDisk]
    public void A_disk_that_fills_during_training_loses_nothing_and_with_room_the_run_goes_on_to_the_same_bits()
    {
        bench.Bake("sghmc");
        // 40 samples take a page of the disk each.
        const string Options = "--data @data.csv --epochs 40 --cycles 1 --exploration-share 0.2 --samples-per-cycle 40 --threads 1";
        bench.Done($"train @step {Options} -o @whole");
        using var disk = new SmallDisk(bench["disk"], 96);
        var (code, output, error) = bench.Run($"train @step {Options} -o @disk/run --checkpoint-seconds 0");
        Assert.AreEqual(ExitCode.Failed, code, error);
        Assert.AreEqual("", output);
        Workbench.IsOneMessage(error, Options);
        Assert.Contains("--resume", error);
        Assert.IsEmpty(Directory.GetFiles(bench["disk"], "*.partial", SearchOption.AllDirectories));
        disk.Resize(2048);
        bench.Done($"train @step {Options} -o @disk/run --resume");
        RunBits.AreEqual(bench["whole"], bench["disk/run"]);
    }
}
