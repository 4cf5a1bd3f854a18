using System.Runtime.InteropServices;
using OnnxPriors.Artifacts;
using OnnxPriors.Artifacts.OrtTraining;
using OnnxPriors.Importing;
using OnnxPriors.Onnx;
using OnnxPriors.Optimizers;
using OnnxPriors.Priors;
using OnnxPriors.Randomness;
using OnnxPriors.Testing;

namespace OnnxPriors.OnDevice.Tests;

/// <summary>Trains the demo's model on a device's own terms, from a folder that was really baked.</summary>
[TestClass]
public sealed class DeviceTrainerTests
{
    private const int Classes = 3;
    private const int Examples = 24;

    private static readonly DeviceTrainingOptions Options = new() { LearningRate = 0.05f, PriorWeight = 1f / Examples, ClipNorm = 5 };

    private string folder = "";

    [TestInitialize]
    public void Bake()
    {
        folder = Path.Combine(Directory.CreateTempSubdirectory("device").FullName, "step");
        Bake(folder, "sgd");
    }

    [TestCleanup]
    public void Clean() => Directory.Delete(Path.GetDirectoryName(folder)!, recursive: true);

    [TestMethod]
    public void The_loss_falls_and_the_prior_is_felt()
    {
        using var trainer = DeviceTrainer.Open(folder);
        var steps = trainer.Train(Enumerable.Repeat(Batch(), 40), Options).ToList();
        Assert.AreEqual(HeadEnergy(), steps[0].PriorEnergy, 1e-5, "training starts at the features' mean; the head's is zero, its variance 1");
        Assert.IsGreaterThan(steps[0].PriorEnergy, steps[^1].PriorEnergy);
        Assert.IsLessThan(0.5f * steps[0].Loss, steps[^1].Loss);
        Assert.AreEqual(40, trainer.Steps);
    }

    [TestMethod]
    public void Predictions_are_probabilities_that_follow_the_labels()
    {
        using var trainer = DeviceTrainer.Open(folder);
        var batch = Batch();
        foreach (var _ in trainer.Train(Enumerable.Repeat(batch, 60), Options))
        {
            // Every step runs when it is asked for.
        }
        var probabilities = trainer.Predict(batch.Inputs, batch.Shape);
        var right = 0;
        for (var i = 0; i < Examples; i++)
        {
            var row = probabilities[(i * Classes)..((i + 1) * Classes)];
            Assert.AreEqual(1, row.Sum(), 1e-5);
            right += Array.IndexOf(row, row.Max()) == batch.Labels[i] ? 1 : 0;
        }
        Assert.IsGreaterThanOrEqualTo(Examples - 2, right);
    }

    [TestMethod]
    public void Saved_parameters_have_the_layout_of_the_manifest()
    {
        using var trainer = DeviceTrainer.Open(folder);
        var path = Path.Combine(Path.GetDirectoryName(folder)!, "personal.bin");
        trainer.Save(path);
        Assert.AreSequenceEqual(File.ReadAllBytes(Path.Combine(folder, StepFiles.Parameters)), File.ReadAllBytes(path));
    }

    [TestMethod]
    public void A_label_outside_the_classes_and_a_damaged_package_are_refused()
    {
        using (var trainer = DeviceTrainer.Open(folder))
        {
            var wrong = Batch() with { Labels = [.. Enumerable.Repeat((long)Classes, Examples)] };
            var refused = Assert.ThrowsExactly<OnDeviceException>(() => trainer.Train([wrong], Options).Count());
            Assert.Contains("label 3", refused.Message);
        }
        var file = Path.Combine(folder, StepFiles.Update);
        var bytes = File.ReadAllBytes(file);
        bytes[^1] ^= 1;
        File.WriteAllBytes(file, bytes);
        Assert.ThrowsExactly<ArtifactException>(() => DeviceTrainer.Open(folder));
    }

    [TestMethod]
    public void A_package_that_was_tampered_with_is_refused_whatever_the_file_before_a_model_is_loaded()
    {
        var both = folder + "-both";
        Bake(both, "adamw", BakeTargets.Both);
        string Refusal() => Assert.ThrowsExactly<ArtifactException>(() => DeviceTrainer.Open(both)).Message;
        foreach (var file in ManifestFile.Read(both).Files)
        {
            var path = Path.Combine(both, file.Name);
            var whole = File.ReadAllBytes(path);
            var changed = whole.ToArray();
            changed[changed.Length / 2] ^= 4;
            File.WriteAllBytes(path, changed);
            Assert.Contains($"{file.Name}' was changed", Refusal());
            File.Delete(path);
            Assert.Contains($"lacks '{file.Name}'", Refusal());
            File.WriteAllBytes(path, whole);
        }
        using (var trainer = DeviceTrainer.Open(both))
            Assert.AreEqual(0, trainer.Steps);
        var other = folder + "-other";
        Bake(other, "adamw", BakeTargets.OrtTraining, classes: 5);
        var checkpoint = Path.Combine(both, OrtTrainingFiles.Checkpoint);
        var own = File.ReadAllBytes(checkpoint);
        File.Copy(Path.Combine(other, OrtTrainingFiles.Checkpoint), checkpoint, overwrite: true);
        Assert.Contains("checkpoint' has", Refusal(), "another model's checkpoint has another length");
        File.WriteAllBytes(checkpoint, own);
        var manifest = Path.Combine(both, StepFiles.Manifest);
        File.WriteAllText(manifest, File.ReadAllText(manifest).Replace("\"schemaVersion\": 1", "\"schemaVersion\": 2", StringComparison.Ordinal));
        Assert.Contains("schema 2", Refusal());
    }

    [TestMethod]
    public void A_sampler_is_refused_with_what_to_bake_instead()
    {
        var sampler = folder + "-sampler";
        Bake(sampler, "sghmc");
        Assert.Contains("--optimizer sgd", Assert.ThrowsExactly<OnDeviceException>(() => DeviceTrainer.Open(sampler)).Message);
    }

    [TestMethod]
    public void Asked_for_the_training_api_without_it_the_library_names_the_package_that_brings_it()
    {
        var both = folder + "-both";
        Bake(both, "sgd", BakeTargets.Both);
        var message = Assert.ThrowsExactly<OnDeviceException>(() => DeviceTrainer.Open(both, DeviceBackend.TrainingApi)).Message;
        Assert.Contains("Microsoft.ML.OnnxRuntime.Training 1.19.2", message);
        Assert.Contains("through the step", message);
        using (var trainer = DeviceTrainer.Open(both))
            Assert.Contains("the step on ONNX Runtime", trainer.BackendName);
        var alone = folder + "-alone";
        Bake(alone, "sgd", BakeTargets.OrtTraining);
        Assert.Contains("--target both", Assert.ThrowsExactly<OnDeviceException>(() => DeviceTrainer.Open(alone)).Message);
        Assert.Contains("holds no step", Assert.ThrowsExactly<OnDeviceException>(() => DeviceTrainer.Open(alone, DeviceBackend.Step)).Message);
        Assert.Contains("no package for the ORT Training API", Assert.ThrowsExactly<OnDeviceException>(() => DeviceTrainer.Open(folder, DeviceBackend.TrainingApi)).Message);
    }

    [TestMethod]
    public void The_exported_model_predicts_what_the_trainer_does()
    {
        using var trainer = DeviceTrainer.Open(folder);
        var batch = Batch();
        Assert.AreEqual(5, trainer.Train(Enumerable.Repeat(batch, 5), Options).Count());
        var path = Path.Combine(Path.GetDirectoryName(folder)!, "personal.onnx");
        trainer.Export(path);
        using var session = new Microsoft.ML.OnnxRuntime.InferenceSession(path);
        using var input = Microsoft.ML.OnnxRuntime.OrtValue.CreateTensorValueFromMemory(batch.Inputs, batch.Shape);
        using var run = new Microsoft.ML.OnnxRuntime.RunOptions();
        using var results = session.Run(run, new Dictionary<string, Microsoft.ML.OnnxRuntime.OrtValue> { [session.InputNames[0]] = input }, ["probabilities"]);
        var (expected, found) = (trainer.Predict(batch.Inputs, batch.Shape), results[0].GetTensorDataAsSpan<float>().ToArray());
        for (var i = 0; i < expected.Length; i++)
            Assert.AreEqual(expected[i], found[i], 1e-5);
    }

    [TestMethod]
    public void A_batch_of_several_examples_has_the_models_shape()
    {
        using var trainer = DeviceTrainer.Open(folder);
        Assert.AreSequenceEqual([7L, 1, 8, 8], trainer.ShapeOf(7));
    }

    // ½‖θ‖² of the fresh head.
    private double HeadEnergy()
    {
        var parameters = MemoryMarshal.Cast<byte, float>(File.ReadAllBytes(Path.Combine(folder, StepFiles.Parameters))).ToArray();
        return ManifestFile.Read(folder).Parameters.Where(p => p.Role == "head")
            .Sum(p => parameters.Skip((int)p.Offset).Take((int)p.Count).Sum(v => 0.5 * v * v));
    }

    private static void Bake(string folder, string optimizer, BakeTargets targets = BakeTargets.Step, int classes = Classes)
    {
        var model = OnnxFile.Load(Path.Combine(SharedFiles.Checkout, "models", "demo-digits.onnx"));
        var imported = ModelImporter.Import(model, new ImportOptions { Form = ImportForm.NewHead, Classes = classes });
        var options = new BakeOptions
        {
            Prior = new PriorChoice { Kind = PriorKind.Isotropic, Rescaling = new RescaleOptions { Scale = 0.1 } },
            Optimizer = Optimizer.Find(optimizer)!,
            Targets = targets,
            SourceFileName = "demo-digits.onnx",
        };
        StepBaker.Bake(imported, options, folder);
    }

    // Three blobs of light in different corners, each a little different.
    private static DeviceBatch Batch()
    {
        var pixels = new float[Examples * 64];
        Philox.FillNormal(pixels, seed: 7);
        for (var i = 0; i < Examples; i++)
            for (var p = 0; p < 9; p++)
                pixels[i * 64 + i % Classes * 18 + p / 3 * 8 + p % 3] += 3;
        return new DeviceBatch(pixels, [Examples, 1, 8, 8], [.. Enumerable.Range(0, Examples).Select(i => (long)(i % Classes))]);
    }
}
