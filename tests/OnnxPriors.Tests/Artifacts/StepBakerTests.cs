using OnnxPriors.Artifacts;
using OnnxPriors.Importing;
using OnnxPriors.Onnx;
using OnnxPriors.Optimizers;
using OnnxPriors.Priors;
using OnnxPriors.Testing;

namespace OnnxPriors.Tests.Artifacts;

[TestClass]
public sealed class StepBakerTests
{
    private string root = "";

    [TestInitialize]
    public void MakeFolder() => root = Directory.CreateTempSubdirectory("onnxpriors-bake-").FullName;

    [TestCleanup]
    public void DeleteFolder() => Directory.Delete(root, recursive: true);

    [TestMethod]
    [RequiresShared]
    [DataRow("iris-mlp-pytorch.onnx", PriorKind.Isotropic, "adamw")]
    [DataRow("cifar10-cnn-pytorch.onnx", PriorKind.Zero, "sgd")]
    [DataRow("squeezenet-imagenet-caffe2-fp16.onnx", PriorKind.None, "sghmc")]
    public void A_baked_folder_is_whole_and_its_manifest_true(string file, PriorKind prior, string optimizer)
    {
        var model = Import(file);
        var folder = Path.Combine(root, "step");
        var report = StepBaker.Bake(model, Options(prior, optimizer, file), folder);
        var manifest = ManifestFile.Read(folder);
        ManifestFile.VerifyFiles(folder, manifest);
        Assert.AreEqual(4, manifest.Classes);
        Assert.AreEqual(report.TrainedTensors, manifest.Parameters.Count);
        Assert.AreEqual(model.Source.Sha256, manifest.Source.Sha256);
        var gradient = OnnxFile.Load(Path.Combine(folder, StepFiles.Gradient)).Graph;
        string[] expected = [.. manifest.Inputs.Select(i => i.Name), manifest.Labels, manifest.LabelCount, .. manifest.Parameters.Select(p => p.Name)];
        Assert.AreSequenceEqual(expected, gradient.Inputs.Select(i => i.Name));
        Assert.AreSequenceEqual([manifest.Loss, manifest.Logits, .. manifest.Parameters.Select(p => p.Gradient)], gradient.Outputs.Select(o => o.Name));
        Assert.IsTrue(gradient.Nodes.All(n => n.Domain.Length == 0));
        Assert.AreEqual("batch", manifest.Inputs[0].Shape[0]);
        Assert.Contains(p => p.Role == "head", manifest.Parameters);
    }

    [TestMethod]
    [RequiresShared]
    public void The_flat_parameters_are_the_models_with_zeros_between()
    {
        var model = Import("cifar10-cnn-pytorch.onnx");
        var folder = Path.Combine(root, "step");
        StepBaker.Bake(model, Options(PriorKind.None, "sgd", "model.onnx"), folder);
        var manifest = ManifestFile.Read(folder);
        var theta = File.ReadAllBytes(Path.Combine(folder, StepFiles.Parameters));
        var floats = System.Runtime.InteropServices.MemoryMarshal.Cast<byte, float>(theta).ToArray();
        Assert.HasCount((int)manifest.StateLength, floats);
        var covered = 0.0;
        foreach (var parameter in manifest.Parameters)
        {
            var values = floats[(int)parameter.Offset..(int)(parameter.Offset + parameter.Count)];
            Assert.AreSequenceEqual(model.Tensors.Single(t => t.Name == parameter.Name).Tensor.Data!.ToSingle(), values);
            covered += values.Sum(v => Math.Abs((double)v));
        }
        Assert.AreEqual(floats.Sum(v => Math.Abs((double)v)), covered, covered * 1e-9);
    }

    [TestMethod]
    [RequiresShared]
    public void With_a_learned_prior_everything_of_the_features_stands_at_its_mean()
    {
        var model = Import("cifar10-cnn-pytorch.onnx", "head");
        var source = ModelImporter.Import(model.Source, new() { Form = ImportForm.OwnHead });
        var path = Path.Combine(root, "prior.safetensors");
        var random = new Random(1);
        PosteriorFile.Write(path, PosteriorOf(source, random));
        var folder = Path.Combine(root, "step");
        var report = StepBaker.Bake(model, Options(PriorKind.Learned, "sgd", "model.onnx") with { Prior = new() { Kind = PriorKind.Learned, Path = path } }, folder);
        Assert.AreEqual("learned", report.Manifest.Prior.Kind);
        // Frozen features: initializers of the gradient model, moved to the fit's mean.
        using var posterior = PosteriorReader.Open(path);
        var gradient = OnnxFile.Load(Path.Combine(folder, StepFiles.Gradient)).Graph;
        var tried = 0;
        foreach (var frozen in model.Tensors.Where(t => t.Use == TensorUse.Frozen && t.Part == ModelPart.Features))
        {
            var mean = new float[frozen.Count];
            posterior.ReadMean(posterior.Tensors.ToList().FindIndex(t => t.Name == frozen.Name), 0, mean);
            Assert.AreSequenceEqual(mean, gradient.Find(frozen.Name)!.Data!.ToSingle());
            tried++;
        }
        Assert.IsGreaterThan(2, tried);
    }

    [TestMethod]
    [RequiresShared]
    public void A_step_that_stood_there_is_replaced_and_a_failed_bake_leaves_it()
    {
        var model = Import("iris-mlp-pytorch.onnx");
        var folder = Path.Combine(root, "step");
        StepBaker.Bake(model, Options(PriorKind.None, "sgd", "first.onnx"), folder);
        Assert.ThrowsExactly<InvalidPriorException>(() => StepBaker.Bake(model, Options(PriorKind.Zero, "sgd", "bad.onnx") with { Prior = new() { Kind = PriorKind.Zero, HeadVariance = -1 } }, folder));
        Assert.AreEqual("first.onnx", ManifestFile.Read(folder).Source.FileName);
        StepBaker.Bake(model, Options(PriorKind.None, "sgd", "second.onnx"), folder);
        Assert.AreEqual("second.onnx", ManifestFile.Read(folder).Source.FileName);
        Assert.HasCount(1, Directory.GetFileSystemEntries(root));
    }

    [TestMethod]
    [RequiresShared]
    public void A_folder_of_something_else_is_not_replaced()
    {
        var folder = Directory.CreateDirectory(Path.Combine(root, "photos")).FullName;
        File.WriteAllText(Path.Combine(folder, "mine.txt"), "keep");
        Assert.ThrowsExactly<ArtifactException>(() => StepBaker.Bake(Import("iris-mlp-pytorch.onnx"), Options(PriorKind.None, "sgd", "m.onnx"), folder));
        Assert.IsTrue(File.Exists(Path.Combine(folder, "mine.txt")));
    }

    private static ImportedModel Import(string file, string train = "all") =>
        ModelImporter.Import(OnnxFile.Load(SharedFiles.Path($"models/{file}")), new() { Form = ImportForm.NewHead, Classes = 4, Train = train });

    private static BakeOptions Options(PriorKind prior, string optimizer, string file) => new()
    {
        Prior = new() { Kind = prior },
        Optimizer = Optimizer.Find(optimizer)!,
        SourceFileName = file,
    };

    private static Posterior PosteriorOf(ImportedModel source, Random random)
    {
        float[] Draw(long count, double scale) => [.. Enumerable.Range(0, (int)count).Select(_ => (float)((random.NextDouble() - 0.5) * scale))];
        return new Posterior(
            new PosteriorMetadata { Method = "swag", Rank = 2, Samples = 4, SourceSha256 = source.Source.Sha256 },
            [.. source.Trainable.Select(t => new PosteriorTensor(t.Name, [.. t.Tensor.Data!.Dimensions], Draw(t.Count, 1), [.. Draw(t.Count, 1).Select(Math.Abs)], Draw(2 * t.Count, 0.1)))]);
    }
}
