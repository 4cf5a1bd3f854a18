using System.Text.Json.Nodes;
using OnnxPriors.Cli.Commands;
using OnnxPriors.Importing;
using OnnxPriors.Onnx;
using OnnxPriors.Testing;

namespace OnnxPriors.Cli.Tests.Commands.Models;

[TestClass]
public sealed class ModelVerbsTests
{
    private readonly string folder = Directory.CreateTempSubdirectory("onnxpriors-").FullName;

    [TestCleanup]
    public void RemoveFolder() => Directory.Delete(folder, recursive: true);

    private string Out => Path.Combine(folder, "out.onnx");

    private static string SqueezeNet => SharedFiles.Path("models/squeezenet-imagenet-caffe2-fp16.onnx");

    private static (int Code, string Output, string Error) Run(params string[] args)
    {
        using var output = new StringWriter();
        using var error = new StringWriter();
        var code = CommandLine.Run(args, output, error);
        return (code, output.ToString(), error.ToString());
    }

    [TestMethod]
    [RequiresShared]
    public void Inspect_tells_people_and_programs_the_same()
    {
        var (code, text, _) = Run("inspect", SqueezeNet);
        Assert.AreEqual(ExitCode.Done, code);
        foreach (var part in new[] { "ai.onnx 7", "26 Conv", "1,235,496 in 52 tensors", "fire9/concat_1 [1, 512, 13, 13]", "bias of Conv node 'conv10_1'" })
            Assert.Contains(part, text);
        var (_, json, _) = Run("inspect", SqueezeNet, "--json");
        var document = JsonNode.Parse(json)!;
        Assert.AreEqual(1_235_496, (long)document["parameters"]!);
        Assert.AreEqual(26, (int)document["operators"]!["Conv"]!);
        Assert.IsEmpty(document["unsupported"]!.AsArray());
        Assert.AreEqual("fire9/concat_1", (string)document["split"]!["features"]!);
        Assert.HasCount(52, document["tensors"]!.AsArray());
        Assert.AreEqual(224, (int)document["inputs"]![0]!["shape"]![3]!);
    }

    [TestMethod]
    [RequiresShared]
    public void Import_writes_a_fresh_head_and_how_pictures_are_prepared()
    {
        var (code, json, error) = Run("import", SqueezeNet, "-o", Out, "--classes", "10", "--preprocess", "caffe2-bgr", "--json");
        Assert.AreEqual(ExitCode.Done, code, error);
        Assert.AreEqual(10, (int)JsonNode.Parse(json)!["classes"]!);
        var model = OnnxFile.Load(Out);
        Assert.AreEqual(18, model.Opset);
        Assert.AreEqual("[batch, 10]", model.Graph.Outputs[0].Shape!.ToString());
        Assert.Contains("bgr", model.Metadata[MetadataKeys.Preprocess]);
        Assert.AreEqual(OnnxFile.Load(SqueezeNet).Sha256, model.Metadata[MetadataKeys.Source]);
        Assert.IsTrue(model.Graph.Parameters.Any(p => p.Name == "conv1_w_0"));
    }

    [TestMethod]
    [RequiresShared]
    public void Features_that_were_named_are_remembered()
    {
        Assert.AreEqual(ExitCode.Done, Run("import", SqueezeNet, "-o", Out, "--features", "fire8/concat_1").Code);
        var imported = ModelImporter.Import(OnnxFile.Load(Out), new() { Form = ImportForm.NewHead, Classes = 3 });
        Assert.AreEqual("fire8/concat_1", imported.Split!.Features.Name);
    }

    [TestMethod]
    [RequiresShared]
    [DataRow("nowhere", "--features", "no value 'nowhere'")]
    [DataRow("1", "--classes", "at least 2")]
    [DataRow("film", "--preprocess", "no preprocessing preset")]
    [DataRow("rate=16000", "--bind", "no input 'rate'")]
    [DataRow("data_0=1xx2", "--shape", "is no shape")]
    [DataRow("data_0=1x2", "--shape", "4 axes")]
    public void What_does_not_fit_the_model_is_said_and_nothing_is_written(string value, string option, string message)
    {
        var (code, _, error) = Run("import", SqueezeNet, "-o", Out, option, value);
        Assert.AreEqual(ExitCode.BadInput, code);
        Assert.Contains(message, error);
        Assert.IsEmpty(Directory.GetFileSystemEntries(folder));
    }

    [TestMethod]
    public void A_file_that_is_no_model_is_named()
    {
        var path = Path.Combine(folder, "text.onnx");
        File.WriteAllText(path, "This is not a model at all, though its name says so.");
        foreach (var verb in new[] { "inspect", "import" })
        {
            var (code, _, error) = verb == "inspect" ? Run(verb, path) : Run(verb, path, "-o", Out);
            Assert.AreEqual(ExitCode.BadInput, code);
            Assert.Contains("text.onnx", error);
        }
        Assert.IsFalse(File.Exists(Out));
    }
}
