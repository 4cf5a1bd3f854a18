using OnnxPriors.Artifacts;
using OnnxPriors.Artifacts.OrtTraining;
using OnnxPriors.Graphs;
using OnnxPriors.Onnx;
using OnnxPriors.Priors;
using OnnxPriors.Tests.Engines;

namespace OnnxPriors.Tests.Artifacts.OrtTraining;

[TestClass]
public sealed class OrtTrainingBakerTests
{
    private string root = "";
    private string folder = "";

    [TestInitialize]
    public void MakeFolder()
    {
        root = Directory.CreateTempSubdirectory("onnxpriors-package-").FullName;
        folder = Path.Combine(root, "package");
    }

    [TestCleanup]
    public void DeleteFolder() => Directory.Delete(root, recursive: true);

    [TestMethod]
    [DataRow(PriorKind.Learned)]
    [DataRow(PriorKind.Isotropic)]
    [DataRow(PriorKind.Zero)]
    public void Loss_and_gradients_are_the_steps_with_the_prior_added(PriorKind kind)
    {
        const float Weight = 0.05f;
        Packages.Bake(folder, kind: kind);
        var manifest = ManifestFile.Read(folder);
        var training = OnnxFile.Load(Path.Combine(folder, OrtTrainingFiles.Training));
        var feeds = Packages.Feeds(folder, training.Graph, 0.2, Weight);
        var found = OnnxRuntime.Run(Packages.Plain(training), feeds);
        feeds[manifest.LabelCount] = TensorData.Of([6f], []);
        var step = OnnxRuntime.Run(File.ReadAllBytes(Path.Combine(folder, StepFiles.Gradient)), feeds);

        // The prior by its definition, in float64, from the flat file.
        var flat = Packages.Floats(folder, StepFiles.Prior);
        var theta = new double[manifest.StateLength];
        foreach (var p in manifest.Parameters)
            feeds[p.Name].ToDouble().CopyTo(theta, p.Offset);
        var length = theta.Length;
        var delta = theta.Select((t, i) => t - flat[i]).ToArray();
        var projection = Enumerable.Range(0, manifest.Prior.Rank).Select(k => delta.Select((d, i) => d * flat[(2 + k) * length + i]).Sum()).ToArray();
        var energy = 0.5 * (delta.Select((d, i) => flat[length + i] * d * d).Sum() - projection.Sum(p => p * p));
        Assert.IsGreaterThan(1.0, energy, "the comparison is of a prior that is felt");
        var loss = step[manifest.Loss].ToDouble()[0] + Weight * energy;
        // Float32 sums of some thousand terms.
        Assert.AreEqual(loss, found["loss"].ToDouble()[0], 2e-6 * loss);
        Assert.IsLessThan(1e-6, OnnxRuntime.RelativeError(found["logits"], step[manifest.Logits]));
        foreach (var p in manifest.Parameters)
        {
            var expected = step[p.Gradient].ToDouble();
            for (var i = 0; i < expected.Length; i++)
            {
                var at = (int)p.Offset + i;
                expected[i] += Weight * (flat[length + at] * delta[at] - projection.Select((q, k) => q * flat[(2 + k) * length + at]).Sum());
            }
            Assert.IsLessThan(2e-5, OnnxRuntime.RelativeError(found[$"{p.Name}_grad"], TensorData.Of([.. expected.Select(v => (float)v)], [.. p.Shape])), p.Name);
        }
        var eval = OnnxRuntime.Run(File.ReadAllBytes(Path.Combine(folder, OrtTrainingFiles.Eval)), feeds);
        Assert.AreEqual(found["loss"].ToDouble()[0], eval["loss"].ToDouble()[0], 1e-6 * loss);
    }

    [TestMethod]
    public void The_models_have_the_names_and_order_that_the_runtime_wants()
    {
        Packages.Bake(folder);
        var manifest = ManifestFile.Read(folder);
        var training = OnnxFile.Load(Path.Combine(folder, OrtTrainingFiles.Training));
        var eval = OnnxFile.Load(Path.Combine(folder, OrtTrainingFiles.Eval));
        string[] parameters = [.. manifest.Parameters.Select(p => p.Name)];
        string[] shared = ["image", "labels", "prior_weight", .. parameters, .. manifest.OrtTraining!.Frozen];
        Assert.AreSequenceEqual([.. shared, .. parameters.Select(p => $"{p}_grad.accumulation.buffer"), "lazy_reset_grad"], training.Graph.Inputs.Select(i => i.Name));
        Assert.AreSequenceEqual(shared, eval.Graph.Inputs.Select(i => i.Name));
        Assert.AreSequenceEqual(["loss", "logits", .. parameters.Select(p => $"{p}_grad.accumulation.out")], training.Graph.Outputs.Select(o => o.Name));
        Assert.AreSequenceEqual(["loss", "logits"], eval.Graph.Outputs.Select(o => o.Name));
        Assert.AreEqual(0, training.Graph.Outputs[0].Shape!.Rank);
        Assert.IsTrue(training.Opset is >= 16 and <= 21 && training.IrVersion <= 10);
        Assert.IsTrue(training.Graph.Nodes.All(n => n.Domain.Length == 0 || n.Op == "InPlaceAccumulatorV2"));
        Assert.IsFalse(training.Graph.Initializers.Any(v => v.Data!.Count >= 256), "nothing large stands in a model; it would be there twice");
        var checkpoint = TrainingCheckpointFile.Read(Path.Combine(folder, OrtTrainingFiles.Checkpoint));
        Assert.AreSequenceEqual(parameters, checkpoint.Trainable.Select(t => t.Name));
        Assert.AreSequenceEqual(manifest.OrtTraining.Frozen, checkpoint.Frozen.Select(t => t.Name));
        Assert.AreSequenceEqual(manifest.OrtTraining.Inputs.Select(i => i.Name), shared.Take(3));
        Assert.AreEqual(1.0 / 30, manifest.OrtTraining.SuggestedPriorWeight, 1e-12);
    }

    [TestMethod]
    public void Frozen_features_stand_in_the_checkpoint_once_and_only_the_head_trains()
    {
        Packages.Bake(folder, train: "head");
        var manifest = ManifestFile.Read(folder);
        Assert.IsTrue(manifest.Parameters.All(p => p.Role == "head"));
        var checkpoint = TrainingCheckpointFile.Read(Path.Combine(folder, OrtTrainingFiles.Checkpoint));
        var source = Packages.Demo().Graph;
        foreach (var frozen in checkpoint.Frozen.Where(f => source.Find(f.Name) is not null))
            Assert.AreSequenceEqual(source.Find(frozen.Name)!.Data!.ToSingle(), frozen.ToSingles(), "the posterior's mean is the model's own here");
        Assert.Contains(f => f.Name == "conv3.weight", checkpoint.Frozen);
    }

    [TestMethod]
    public void The_model_for_inference_is_the_eval_model_with_its_parameters_inside()
    {
        Packages.Bake(folder);
        var manifest = ManifestFile.Read(folder);
        var eval = OnnxFile.Load(Path.Combine(folder, OrtTrainingFiles.Eval));
        var feeds = Packages.Feeds(folder, eval.Graph, 0, 0);
        var expected = OnnxRuntime.Run(OnnxFile.ToBytes(eval), feeds);
        var found = OnnxRuntime.Run(File.ReadAllBytes(Path.Combine(folder, OrtTrainingFiles.Inference)), feeds);
        Assert.IsLessThan(1e-5, OnnxRuntime.RelativeError(found["logits"], expected["logits"]));
        Assert.AreEqual("image", manifest.OrtTraining!.Inputs[0].Name);
    }

    [TestMethod]
    public void A_package_alone_holds_no_step_and_says_so()
    {
        Packages.Bake(folder, new BakeOptions { Prior = null!, Optimizer = null!, SourceFileName = "", Targets = BakeTargets.OrtTraining });
        Assert.IsFalse(File.Exists(Path.Combine(folder, StepFiles.Prior)));
        Assert.Contains("--target step or both", Assert.ThrowsExactly<ArtifactException>(() => ManifestFile.Read(folder)).Message);
        var manifest = ManifestFile.ReadAny(folder);
        ManifestFile.VerifyFiles(folder, manifest);
        Assert.IsFalse(manifest.HasStep);
    }

    [TestMethod]
    public void Noise_is_an_input_and_a_fixed_learning_rate_stands_in_the_optimizer_model()
    {
        var options = new BakeOptions { Prior = null!, Optimizer = null!, SourceFileName = "", Targets = BakeTargets.OrtTraining, OrtTraining = new() { LearningRate = 0.125f, Examples = 40 } };
        Packages.Bake(folder, options, "sgld");
        var manifest = ManifestFile.ReadAny(folder).OrtTraining!;
        Assert.AreEqual("noise_scale", manifest.NoiseScale);
        Assert.AreEqual(0.125, manifest.LearningRate);
        Assert.AreEqual(1.0 / 40, manifest.SuggestedPriorWeight);
        var training = OnnxFile.Load(Path.Combine(folder, OrtTrainingFiles.Training));
        Assert.AreEqual("noise_scale", training.Graph.Inputs[3].Name);
        var feeds = Packages.Feeds(folder, training.Graph, 0, 0);
        feeds["noise_scale"] = TensorData.Of([0f], []);
        var still = OnnxRuntime.Run(Packages.Plain(training), feeds);
        feeds["noise_scale"] = TensorData.Of([0.5f], []);
        var noisy = OnnxRuntime.Run(Packages.Plain(training), feeds);
        var noise = still.Where(o => o.Key.EndsWith("_grad", StringComparison.Ordinal))
            .SelectMany(o => noisy[o.Key].ToDouble().Zip(o.Value.ToDouble(), (a, b) => a - b)).ToArray();
        // n draws of deviation 0.5: the mean square errs by 0.25 · √(2/n), six times which is the limit.
        Assert.AreEqual(0.25, noise.Sum(v => v * v) / noise.Length, 6 * 0.25 * Math.Sqrt(2.0 / noise.Length));
    }

    [TestMethod]
    [DataRow("sghmc", "velocity")]
    public void A_rule_that_the_runtime_lacks_is_refused_with_the_reason(string optimizer, string reason) =>
        Assert.Contains(reason, Assert.ThrowsExactly<ArtifactException>(() => Packages.Bake(folder, optimizer: optimizer)).Message);

    [TestMethod]
    [DataRow("1.15", "1.16")]
    [DataRow("1.20", "last release is 1.19.2")]
    [DataRow("2.0", "1.16")]
    [DataRow("new", "no version")]
    public void A_release_that_cannot_load_packages_is_refused_with_the_reason(string version, string reason) =>
        Assert.Contains(reason, Assert.ThrowsExactly<ArtifactException>(() => OrtTrainingVersion.Parse(version)).Message);

    [TestMethod]
    public void Older_releases_get_the_older_checkpoint()
    {
        var options = new BakeOptions { Prior = null!, Optimizer = null!, SourceFileName = "", Targets = BakeTargets.OrtTraining, OrtTraining = new() { Version = OrtTrainingVersion.Parse("1.16.3") } };
        Packages.Bake(folder, options);
        Assert.AreEqual(1, TrainingCheckpointFile.Read(Path.Combine(folder, OrtTrainingFiles.Checkpoint)).Version);
        Assert.AreEqual("1.16.3", ManifestFile.ReadAny(folder).OrtTraining!.RuntimeVersion);
    }

    [TestMethod]
    public void Running_statistics_that_move_are_refused()
    {
        var options = new BakeOptions { Prior = null!, Optimizer = null!, SourceFileName = "", Targets = BakeTargets.Both, BatchNormalization = BatchNormalizationMode.Batch };
        Assert.Contains("--batch-norm frozen", Assert.ThrowsExactly<ArtifactException>(() => Packages.Bake(folder, options)).Message);
        Assert.IsFalse(Directory.Exists(folder));
    }
}
