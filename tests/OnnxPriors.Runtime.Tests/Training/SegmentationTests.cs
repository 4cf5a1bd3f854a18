using OnnxPriors.Optimizers;
using OnnxPriors.Runtime.Evaluation;
using OnnxPriors.Runtime.Export;
using OnnxPriors.Runtime.Steps;
using OnnxPriors.Runtime.Tests.Fixtures;
using OnnxPriors.Runtime.Training;

namespace OnnxPriors.Runtime.Tests.Training;

[TestClass]
public sealed class SegmentationTests : IDisposable
{
    private readonly TemporaryFolder temporary = new();

    public void Dispose() => temporary.Dispose();

    [TestMethod]
    [DataRow(false)]
    [DataRow(true)]
    public void The_gradient_of_accumulated_batches_is_that_of_the_whole_though_different_pixels_count_in_each(bool weighted)
    {
        PixelStep.Bake(temporary["step"], new Sgd(), weighted ? [0.5, 1, 3] : null);
        var whole = Parameters(8, 1);
        foreach (var (batch, accumulate) in ((int, int)[])[(1, 8), (2, 4), (3, 3)])
        {
            var parts = Parameters(batch, accumulate);
            for (var i = 0; i < whole.Length; i++)
                // Float32 rounding of sums taken in another order.
                Assert.AreEqual(whole[i], parts[i], 1e-6, $"{batch} × {accumulate}: {i}");
        }
    }

    [TestMethod]
    public void A_batch_of_which_nothing_counts_moves_nothing_but_the_prior()
    {
        PixelStep.Bake(temporary["step"], new Sgd());
        using var session = StepSession.Open(temporary["step"], new StepOptions { Threads = 1 });
        var batch = new PixelStep(1, 1).Read(0, 0, CancellationToken.None).Single();
        batch.Labels.Span.Fill(PixelStep.Ignored);
        Assert.AreEqual(0, session.AddGradient(batch, 1, accumulate: false));
        Assert.IsFalse(session.Gradient.ContainsAnyExcept(0f));
    }

    [TestMethod]
    [DataRow("sgd")]
    [DataRow("sghmc")]
    public void A_run_cancelled_at_odd_steps_and_resumed_ends_in_the_same_bits(string optimizer)
    {
        PixelStep.Bake(temporary["step"], Optimizer.Find(optimizer)!);
        Train(temporary["alone"], Options());
        foreach (var stop in (int[])[1, 4, 7])
        {
            using var cancellation = new CancellationTokenSource();
            Assert.ThrowsExactly<OperationCanceledException>(() => Train(temporary["cancelled"], Options(), stop > 1, stop, cancellation));
        }
        Train(temporary["cancelled"], Options(), resume: true);
        Assert.AreSequenceEqual(State(temporary["alone"]), State(temporary["cancelled"]));
        var (alone, cancelled) = (Metrics(temporary["alone"]), Metrics(temporary["cancelled"]));
        Assert.HasCount(4, alone);
        Assert.AreSequenceEqual(alone, cancelled);
    }

    [TestMethod]
    public void It_learns_the_pixels_chooses_by_mean_iou_and_is_exported_to_the_same_predictions()
    {
        PixelStep.Bake(temporary["step"], new Sgd { Nesterov = true });
        var result = Train(temporary["run"], Options() with { Epochs = 30, Accumulate = 1, BestBy = BestBy.Iou, ValidationInterval = 7, Schedule = new Schedule { LearningRate = 0.1 } });
        // Epochs 7, 14, 21, 28 and the last.
        Assert.AreSequenceEqual([7, 14, 21, 28, 30], result.Epochs.Where(e => e.Validation is not null).Select(e => e.Epoch));
        var measured = result.Epochs[result.BestEpoch - 1].Validation!;
        Assert.IsGreaterThan(0.9, measured.MeanIou!.Value);
        Assert.AreEqual(result.Epochs.Max(e => e.Validation?.MeanIou), measured.MeanIou);
        Assert.IsGreaterThan(0.9, result.Epochs[^1].TrainAccuracy!.Value);

        var run = RunFolder.Open(temporary["run"]);
        var exported = Exporter.Export(run, temporary["model.onnx"], check: new PixelStep(6, 2, seed: 1), options: new StepOptions { Threads = 1 });
        Assert.IsLessThan(1e-5, exported.MaxAbsDifference);
        using var model = new ClassifierModel(temporary["model.onnx"]);
        Assert.AreEqual("segmentation", model.Task.Name);
        var again = model.Evaluate(new PixelStep(6, 2, seed: 1));
        Assert.AreEqual(measured.MeanIou!.Value, again.Segmentation!.MeanIou, 1e-9);
        Assert.AreEqual(measured.Nll, again.Nll, 1e-5);
    }

    [TestMethod]
    public void What_does_not_go_with_the_task_is_refused()
    {
        PixelStep.Bake(temporary["step"], new Sgd());
        using var session = StepSession.Open(temporary["step"], new StepOptions { Threads = 1 });
        var batch = new PixelStep(1, 1).Read(0, 0, CancellationToken.None).Single();
        batch.Labels.Span[5] = PixelStep.Classes;
        Assert.Contains("label 3", Assert.ThrowsExactly<StepException>(() => session.AddGradient(batch, 1, false)).Message);
        var classes = new Batch(batch.Inputs, new long[1]);
        Assert.Contains("a mask of classes", Assert.ThrowsExactly<StepException>(() => session.AddGradient(classes, 1, false)).Message);
        LogisticStep step = new();
        step.Write(temporary["classes"]);
        using var classifier = StepSession.Open(temporary["classes"]);
        Assert.Contains("--best-by iou", Assert.ThrowsExactly<RunException>(() => new Trainer(classifier, new Blobs(6, 2), null, Options() with { BestBy = BestBy.Iou }).Run(new MemoryRun())).Message);
    }

    private static TrainingOptions Options() => new()
    {
        Epochs = 4,
        Accumulate = 2,
        Schedule = new Schedule { Kind = ScheduleKind.Cosine, LearningRate = 0.05 },
        SamplesPerCycle = 1,
        CheckpointSteps = 1,
        Seed = 5,
    };

    private float[] Parameters(int batch, int accumulate)
    {
        using var session = StepSession.Open(temporary["step"], new StepOptions { Threads = 1 });
        var trainer = new Trainer(session, new PixelStep(8, batch), null, new TrainingOptions { Epochs = 1, Accumulate = accumulate, Schedule = new Schedule { Kind = ScheduleKind.Constant, LearningRate = 0.5 } });
        trainer.Run(new MemoryRun());
        return session.Parameters.ToArray();
    }

    private TrainingResult Train(string folder, TrainingOptions options, bool resume = false, int stop = 0, CancellationTokenSource? cancellation = null)
    {
        using var session = StepSession.Open(temporary["step"], new StepOptions { Threads = 1 });
        var trainer = new Trainer(session, new PixelStep(9, 2), new PixelStep(6, 2, seed: 1), options)
        {
            StepDone = progress =>
            {
                if (progress.Step == stop)
                    cancellation!.Cancel();
            },
        };
        return trainer.Run(folder, resume, cancellation?.Token ?? CancellationToken.None);
    }

    private static float[] State(string folder)
    {
        var states = RunFolder.Open(folder).OpenStates(RunState.Last);
        try
        {
            return states[0].ParameterValues.ToArray();
        }
        finally
        {
            foreach (var state in states)
                state.Dispose();
        }
    }

    // All but the time.
    private static string[] Metrics(string folder) =>
        [.. File.ReadLines(Directory.EnumerateFiles(folder, "metrics*").Single()).Select(line => line[..line.LastIndexOf("\"seconds\"", StringComparison.Ordinal)])];
}
