using OnnxPriors.Artifacts;
using OnnxPriors.Graphs;
using OnnxPriors.Importing;
using OnnxPriors.Onnx;
using OnnxPriors.Optimizers;
using OnnxPriors.Priors;
using OnnxPriors.Randomness;
using OnnxPriors.Runtime.Steps;
using OnnxPriors.Runtime.Tests.Fixtures;
using OnnxPriors.Runtime.Training;

namespace OnnxPriors.Runtime.Tests.Training;

/// <summary>The prior's scale by the data-emphasised bound, on a small perceptron.</summary>
[TestClass]
public sealed class ScaleLearningTests : IDisposable
{
    private const int Width = 12;

    private readonly TemporaryFolder temporary = new();

    public void Dispose() => temporary.Dispose();

    [TestMethod]
    public void What_is_learned_is_the_closed_form_at_the_state_it_ends_in()
    {
        Bake("step", 0.3);
        using var session = Open("step");
        var result = Train(session);
        var learned = result.Epochs[^1].Scale!;
        var evidence = session.Manifest.Prior.Evidence!;
        var (features, head) = session.PriorEnergies();
        // The energies are sums of float32, the reference's of float64.
        Assert.AreEqual(1, learned.Scale / ((learned.Deviation * learned.Deviation * evidence.Features.Trace + 2 * features) / evidence.Features.Count), 1e-5);
        Assert.AreEqual(1, learned.HeadScale / ((learned.Deviation * learned.Deviation * evidence.Head.Trace + 2 * head) / evidence.Head.Count), 1e-5);
        Assert.IsGreaterThan(0.7, result.Epochs[^1].TrainAccuracy!.Value, "the data is learned too, under the noise");
        Assert.IsGreaterThan(result.Epochs[0].Scale!.Bound, learned.Bound, "the bound rises");
    }

    [TestMethod]
    public void The_scale_that_the_prior_was_baked_with_makes_no_difference()
    {
        var products = new List<double>();
        foreach (var scale in (double[])[0.01, 100])
        {
            Bake($"step{scale}", scale);
            using var session = Open($"step{scale}");
            products.Add(scale * Train(session).Epochs[^1].Scale!.Scale);
        }
        Assert.AreEqual(1, products[0] / products[1], 1e-3);
    }

    [TestMethod]
    public void Gradients_are_taken_at_the_drawn_point_and_the_state_stays()
    {
        const double Sigma = 0.25;
        Bake("step", 1);
        using var session = Open("step");
        var start = session.Parameters.ToArray();
        var batch = new Blobs(8, 8).Read(0, 0, CancellationToken.None).First();
        session.Perturb(Sigma, seed: 5, step: 3);
        session.AddGradient(batch, 8, accumulate: false);
        var perturbed = session.Gradient.ToArray();
        Assert.AreSequenceEqual(start, session.Parameters.ToArray());
        var report = session.Update(new UpdateScalars { LearningRate = 0, Step = 0, PriorWeight = 1e-3, HeadWeight = 1e-3 });
        var after = session.Parameters.ToArray();
        foreach (var entry in session.Layout.Entries)
            for (var i = entry.Offset; i < entry.Offset + entry.Count; i++)
                Assert.AreEqual(start[i], after[i], 1e-6, "with no rate nothing moves");

        // The same noise by the same key, put there by hand.
        var noise = new float[start.Length];
        Philox.FillNormal(noise, 5, 3, 0x51);
        for (var i = 0; i < start.Length; i++)
            session.Parameters[i] = start[i] + (float)Sigma * noise[i];
        session.AddGradient(batch, 8, accumulate: false);
        var slope = 0.0;
        foreach (var entry in session.Layout.Entries)
            for (var i = (int)entry.Offset; i < entry.Offset + entry.Count; i++)
            {
                Assert.AreEqual(session.Gradient[i], perturbed[i], 1e-6);
                slope += perturbed[i] * Sigma * noise[i];
            }
        Assert.AreEqual(slope, report.NoiseSlope, 1e-5);
        var moments = noise.Take((int)session.Layout.Entries[0].Count).Average(z => (double)z * z);
        Assert.AreEqual(1, moments, 4 * Math.Sqrt(2.0 / session.Layout.Entries[0].Count), "the noise is standard");
    }

    [TestMethod]
    public void A_run_that_was_stopped_goes_on_to_the_same_bits_and_keeps_what_it_learned()
    {
        Bake("step", 1);
        using (var session = Open("step"))
            Trainer(session).Run(temporary["alone"], resume: false);
        using (var cancellation = new CancellationTokenSource())
        using (var session = Open("step"))
            Assert.ThrowsExactly<OperationCanceledException>(() => Trainer(session, progress =>
            {
                if (progress.Step == 7)
                    cancellation.Cancel();
            }).Run(temporary["stopped"], resume: false, cancellation.Token));
        Assert.IsNull(RunFolder.Open(temporary["stopped"]).ReadScale());
        using (var session = Open("step"))
            Trainer(session).Run(temporary["stopped"], resume: true);
        foreach (var file in (string[])["last.bin", "scale.json"])
            Assert.AreSequenceEqual(File.ReadAllBytes(temporary["alone/" + file]), File.ReadAllBytes(temporary["stopped/" + file]));
        Assert.IsGreaterThan(0, RunFolder.Open(temporary["alone"]).ReadScale()!.Scale);
    }

    [TestMethod]
    public void Another_step_draws_nothing()
    {
        new LogisticStep { PriorRank = 0 }.Write(temporary["plain"]);
        using var session = Open("plain");
        Assert.Contains("--learn-scale", Assert.ThrowsExactly<StepException>(() => session.Perturb(1, 0, 0)).Message);
    }

    private static TrainingResult Train(StepSession session) => Trainer(session).Run(new MemoryRun());

    private static Trainer Trainer(StepSession session, Action<TrainingProgress>? done = null) =>
        new(session, new Blobs(60, 20), null, new TrainingOptions { Epochs = 30, Seed = 4, Schedule = new Schedule { LearningRate = 0.1 } }) { StepDone = done };

    private StepSession Open(string name) => StepSession.Open(temporary[name], new StepOptions { Threads = 1 });

    private void Bake(string name, double scale)
    {
        var random = new Random(5);
        var b = new GraphBuilder();
        var x = b.Input("x", ElementType.Float, [Dimension.Symbolic("batch"), LogisticStep.Features]);
        var hidden = b.Tanh(b.MatMul(x, b.Parameter("first", Weights(random, LogisticStep.Features, Width))));
        var scores = b.MatMul(hidden, b.Parameter("head", Weights(random, Width, LogisticStep.Classes)));
        OnnxFile.Save(Model.Canonical(b.Build([("scores", scores)])), temporary["source.onnx"]);
        var model = ModelImporter.Import(OnnxFile.Load(temporary["source.onnx"]), new() { Form = ImportForm.NewHead, Classes = LogisticStep.Classes, Train = "all" });
        var options = new BakeOptions
        {
            Prior = new() { Kind = PriorKind.Isotropic, Rescaling = new RescaleOptions { Scale = scale }, Step = PriorStep.Proximal, LearnsScale = true },
            Optimizer = new Sgd(),
            SourceFileName = "source.onnx",
        };
        StepBaker.Bake(model, options, temporary[name]);
    }

    private static TensorData Weights(Random random, params long[] shape) =>
        TensorData.Of([.. Enumerable.Range(0, (int)shape.Aggregate((p, q) => p * q)).Select(_ => (float)(random.NextDouble() - 0.5))], [.. shape]);
}
