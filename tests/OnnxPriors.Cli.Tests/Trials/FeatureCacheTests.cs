using OnnxPriors.Artifacts;
using OnnxPriors.Cli.Datasets;
using OnnxPriors.Cli.Trials;
using OnnxPriors.Data;
using OnnxPriors.Data.Batches;
using OnnxPriors.Importing;
using OnnxPriors.Onnx;
using OnnxPriors.Optimizers;
using OnnxPriors.Runtime.Steps;
using OnnxPriors.Runtime.Training;
using OnnxPriors.Testing;

namespace OnnxPriors.Cli.Tests.Trials;

/// <summary>Training on the features of frozen layers against training through the whole network.</summary>
[TestClass]
public sealed class FeatureCacheTests : IDisposable
{
    // The same kernels on the same numbers: what is left is float32's rounding where the runtime fuses across the cut.
    private const double Rounding = 1e-5;

    private readonly string folder = Directory.CreateTempSubdirectory("features").FullName;

    public void Dispose() => Directory.Delete(folder, recursive: true);

    [TestMethod]
    public void Training_on_cached_features_ends_where_training_through_the_network_does()
    {
        var model = OnnxFile.Load(Path.Combine(SharedFiles.Checkout, "models", "demo-digits.onnx"));
        using var data = DataSource.Open(Path.Combine(SharedFiles.Checkout, "models", "demo-target.npz"));
        var import = new ImportOptions { Form = ImportForm.NewHead, Classes = data.ClassNames.Count, Train = "head" };
        var options = new BakeOptions
        {
            Prior = new PriorChoice { Kind = PriorKind.Isotropic },
            Optimizer = new Sgd { Nesterov = true },
            SourceFileName = "demo-digits.onnx",
        };
        StepBaker.Bake(ModelImporter.Import(model, import), options, Path.Combine(folder, "whole"));
        var cut = StepBaker.Bake(ModelImporter.Import(model, import), options with { CutsFrozenPart = true }, Path.Combine(folder, "cut"));
        Assert.IsTrue(FeatureSession.IsIn(cut.Manifest));

        var view = DatasetSplits.Of(data, new SplitOptions { ExamplesPerClass = 6, ValidationShare = 0.1 });
        var batches = new BatchOptions { BatchSize = 7, Shuffle = true, Seed = 5, Preprocessing = Preprocessing.FromJson(model.Metadata[MetadataKeys.Preprocess]) };
        using var cache = new FeatureCache(new FeatureSession(Path.Combine(folder, "cut"), cut.Manifest, StepTraining.OneThread), "maker", data, batches.Preprocessing, 1 << 28);
        var throughNetwork = Train("whole", new StreamSource(new BatchStream(view.Train, batches), batches), new StreamSource(new BatchStream(view.Validation, batches with { Shuffle = false }), batches));
        var onFeatures = Train("cut", cache.Batches(view.Train, batches), cache.Batches(view.Validation, batches with { Shuffle = false }));
        Assert.AreEqual(view.Train.Count + view.Validation.Count, cache.Count, "Each example passes the frozen layers once.");
        for (var i = 0; i < throughNetwork.Parameters.Length; i++)
            Assert.AreEqual(throughNetwork.Parameters[i], onFeatures.Parameters[i], Rounding, $"parameter {i}");
        Assert.AreEqual(throughNetwork.Nll, onFeatures.Nll, Rounding);
        Assert.IsGreaterThan(0.01, throughNetwork.Moved, "The test wants a head that trains.");
    }

    private (float[] Parameters, double Nll, double Moved) Train(string name, IBatchSource training, IBatchSource validation)
    {
        using var session = StepSession.Open(Path.Combine(folder, name), StepTraining.OneThread);
        var before = session.Parameters.ToArray();
        var result = new Trainer(session, training, validation, new TrainingOptions { Epochs = 5, Schedule = new Schedule { LearningRate = 0.05 } }).Run(new MemoryRun());
        var after = session.Parameters.ToArray();
        return (after, result.Epochs[^1].Validation!.Nll, after.Zip(before, (a, b) => Math.Abs((double)a - b)).Max());
    }
}
