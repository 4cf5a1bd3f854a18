using System.Runtime.InteropServices;
using OnnxPriors.Artifacts;
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
    public void A_sampler_is_refused_with_what_to_bake_instead()
    {
        var sampler = folder + "-sampler";
        Bake(sampler, "sghmc");
        Assert.Contains("--optimizer sgd", Assert.ThrowsExactly<OnDeviceException>(() => DeviceTrainer.Open(sampler)).Message);
    }

    // ½‖θ‖² of the fresh head.
    private double HeadEnergy()
    {
        var parameters = MemoryMarshal.Cast<byte, float>(File.ReadAllBytes(Path.Combine(folder, StepFiles.Parameters))).ToArray();
        return ManifestFile.Read(folder).Parameters.Where(p => p.Role == "head")
            .Sum(p => parameters.Skip((int)p.Offset).Take((int)p.Count).Sum(v => 0.5 * v * v));
    }

    private static void Bake(string folder, string optimizer)
    {
        var model = OnnxFile.Load(Path.Combine(SharedFiles.Checkout, "models", "demo-digits.onnx"));
        var imported = ModelImporter.Import(model, new ImportOptions { Form = ImportForm.NewHead, Classes = Classes });
        var options = new BakeOptions
        {
            Prior = new PriorChoice { Kind = PriorKind.Isotropic, Rescaling = new RescaleOptions { Scale = 0.1 } },
            Optimizer = Optimizer.Find(optimizer)!,
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
