using System.Text.Json.Nodes;
using OnnxPriors.Cli.Commands;
using OnnxPriors.Data.Arrays;
using OnnxPriors.Importing;
using OnnxPriors.Onnx;
using OnnxPriors.Testing;

namespace OnnxPriors.Cli.Tests.Commands.Models;

[TestClass]
public sealed class GradientsVerbTests
{
    // Float32 under ONNX Runtime against libtorch in float64, relative to each tensor's norm.
    private const double Tolerance = 1e-3;

    private string folder = "";

    [TestInitialize]
    public void MakeFolder() => folder = Directory.CreateTempSubdirectory("onnxpriors-gradients-").FullName;

    [TestCleanup]
    public void DeleteFolder() => Directory.Delete(folder, recursive: true);

    [TestMethod]
    [RequiresShared]
    [DataRow("cifar10-cnn-pytorch.onnx")]
    [DataRow("iris-mlp-pytorch.onnx")]
    [DataRow("mnist-cnn-cntk.onnx")]
    [DataRow("squeezenet-imagenet-caffe2-fp16.onnx")]
    [DataRow("efficientnet-lite0-imagenet-pytorch.onnx")]
    public void Both_engines_write_the_same_gradients_under_the_files_names_and_shapes(string file)
    {
        var model = SharedFiles.Path($"models/{file}");
        var (inputs, step, torch) = (Path.Combine(folder, "batch.npz"), Path.Combine(folder, "step.npz"), Path.Combine(folder, "torch.npz"));
        WriteBatch(model, inputs, 3);
        var (code, output, error) = Run("gradients", model, "--inputs", inputs, "-o", step, "--json");
        Assert.AreEqual(ExitCode.Done, code, error);
        var report = JsonNode.Parse(output)!;
        Assert.AreEqual(ExitCode.Done, Run("gradients", model, "--inputs", inputs, "-o", torch, "--engine", "torch").Code);
        var (ours, theirs) = (NpzFile.Read(step), NpzFile.Read(torch));
        Assert.AreSequenceEqual(theirs.Keys.Order(), ours.Keys.Order());
        Assert.AreEqual(theirs["loss"].ToDoubles()[0], ours["loss"].ToDoubles()[0], 1e-4);
        Assert.AreEqual((double)report["loss"]!, ours["loss"].ToDoubles()[0], 1e-6);
        Assert.IsEmpty(ours["loss"].Shape);
        var initializers = OnnxFile.Load(model).Graph.Parameters.ToDictionary(p => p.Name);
        var whole = Math.Sqrt(theirs.Where(t => t.Key != "loss").Sum(t => t.Value.ToDoubles().Sum(v => v * v)));
        foreach (var (name, expected) in theirs.Where(t => t.Key != "loss"))
        {
            Assert.AreSequenceEqual(initializers[name].Data!.Dimensions, ours[name].Shape, $"{file}: {name}");
            var (a, b) = (ours[name].ToDoubles(), expected.ToDoubles());
            var distance = Math.Sqrt(a.Zip(b, (x, y) => (x - y) * (x - y)).Sum()) / Math.Max(Math.Sqrt(b.Sum(v => v * v)), 1e-6 * whole);
            Assert.IsLessThanOrEqualTo(Tolerance, distance, $"{file}: {name}");
        }
    }

    [TestMethod]
    [RequiresShared]
    public void Labels_that_are_missing_or_outside_the_classes_are_bad_input()
    {
        var model = SharedFiles.Path("models/iris-mlp-pytorch.onnx");
        var inputs = Path.Combine(folder, "batch.npz");
        foreach (var (labels, words) in ((long[]?, string)[])[(null, "lacks the array 'labels'"), ([0, 3, 1], "classes are 0 to 2"), ([0, 1], "3 examples and 2 labels")])
        {
            WriteBatch(model, inputs, 3, labels ?? [], labels is not null);
            var (code, output, error) = Run("gradients", model, "--inputs", inputs, "-o", Path.Combine(folder, "out.npz"));
            Assert.AreEqual(ExitCode.BadInput, code);
            Assert.AreEqual("", output);
            Assert.Contains(words, error);
            Assert.IsFalse(File.Exists(Path.Combine(folder, "out.npz")));
        }
    }

    private static void WriteBatch(string path, string file, int batch) =>
        WriteBatch(path, file, batch, [.. Enumerable.Range(0, batch).Select(i => (long)(i % 3))], true);

    private static void WriteBatch(string path, string file, int batch, long[] labels, bool hasLabels)
    {
        var random = new Random(2);
        var model = ModelImporter.Import(OnnxFile.Load(path), new() { Form = ImportForm.OwnHead });
        var arrays = model.Graph.Inputs.ToDictionary(i => i.Name, i =>
        {
            long[] shape = [batch, .. i.Shape!.Skip(1).Select(d => d.Value ?? 64)];
            return NpzArray.Of<float>(Enumerable.Range(0, (int)shape.Aggregate(1L, (p, d) => p * d)).Select(_ => (float)(random.NextDouble() * 2 - 1)).ToArray(), shape);
        });
        if (hasLabels)
            arrays.Add("labels", NpzArray.Of<long>(labels, labels.Length));
        NpzFile.Write(file, arrays);
    }

    private static (int Code, string Output, string Error) Run(params string[] arguments)
    {
        using var output = new StringWriter();
        using var error = new StringWriter();
        return (CommandLine.Run(arguments, output, error), output.ToString(), error.ToString());
    }
}
