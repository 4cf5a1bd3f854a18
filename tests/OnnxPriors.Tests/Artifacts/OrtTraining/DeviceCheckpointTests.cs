using System.Collections.Immutable;
using OnnxPriors.Artifacts;
using OnnxPriors.Artifacts.OrtTraining;
using OnnxPriors.Graphs;
using OnnxPriors.Importing;
using OnnxPriors.Onnx;
using OnnxPriors.Optimizers;
using OnnxPriors.Testing;
using OnnxPriors.Tests.Engines;

namespace OnnxPriors.Tests.Artifacts.OrtTraining;

[TestClass]
public sealed class DeviceCheckpointTests
{
    private string root = "";
    private string folder = "";

    [TestInitialize]
    public void MakePackage()
    {
        root = Directory.CreateTempSubdirectory("onnxpriors-device-").FullName;
        folder = Path.Combine(root, "package");
        Packages.Bake(folder);
    }

    [TestCleanup]
    public void DeleteFolder() => Directory.Delete(root, recursive: true);

    [TestMethod]
    public void The_exported_model_predicts_what_the_trained_parameters_do()
    {
        var path = Trained();
        var eval = OnnxFile.Load(Path.Combine(folder, OrtTrainingFiles.Eval));
        var feeds = Packages.Feeds(folder, eval.Graph, 0, 0);
        foreach (var tensor in TrainingCheckpointFile.Read(path).Trainable)
            feeds[tensor.Name] = TensorData.Of(tensor.ToSingles(), tensor.Dimensions);
        var logits = OnnxRuntime.Run(OnnxFile.ToBytes(eval), feeds)["logits"].ToDouble();
        foreach (var source in (string[])[path, Buffer(path)])
        {
            var model = DeviceCheckpoint.Open(source, folder).Export();
            var probabilities = OnnxRuntime.Run(model, feeds)[PersonalModel.Output].ToDouble();
            for (var row = 0; row < 6; row++)
            {
                var exponentials = logits[(row * Packages.Classes)..((row + 1) * Packages.Classes)].Select(Math.Exp).ToArray();
                for (var c = 0; c < Packages.Classes; c++)
                    Assert.AreEqual(exponentials[c] / exponentials.Sum(), probabilities[row * Packages.Classes + c], 1e-5);
            }
        }
    }

    [TestMethod]
    [RequiresShared]
    public void A_checkpoint_that_the_real_runtime_saved_becomes_the_model_that_it_exported()
    {
        var imported = ModelImporter.Import(OnnxFile.Load(SharedFiles.Path("models/cifar10-cnn-pytorch.onnx")), new() { Form = ImportForm.NewHead, Classes = 10 });
        var package = Path.Combine(root, "cifar10");
        StepBaker.Bake(imported, new() { Prior = new() { Kind = PriorKind.None }, Optimizer = Optimizer.Find("adamw")!, SourceFileName = "cifar10-cnn-pytorch.onnx", Targets = BakeTargets.Both }, package);
        // The runtime trained the network's own last layer; a bake makes a new one of the same shape, under a name of its own.
        var saved = TrainingCheckpointFile.Read(SharedFiles.Path("ort-training-golden/checkpoint_after_50"));
        CheckpointTensor Named(CheckpointTensor t) => new(NameOf(t.Name), t.Dimensions, t.Type, t.CopyTo);
        var path = Path.Combine(root, "saved");
        TrainingCheckpointFile.Write(path, saved with
        {
            Trainable = [.. saved.Trainable.Select(Named)],
            Optimizer = saved.Optimizer! with { States = [.. saved.Optimizer.States.Select(state => state with { Parameter = NameOf(state.Parameter) })] },
        });
        var checkpoint = DeviceCheckpoint.Open(path, package);
        var expected = OnnxFile.Load(SharedFiles.Path("ort-training-golden/inference_after_50.onnx"));
        var pictures = Engines.OnnxRuntime.Normal(expected.Graph.Inputs[0].Shape!, 5, batch: 8);
        var logits = OnnxRuntime.Run(OnnxFile.ToBytes(expected), new Dictionary<string, TensorData> { [expected.Graph.Inputs[0].Name] = pictures }).Single().Value.ToDouble();
        var exported = checkpoint.Export();
        var found = OnnxRuntime.Run(exported, new Dictionary<string, TensorData> { [exported.Graph.Inputs[0].Name] = pictures })[PersonalModel.Output].ToDouble();
        for (var row = 0; row < 8; row++)
        {
            var exponentials = logits[(row * 10)..((row + 1) * 10)].Select(Math.Exp).ToArray();
            // Float32 kernels in two orders of summation.
            for (var c = 0; c < 10; c++)
                Assert.AreEqual(exponentials[c] / exponentials.Sum(), found[row * 10 + c], 1e-5);
        }
        Assert.AreEqual(50, checkpoint.Resume(Path.Combine(root, "resumed")).Optimizer.InitialStep);

        static string NameOf(string name) => name.Replace("fc1.", "head.", StringComparison.Ordinal);
    }

    [TestMethod]
    public void A_resumed_step_has_the_parameters_the_moments_and_the_count()
    {
        var path = Trained();
        var target = Path.Combine(root, "step");
        var manifest = DeviceCheckpoint.Open(path, folder).Resume(target);
        ManifestFile.VerifyFiles(target, ManifestFile.Read(target));
        Assert.AreEqual(12, manifest.Optimizer.InitialStep);
        Assert.IsNull(manifest.OrtTraining);
        var checkpoint = TrainingCheckpointFile.Read(path);
        var (theta, states) = (Packages.Floats(target, StepFiles.Parameters), Packages.Floats(target, StepFiles.States));
        foreach (var p in manifest.Parameters)
        {
            var (start, end) = ((int)p.Offset, (int)(p.Offset + p.Count));
            Assert.AreSequenceEqual(checkpoint.Trainable.Single(t => t.Name == p.Name).ToSingles(), theta[start..end]);
            var moments = checkpoint.Optimizer!.States.Single(s => s.Parameter == p.Name).Moments;
            Assert.AreSequenceEqual(moments[0].ToSingles(), states[start..end]);
            Assert.AreSequenceEqual(moments[1].ToSingles(), states[(start + theta.Length)..(end + theta.Length)]);
        }
        var bare = DeviceCheckpoint.Open(Buffer(path), folder).Resume(Path.Combine(root, "bare"));
        Assert.AreEqual(0, bare.Optimizer.InitialStep);
        Assert.DoesNotContain(f => f.Name == StepFiles.States, bare.Files);
    }

    [TestMethod]
    public void A_flipped_byte_of_any_file_a_missing_file_and_a_newer_schema_are_refused()
    {
        var trained = Trained();
        foreach (var file in ManifestFile.Read(folder).Files)
        {
            var path = Path.Combine(folder, file.Name);
            var bytes = File.ReadAllBytes(path);
            bytes[bytes.Length / 2] ^= 4;
            File.WriteAllBytes(path, bytes);
            var message = Assert.ThrowsExactly<ArtifactException>(() => DeviceCheckpoint.Open(trained, folder)).Message;
            Assert.Contains(file.Name, message);
            Assert.Contains("was changed", message);
            bytes[bytes.Length / 2] ^= 4;
            File.WriteAllBytes(path, bytes);
        }
        _ = DeviceCheckpoint.Open(trained, folder);
        File.Delete(Path.Combine(folder, OrtTrainingFiles.Inference));
        Assert.Contains("lacks 'inference_model.onnx'", Assert.ThrowsExactly<ArtifactException>(() => DeviceCheckpoint.Open(trained, folder)).Message);
        var json = Path.Combine(folder, StepFiles.Manifest);
        File.WriteAllText(json, File.ReadAllText(json).Replace("\"schemaVersion\": 1", "\"schemaVersion\": 2", StringComparison.Ordinal));
        Assert.Contains("schema 2", Assert.ThrowsExactly<ArtifactException>(() => DeviceCheckpoint.Open(trained, folder)).Message);
    }

    [TestMethod]
    public void A_checkpoint_of_another_package_or_model_is_refused_with_what_differs()
    {
        var path = Trained();
        var other = Path.Combine(root, "other");
        Packages.Bake(other, kind: PriorKind.Zero);
        Assert.Contains("another package", Assert.ThrowsExactly<ArtifactException>(() => DeviceCheckpoint.Open(path, other)).Message);
        TrainingCheckpointFile.Write(path, new() { Trainable = [CheckpointTensor.Of("head.weight", [2], new float[2])] });
        var message = Assert.ThrowsExactly<ArtifactException>(() => DeviceCheckpoint.Open(path, folder)).Message;
        Assert.Contains("of another model", message);
        Assert.Contains("'conv1.weight' is missing", message);
        File.WriteAllBytes(path, new byte[40]);
        Assert.Contains("neither a checkpoint nor a parameter buffer", Assert.ThrowsExactly<ArtifactException>(() => DeviceCheckpoint.Open(path, folder)).Message);
    }

    [TestMethod]
    public void Parameters_that_diverged_are_not_exported()
    {
        var path = Trained(float.NaN);
        Assert.Contains("not finite", Assert.ThrowsExactly<ArtifactException>(() => DeviceCheckpoint.Open(path, folder).Export()).Message);
    }

    // As the runtime saves it: every parameter moved, two moments each, twelve updates, the baked properties kept.
    private string Trained(float last = 0)
    {
        var baked = TrainingCheckpointFile.Read(Path.Combine(folder, OrtTrainingFiles.Checkpoint));
        var random = new Random(3);
        CheckpointTensor Moved(CheckpointTensor t, string name, Func<float, float> move) => CheckpointTensor.Of(name, t.Dimensions, t.ToSingles().Select(move).ToArray());
        var trained = baked.Trainable.Select(t => Moved(t, t.Name, v => v + 0.1f * (random.NextSingle() - 0.5f))).ToImmutableArray();
        if (float.IsNaN(last))
            trained = trained.SetItem(0, Moved(trained[0], trained[0].Name, _ => last));
        var path = Path.Combine(root, "trained");
        TrainingCheckpointFile.Write(path, baked with
        {
            Trainable = trained,
            Optimizer = new(12, 1e-3f, [.. baked.Trainable.Select(t => new CheckpointMoments(t.Name, [Moved(t, "momentum0", _ => random.NextSingle()), Moved(t, "momentum1", _ => random.NextSingle())]))]),
        });
        return path;
    }

    private string Buffer(string checkpoint)
    {
        var path = Path.Combine(root, "buffer.bin");
        using var file = File.Create(path);
        foreach (var tensor in TrainingCheckpointFile.Read(checkpoint).Trainable)
            tensor.CopyTo(file);
        return path;
    }
}
