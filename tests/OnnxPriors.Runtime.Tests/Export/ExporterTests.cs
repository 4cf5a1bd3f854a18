using Microsoft.ML.OnnxRuntime;
using OnnxPriors.Artifacts;
using OnnxPriors.Graphs;
using OnnxPriors.Importing;
using OnnxPriors.Onnx;
using OnnxPriors.Optimizers;
using OnnxPriors.Randomness;
using OnnxPriors.Runtime.Evaluation;
using OnnxPriors.Runtime.Export;
using OnnxPriors.Runtime.Steps;
using OnnxPriors.Runtime.Tests.Fixtures;
using OnnxPriors.Runtime.Training;
using OnnxPriors.Testing;

namespace OnnxPriors.Runtime.Tests.Export;

[TestClass]
public sealed class ExporterTests : IDisposable
{
    private readonly TemporaryFolder temporary = new();

    public void Dispose() => temporary.Dispose();

    [TestMethod]
    public void The_average_over_the_samples_is_one_file_whose_frozen_part_is_there_once()
    {
        var run = Train(new LogisticStep { Optimizer = new Sghmc(), PriorRank = 1, HasFrozenLayer = true, HasRunningMean = true });
        var data = new Blobs(21, 8, seed: 4);
        var result = Exporter.Export(run, temporary["out.onnx"], check: data);
        Assert.AreEqual(3, result.Samples);
        Assert.AreEqual(21, result.Examples);
        Assert.IsLessThan(1e-6, result.MaxAbsDifference);

        var exported = OnnxFile.Load(temporary["out.onnx"]);
        Assert.HasCount(1, exported.Graph.Inputs);
        Assert.ContainsSingle(exported.Graph.Nodes.Where(node => node.Op == "Tanh"));
        Assert.HasCount(3, exported.Graph.Nodes.Where(node => node.Op == "Softmax").ToList());
        Assert.AreEqual("""["a","b","c"]""", exported.Metadata["onnxpriors.classes"]);
        Assert.AreEqual(new string('0', 64), exported.Metadata["onnxpriors.source"]);

        // Measured on its own, by whoever has the file alone, it does what the run does.
        using var model = run.OpenModel();
        var states = run.OpenStates();
        var expected = Evaluator.Evaluate(model, states, data);
        using var classifier = new ClassifierModel(temporary["out.onnx"]);
        var found = classifier.Evaluate(data);
        Assert.AreEqual(expected.Accuracy, found.Accuracy);
        Assert.AreEqual(expected.Nll, found.Nll, 1e-6);
        Assert.AreEqual(expected.Brier, found.Brier, 1e-6);
        foreach (var state in states)
            state.Dispose();
    }

    [TestMethod]
    public void A_single_state_keeps_its_tensors_names_and_is_checked_on_random_batches_where_there_is_no_data()
    {
        var run = Train(new LogisticStep());
        var result = Exporter.Export(run, temporary["out.onnx"], RunState.Last);
        Assert.AreEqual(6, result.Examples);
        Assert.IsLessThan(1e-6, result.MaxAbsDifference);
        var names = OnnxFile.Load(temporary["out.onnx"]).Graph.Initializers.Select(value => value.Name).ToList();
        Assert.Contains("w", names);
        Assert.Contains("b", names);
        Assert.IsEmpty(Directory.GetFileSystemEntries(temporary.FullPath, "*.partial"));
    }

    [TestMethod]
    public void The_batch_is_dynamic_and_rows_sum_to_one()
    {
        Exporter.Export(Train(new LogisticStep()), temporary["out.onnx"]);
        using var session = new InferenceSession(temporary["out.onnx"]);
        foreach (var batch in (int[])[1, 7])
        {
            using var x = OrtValue.CreateTensorValueFromMemory(Enumerable.Range(0, batch * 5).Select(i => (float)Math.Sin(i)).ToArray(), [batch, 5]);
            using var options = new RunOptions();
            using var outputs = session.Run(options, ["x"], [x], ["probabilities"]);
            var rows = outputs[0].GetTensorDataAsSpan<float>().ToArray().Chunk(3).ToList();
            Assert.HasCount(batch, rows);
            foreach (var row in rows)
                Assert.AreEqual(1, row.Sum(), 1e-6);
        }
    }

    [TestMethod]
    public void A_model_that_does_not_agree_with_the_run_is_not_written()
    {
        var run = Train(new LogisticStep());
        var manifest = run.Manifest;
        using var eval = run.OpenModel();
        using var state = run.OpenStates(RunState.Last)[0];
        // An eval model of another function than the one that is run.
        var b = new GraphBuilder();
        var x = b.Input("x", ElementType.Float, [Dimension.Symbolic("batch"), 5]);
        var w = b.Input("w", ElementType.Float, [5, 3]);
        OnnxFile.Save(Model.Canonical(b.Build([("logits", b.MatMul(x, w) * 1.5)])), temporary["other.onnx"]);
        var error = Assert.ThrowsExactly<ExportException>(() => Exporter.Export(temporary["other.onnx"], eval, [state], temporary["out.onnx"]));
        Assert.Contains("not written", error.Message);
        Assert.IsFalse(File.Exists(temporary["out.onnx"]));
        Assert.AreEqual(3, manifest.Classes);
    }

    [TestMethod]
    [RequiresShared]
    public void A_real_models_samples_become_one_file()
    {
        var source = ModelImporter.Import(
            OnnxFile.Load(SharedFiles.Path("models/cifar10-cnn-pytorch.onnx")), new ImportOptions { Form = ImportForm.NewHead, Classes = 3, Train = "head" });
        StepBaker.Bake(
            source,
            new BakeOptions { Prior = new PriorChoice { Kind = PriorKind.Zero }, Optimizer = new Sghmc(), SourceFileName = "cifar10-cnn-pytorch.onnx" },
            temporary["step"]);
        using var session = StepSession.Open(temporary["step"]);
        var data = new Noise();
        new Trainer(session, data, null, new TrainingOptions { Epochs = 10, SamplesPerCycle = 4, Schedule = new Schedule { ExplorationShare = 0.2 } })
            .Run(temporary["run"], resume: false);
        var result = Exporter.Export(RunFolder.Open(temporary["run"]), temporary["out.onnx"], check: data);
        Assert.AreEqual(4, result.Samples);
        Assert.IsLessThan(1e-6, result.MaxAbsDifference);
        // Only the head trained, so the convolutions stand there once.
        var graph = OnnxFile.Load(temporary["out.onnx"]).Graph;
        Assert.HasCount(source.Graph.Nodes.Count(node => node.Op == "Conv"), graph.Nodes.Where(node => node.Op == "Conv").ToList());
    }

    /// <summary>Pictures of noise.</summary>
    private sealed class Noise : IBatchSource
    {
        public int ExampleCount => 12;

        public int BatchSize => 4;

        public string Fingerprint => "noise";

        public IEnumerable<Batch> Read(int epoch, int firstBatch, CancellationToken cancellation)
        {
            for (var batch = firstBatch; batch < 3; batch++)
            {
                var pixels = new float[4 * 3 * 32 * 32];
                Philox.FillNormal(pixels, 1, (ulong)batch);
                yield return new Batch([BatchInput.Of(null, pixels.AsMemory(), 4, 3, 32, 32)], new long[] { 0, 1, 2, batch });
            }
        }
    }

    private RunFolder Train(LogisticStep step)
    {
        step.Write(temporary["step"]);
        using var session = StepSession.Open(temporary["step"]);
        new Trainer(session, new Blobs(60, 8), null, new TrainingOptions { Epochs = 4 }).Run(temporary["run"], resume: false);
        return RunFolder.Open(temporary["run"]);
    }
}
