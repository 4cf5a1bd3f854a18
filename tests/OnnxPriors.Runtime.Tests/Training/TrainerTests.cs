using System.Runtime.InteropServices;
using OnnxPriors.Artifacts;
using OnnxPriors.Optimizers;
using OnnxPriors.Runtime.Evaluation;
using OnnxPriors.Runtime.Steps;
using OnnxPriors.Runtime.Tests.Fixtures;
using OnnxPriors.Runtime.Training;

namespace OnnxPriors.Runtime.Tests.Training;

[TestClass]
public sealed class TrainerTests : IDisposable
{
    private readonly TemporaryFolder temporary = new();

    public void Dispose() => temporary.Dispose();

    // The last batch of 103 examples by 16 has 7; three micro-batches leave a last step of one.
    [TestMethod]
    [DataRow(1, null, 0.0)]
    [DataRow(3, null, 0.0)]
    [DataRow(1, 0, 0.0)]
    [DataRow(3, 4, 0.0)]
    [DataRow(2, 4, 0.05)]
    public void Training_follows_a_float64_reimplementation(int accumulate, int? rank, double clip)
    {
        new LogisticStep { PriorRank = rank }.Write(temporary["step"]);
        using var session = StepSession.Open(temporary["step"]);
        var data = new Blobs(103, 16);
        var options = new TrainingOptions
        {
            Epochs = 4,
            Accumulate = accumulate,
            ClipNorm = clip,
            Schedule = new Schedule { LearningRate = 0.2, Kind = ScheduleKind.Cosine },
        };
        var prior = rank is null ? null : ReadFloats(StepFiles.Prior);
        var reference = new ReferenceTraining(ReadFloats(StepFiles.Parameters), prior, rank ?? 0);

        var result = new Trainer(session, data, null, options).Run(new MemoryRun());

        var steps = (7 + accumulate - 1) / accumulate * 4;
        Assert.AreEqual(steps, result.Steps);
        var step = 0;
        for (var epoch = 0; epoch < 4; epoch++)
        {
            var order = data.Order(epoch);
            for (var first = 0; first < 103; first += 16 * accumulate, step++)
                reference.Step([.. order.Skip(first).Take(16 * accumulate).Select(data.Example)], new UpdateScalars
                {
                    LearningRate = 0.2 * 0.5 * (1 + Math.Cos(Math.PI * step / steps)),
                    Step = step,
                    ClipNorm = clip,
                    Momentum = options.Momentum,
                    PriorWeight = 1.0 / 103,
                });
        }
        Assert.AreEqual(steps, step);
        // Float32 over two dozen steps of order 1: a few hundred units of 2⁻²⁴.
        foreach (var entry in LogisticStep.Layout.Entries)
            for (var i = 0; i < entry.Count; i++)
                Assert.AreEqual(reference.Theta[entry.Offset + i], session.Parameters[(int)entry.Offset + i], 2e-5, $"{entry.Name}[{i}]");
        if (rank is not null)
            Assert.AreEqual(reference.Prior().Energy, session.PriorEnergy(), 1e-4);
        Assert.AreEqual(result.Epochs[^1].PriorEnergy, rank is null ? null : session.PriorEnergy());
    }

    [TestMethod]
    public void The_best_epoch_is_kept_and_is_the_one_with_the_least_validation_loss()
    {
        new LogisticStep().Write(temporary["step"]);
        using var session = StepSession.Open(temporary["step"]);
        var validation = new Blobs(60, 16, seed: 5);
        var trainer = new Trainer(session, new Blobs(12, 4), validation, new TrainingOptions
        {
            Epochs = 30,
            Schedule = new Schedule { LearningRate = 1.5, Kind = ScheduleKind.Constant },
        });
        var run = new MemoryRun();
        var result = trainer.Run(run);
        var best = result.Epochs.MinBy(epoch => epoch.Validation!.Nll)!;
        Assert.AreEqual(best.Epoch, result.BestEpoch);
        Assert.IsLessThan(30, best.Epoch, "the test wants a run that overfits");
        var state = run.OpenStates(RunState.Best)[0];
        using var model = new EvalSession(temporary["step"], session.Manifest, new StepOptions());
        Assert.AreEqual(best.Validation!.Nll, Evaluator.Evaluate(model, [state], validation).Nll, 1e-12);
        state.Dispose();
    }

    [TestMethod]
    public void Validation_comes_every_few_epochs_and_after_the_last_and_changes_nothing_else()
    {
        new LogisticStep().Write(temporary["step"]);
        using var session = StepSession.Open(temporary["step"]);
        var each = Run(interval: 1);
        var some = Run(interval: 3);
        CollectionAssert.AreEqual((int[])[3, 6, 8], some.Epochs.Where(epoch => epoch.Validation is not null).Select(epoch => epoch.Epoch).ToArray());
        CollectionAssert.AreEqual(each.Epochs.Select(epoch => epoch.TrainLoss).ToArray(), some.Epochs.Select(epoch => epoch.TrainLoss).ToArray());
        Assert.AreEqual(each.Epochs[5].Validation, some.Epochs[5].Validation);
        Assert.ThrowsExactly<RunException>(() => Run(interval: 0));

        TrainingResult Run(int interval)
        {
            session.Reset();
            return new Trainer(session, new Blobs(12, 4), new Blobs(60, 16, seed: 5), new TrainingOptions { Epochs = 8, ValidationInterval = interval }).Run(new MemoryRun());
        }
    }

    [TestMethod]
    public void Running_statistics_pass_through_the_gradient_model_and_are_used_by_eval()
    {
        new LogisticStep { HasRunningMean = true }.Write(temporary["step"]);
        using var session = StepSession.Open(temporary["step"]);
        var data = new Blobs(40, 8);
        new Trainer(session, data, null, new TrainingOptions { Epochs = 2, Accumulate = 2 }).Run(new MemoryRun());
        var expected = new double[LogisticStep.Features];
        for (var epoch = 0; epoch < 2; epoch++)
            foreach (var batch in data.Order(epoch).Chunk(8))
                for (var j = 0; j < expected.Length; j++)
                    expected[j] = (0.9 * expected[j]) + (0.1 * batch.Average(i => data.Example(i).X[j]));
        for (var j = 0; j < expected.Length; j++)
            Assert.AreEqual(expected[j], session.Statistics[j], 1e-6);

        var example = data.Read(0, 0, default).First();
        var with = session.Predict(example).ToArray();
        session.Statistics.Clear();
        var without = session.Predict(example).ToArray();
        for (var c = 0; c < LogisticStep.Classes; c++)
        {
            var shift = Enumerable.Range(0, expected.Length).Sum(j => expected[j] * session.Parameters[(j * LogisticStep.Classes) + c]);
            Assert.AreEqual(without[c] - shift, with[c], 1e-5);
        }
    }

    [TestMethod]
    public void A_learning_rate_far_too_large_is_an_error_that_says_so_and_keeps_the_checkpoint()
    {
        new LogisticStep { PriorRank = 0 }.Write(temporary["step"]);
        using var session = StepSession.Open(temporary["step"]);
        var trainer = new Trainer(session, new Blobs(40, 8), null, new TrainingOptions { Schedule = new Schedule { LearningRate = 1e30 } });
        var error = Assert.ThrowsExactly<TrainingFailedException>(() => trainer.Run(temporary["run"], resume: false));
        Assert.Contains("diverged", error.Message);
        Assert.Contains("--clip-norm", error.Message);
        Assert.IsTrue(File.Exists(Path.Combine(temporary["run"], "checkpoint.bin")));
    }

    [TestMethod]
    [DataRow("sgld")]
    [DataRow("sghmc")]
    public void Samples_are_collected_in_the_second_part_of_each_cycle_and_averaged(string optimizer)
    {
        new LogisticStep { Optimizer = Optimizer.Find(optimizer)!, PriorRank = 2 }.Write(temporary["step"]);
        using var session = StepSession.Open(temporary["step"]);
        var data = new Blobs(80, 8);
        var sampling = new List<bool>();
        var options = new TrainingOptions
        {
            Epochs = 6,
            SamplesPerCycle = 2,
            Schedule = new Schedule { Kind = ScheduleKind.CyclicalCosine, Cycles = 3, ExplorationShare = 0.5, LearningRate = 0.05 },
        };
        var result = new Trainer(session, data, data, options) { StepDone = progress => sampling.Add(progress.IsSampling) }
            .Run(temporary["run"], resume: false);
        Assert.AreEqual(6, result.Samples);
        Assert.AreSequenceEqual(Enumerable.Range(0, 60).Select(step => step % 20 >= 10).ToList(), sampling);

        var run = RunFolder.Open(temporary["run"]);
        var states = run.OpenStates();
        Assert.HasCount(6, states);
        Assert.AreSequenceEqual(states[5].ParameterValues.ToArray(), session.Parameters.ToArray());
        using var model = run.OpenModel();
        var together = Evaluator.Evaluate(model, states, data);
        Assert.AreEqual(6, together.Samples);
        // The average of probabilities is convex: its loss is at most the samples' mean loss.
        Assert.IsLessThan(states.Average(state => Evaluator.Evaluate(model, [state], data).Nll), together.Nll);
        foreach (var state in states)
            state.Dispose();
    }

    [TestMethod]
    public void More_samples_than_sampling_steps_are_refused()
    {
        new LogisticStep { Optimizer = new Sgld() }.Write(temporary["step"]);
        using var session = StepSession.Open(temporary["step"]);
        var trainer = new Trainer(session, new Blobs(8, 8), null, new TrainingOptions { Epochs = 5, SamplesPerCycle = 2 });
        Assert.Contains("--samples-per-cycle", Assert.ThrowsExactly<RunException>(() => trainer.Run(new MemoryRun())).Message);
    }

    [TestMethod]
    public void Labels_out_of_range_and_inputs_of_another_shape_are_refused()
    {
        new LogisticStep().Write(temporary["step"]);
        using var session = StepSession.Open(temporary["step"]);
        Batch With(long label, params long[] shape) =>
            new([BatchInput.Of<float>(null, new float[shape.Aggregate(1L, (a, b) => a * b)], shape)], new long[] { label, 0 });
        Assert.Contains("label 3", Assert.ThrowsExactly<StepException>(() => session.AddGradient(With(3, 2, 5), 2, false)).Message);
        Assert.Contains("label -1", Assert.ThrowsExactly<StepException>(() => session.AddGradient(With(-1, 2, 5), 2, false)).Message);
        Assert.Contains("[2, 6]", Assert.ThrowsExactly<StepException>(() => session.AddGradient(With(0, 2, 6), 2, false)).Message);
        Assert.Contains("[3, 5]", Assert.ThrowsExactly<StepException>(() => session.AddGradient(With(0, 3, 5), 2, false)).Message);
        Assert.Contains("x", Assert.ThrowsExactly<StepException>(() =>
            session.AddGradient(new Batch([BatchInput.Of<double>("x", new double[10], 2, 5)], new long[2]), 2, false)).Message);
    }

    private float[] ReadFloats(string name) =>
        MemoryMarshal.Cast<byte, float>(File.ReadAllBytes(Path.Combine(temporary["step"], name))).ToArray();
}
