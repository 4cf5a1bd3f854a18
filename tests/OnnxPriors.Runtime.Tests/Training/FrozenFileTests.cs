using OnnxPriors.Artifacts;
using OnnxPriors.Graphs;
using OnnxPriors.Importing;
using OnnxPriors.Onnx;
using OnnxPriors.Optimizers;
using OnnxPriors.Runtime.Export;
using OnnxPriors.Runtime.Steps;
using OnnxPriors.Runtime.Tests.Fixtures;
using OnnxPriors.Runtime.Training;

namespace OnnxPriors.Runtime.Tests.Training;

/// <summary>Tensors too large for a message: the step's two networks refer to one file, which goes with the run.</summary>
[TestClass]
public sealed class FrozenFileTests : IDisposable
{
    private const int Width = 64;

    private readonly TemporaryFolder temporary = new();

    public void Dispose() => temporary.Dispose();

    [TestMethod]
    public void A_step_whose_frozen_tensors_lie_in_a_file_trains_and_exports_as_one_that_holds_them()
    {
        var random = new Random(5);
        var b = new GraphBuilder();
        var x = b.Input("x", ElementType.Float, [Dimension.Symbolic("batch"), LogisticStep.Features]);
        var hidden = b.Tanh(b.MatMul(x, b.Parameter("first", Weights(random, LogisticStep.Features, Width))));
        hidden = b.Tanh(b.MatMul(hidden, b.Parameter("second", Weights(random, Width, Width))));
        var scores = b.MatMul(hidden, b.Parameter("head", Weights(random, Width, LogisticStep.Classes)));
        OnnxFile.Save(Model.Canonical(b.Build([("scores", scores)])), temporary["source.onnx"]);
        var model = ModelImporter.Import(OnnxFile.Load(temporary["source.onnx"]), new() { Form = ImportForm.NewHead, Classes = LogisticStep.Classes, Train = "head" });

        var ends = new List<float[]>();
        foreach (var (name, inline) in new[] { ("inside", 1_000_000), ("beside", 0) })
        {
            var options = new BakeOptions { Prior = new() { Kind = PriorKind.None }, Optimizer = new Sgd(), SourceFileName = "source.onnx", InlineBytes = inline };
            var report = StepBaker.Bake(model, options, temporary[name]);
            Assert.AreEqual(inline == 0, File.Exists(Path.Combine(temporary[name], StepFiles.Frozen)));
            Assert.AreEqual(inline == 0, report.Manifest.Files.Any(f => f.Name == StepFiles.Frozen));
            using var session = StepSession.Open(temporary[name], new StepOptions { Threads = 1 });
            var training = new TrainingOptions { Epochs = 2, Seed = 3, Schedule = new Schedule { LearningRate = 0.1 } };
            new Trainer(session, new Blobs(24, 8), new Blobs(12, 4, seed: 2), training).Run(temporary[name + "-run"], resume: false);
            var run = RunFolder.Open(temporary[name + "-run"]);
            var exported = Exporter.Export(run, temporary[name + ".onnx"], RunState.Last, new Blobs(9, 3, seed: 4));
            Assert.IsLessThan(1e-6, exported.MaxAbsDifference);
            var weights = OnnxFile.Load(temporary[name + ".onnx"]).Graph.Parameters.Single(p => p.Name == "head.weight");
            ends.Add(weights.Data!.ToSingle());
        }
        Assert.AreSequenceEqual(ends[0], ends[1]);
        // Both networks share what they hold, each tensor once.
        Assert.IsLessThan(2 * 4096 + sizeof(float) * Width * (Width + LogisticStep.Features), new FileInfo(Path.Combine(temporary["beside"], StepFiles.Frozen)).Length);
    }

    [TestMethod]
    public void A_run_whose_file_of_frozen_tensors_was_changed_is_refused()
    {
        A_step_whose_frozen_tensors_lie_in_a_file_trains_and_exports_as_one_that_holds_them();
        var path = Path.Combine(temporary["beside-run"], StepFiles.Frozen);
        var bytes = File.ReadAllBytes(path);
        bytes[8] ^= 1;
        File.WriteAllBytes(path, bytes);
        Assert.Contains(StepFiles.Frozen, Assert.ThrowsExactly<ArtifactException>(() => RunFolder.Open(temporary["beside-run"])).Message);
    }

    private static TensorData Weights(Random random, int rows, int columns) =>
        TensorData.Of([.. Enumerable.Range(0, rows * columns).Select(_ => (float)((random.NextDouble() - 0.5) / Math.Sqrt(rows)))], rows, columns);
}
