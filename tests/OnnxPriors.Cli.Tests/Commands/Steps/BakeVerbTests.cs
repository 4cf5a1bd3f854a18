using System.Text.Json.Nodes;
using OnnxPriors.Artifacts;
using OnnxPriors.Cli.Commands;
using OnnxPriors.Testing;

namespace OnnxPriors.Cli.Tests.Commands.Steps;

[TestClass]
public sealed class BakeVerbTests
{
    private string folder = "";

    [TestInitialize]
    public void MakeFolder() => folder = Directory.CreateTempSubdirectory("onnxpriors-bake-").FullName;

    [TestCleanup]
    public void DeleteFolder() => Directory.Delete(folder, recursive: true);

    [TestMethod]
    [RequiresShared]
    public void A_step_is_baked_and_reported()
    {
        var step = Path.Combine(folder, "step");
        var (code, output, error) = Run("bake", SharedFiles.Path("models/cifar10-cnn-pytorch.onnx"), "--prior", "isotropic", "--scale", "0.25", "--classes", "3", "-o", step, "--optimizer", "sgd", "--nesterov", "--json");
        Assert.AreEqual(ExitCode.Done, code, error);
        var report = JsonNode.Parse(output)!;
        var manifest = ManifestFile.Read(step);
        ManifestFile.VerifyFiles(step, manifest);
        Assert.AreEqual("isotropic", (string)report["prior"]!);
        Assert.AreEqual(0.25, manifest.Prior.Scale);
        Assert.IsTrue(manifest.Optimizer.Nesterov);
        Assert.AreEqual(manifest.StateLayout().ElementCount, (long)report["trainedElements"]!);
        Assert.AreEqual(manifest.Parameters.Where(p => p.Role == "head").Sum(p => p.Count), (long)report["headElements"]!);
    }

    [TestMethod]
    [RequiresShared]
    public void Training_the_head_alone_freezes_the_rest()
    {
        var step = Path.Combine(folder, "step");
        var (code, _, error) = Run("bake", SharedFiles.Path("models/cifar10-cnn-pytorch.onnx"), "--prior", "none", "--classes", "3", "--train", "head", "-o", step);
        Assert.AreEqual(ExitCode.Done, code, error);
        Assert.IsTrue(ManifestFile.Read(step).Parameters.All(p => p.Role == "head"));
    }

    [TestMethod]
    [RequiresShared]
    [DataRow("isotropic", "--scale", "-1", "above 0")]
    [DataRow("none", "--classes", "1", "at least 2 classes")]
    [DataRow("nowhere.safetensors", "--scale", "1", "'nowhere.safetensors'")]
    [DataRow("none", "--weight-decay", "0.1", "--weight-decay goes with --optimizer adamw")]
    [DataRow("none", "--train", "from:nowhere", "nowhere")]
    public void What_cannot_be_baked_is_one_message_and_leaves_nothing(string prior, string option, string value, string words)
    {
        var step = Path.Combine(folder, "step");
        string[] classes = option == "--classes" ? [] : ["--classes", "3"];
        var (code, output, error) = Run(["bake", SharedFiles.Path("models/iris-mlp-pytorch.onnx"), "--prior", prior, "-o", step, option, value, .. classes]);
        Assert.AreEqual(ExitCode.BadInput, code);
        Assert.AreEqual("", output);
        Assert.Contains(words, error);
        Assert.IsEmpty(Directory.EnumerateFileSystemEntries(folder));
    }

    private static (int Code, string Output, string Error) Run(params string[] arguments)
    {
        using var output = new StringWriter();
        using var error = new StringWriter();
        return (CommandLine.Run(arguments, output, error), output.ToString(), error.ToString());
    }
}
