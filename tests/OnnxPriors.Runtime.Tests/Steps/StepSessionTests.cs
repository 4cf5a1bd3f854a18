using System.Text.Json.Nodes;
using Microsoft.ML.OnnxRuntime;
using OnnxPriors.Artifacts;
using OnnxPriors.Optimizers;
using OnnxPriors.Randomness;
using OnnxPriors.Runtime.Steps;
using OnnxPriors.Runtime.Tests.Fixtures;

namespace OnnxPriors.Runtime.Tests.Steps;

[TestClass]
public sealed class StepSessionTests : IDisposable
{
    private readonly TemporaryFolder temporary = new();

    public void Dispose() => temporary.Dispose();

    [TestMethod]
    public void Gradients_of_micro_batches_add_up_to_that_of_the_whole_batch()
    {
        using var session = Open(new LogisticStep());
        var whole = new Blobs(30, 30, shuffle: false).Read(0, 0, default).First();
        var loss = session.AddGradient(whole, 30, accumulate: false);
        var gradient = session.Gradient.ToArray();
        var sum = 0f;
        foreach (var (part, i) in new Blobs(30, 7, shuffle: false).Read(0, 0, default).Select((part, i) => (part, i)))
            sum += session.AddGradient(part, 30, accumulate: i > 0);
        Assert.AreEqual(loss, sum, 1e-6);
        for (var i = 0; i < gradient.Length; i++)
            Assert.AreEqual(gradient[i], session.Gradient[i], 1e-7);
    }

    // SGLD: θ' = θ − ηg + √(2η)·s·ξ; SGHMC at velocity 0: v' = −ηg + √(2αη)·s·ξ, θ' = θ + v'.
    [TestMethod]
    [DataRow("sgld")]
    [DataRow("sghmc")]
    public void A_samplers_noise_is_the_generators_for_seed_and_step(string optimizer)
    {
        using var session = Open(new LogisticStep { Optimizer = Optimizer.Find(optimizer)! });
        session.AddGradient(new Blobs(30, 30).Read(0, 0, default).First(), 30, accumulate: false);
        var (theta, gradient) = (session.Parameters.ToArray(), session.Gradient.ToArray());
        var noise = new float[theta.Length];
        Philox.FillNormal(noise, 99, 12);
        const double rate = 0.01, scale = 0.3, friction = 0.2;
        session.Update(new UpdateScalars { LearningRate = rate, Step = 12, NoiseScale = scale, Friction = friction, Seed = 99 });
        var size = Math.Sqrt(2 * rate * (optimizer == "sgld" ? 1 : friction)) * scale;
        foreach (var entry in session.Layout.Entries)
            for (var i = (int)entry.Offset; i < entry.Offset + entry.Count; i++)
                Assert.AreEqual(theta[i] - (rate * gradient[i]) + (size * noise[i]), session.Parameters[i], 1e-6);

        // Without noise the same step is plain descent again, in a session that has seen noise before.
        session.Reset();
        session.AddGradient(new Blobs(30, 30).Read(0, 0, default).First(), 30, accumulate: false);
        session.Update(new UpdateScalars { LearningRate = rate, Step = 12, Friction = friction, Seed = 99 });
        for (var i = 0; i < LogisticStep.Features * LogisticStep.Classes; i++)
            Assert.AreEqual(theta[i] - (rate * gradient[i]), session.Parameters[i], 1e-6);
    }

    [TestMethod]
    public void The_files_sampler_is_standard_and_runs_by_itself()
    {
        new LogisticStep { Optimizer = new Sgld() }.Write(temporary["step"]);
        using var session = new InferenceSession(temporary["step/update.onnx"]);
        Assert.DoesNotContain("noise", session.InputNames.ToList());
        var (model, takesNoise) = NoiseInput.Expose(temporary["step/update.onnx"]);
        Assert.IsTrue(takesNoise);
        using var exposed = new InferenceSession(model);
        Assert.Contains("noise", exposed.InputNames.ToList());
        Assert.AreSequenceEqual(session.OutputNames.ToList(), exposed.OutputNames.ToList());
    }

    [TestMethod]
    public void A_folder_that_is_not_what_was_baked_is_refused()
    {
        Assert.ThrowsExactly<ArtifactException>(() => StepSession.Open(temporary["absent"]));
        new LogisticStep { PriorRank = 1 }.Write(temporary["step"]);
        var prior = temporary["step/prior.bin"];
        var bytes = File.ReadAllBytes(prior);
        bytes[3] ^= 1;
        File.WriteAllBytes(prior, bytes);
        Assert.Contains("prior.bin", Assert.ThrowsExactly<ArtifactException>(() => StepSession.Open(temporary["step"])).Message);

        Edit(json => json["opset"] = 99);
        var error = Assert.ThrowsExactly<StepException>(() => StepSession.Open(temporary["step"])).Message;
        Assert.Contains("opset 99", error);
        Assert.Contains(StepSession.RuntimeVersion, error);
    }

    [TestMethod]
    public void Models_that_are_not_the_manifests_are_refused_by_name()
    {
        new LogisticStep().Write(temporary["step"]);
        Edit(json => json["parameters"]![0]!["gradient"] = "w.slope");
        Assert.Contains("w.slope", Assert.ThrowsExactly<StepException>(() => StepSession.Open(temporary["step"])).Message);

        new LogisticStep { PriorRank = 2 }.Write(temporary["step"]);
        File.Copy(temporary["step/eval.onnx"], temporary["step/gradient.onnx"], overwrite: true);
        Assert.Contains("gradient.onnx", Assert.ThrowsExactly<StepException>(() =>
            StepSession.Open(temporary["step"], new StepOptions { VerifyFiles = false })).Message);
    }

    [TestMethod]
    public void Cuda_is_an_error_where_the_runtime_lacks_it_and_never_the_processor_instead()
    {
        if (OrtEnv.Instance().GetAvailableProviders().Contains("CUDAExecutionProvider"))
            Assert.Inconclusive("This build has CUDA.");
        new LogisticStep().Write(temporary["step"]);
        var error = Assert.ThrowsExactly<StepException>(() => StepSession.Open(temporary["step"], new StepOptions { Provider = Provider.Cuda }));
        Assert.Contains("-p:OrtRuntime=Gpu", error.Message);
    }

    [TestMethod]
    public void Memory_does_not_grow_over_a_long_run()
    {
        using var session = Open(new LogisticStep { Optimizer = new Sghmc(), PriorRank = 3, HasRunningMean = true });
        var data = new Blobs(64, 8);
        Run(3000);
        var growth = new List<long>();
        for (var window = 0; window < 4; window++)
        {
            var before = Native();
            Run(3000);
            growth.Add(Native() - before);
        }
        // The compiler and the allocators grow in leaps, a leak in every window alike: 128 bytes a step would be 375 KiB in each.
        Assert.IsLessThan(375L << 10, growth.Min(), string.Join(", ", growth));

        void Run(int steps)
        {
            var step = 0;
            for (var epoch = 0; step < steps; epoch++)
            {
                foreach (var batch in data.Read(epoch, 0, default))
                {
                    session.AddGradient(batch, 16, accumulate: step % 2 == 1);
                    if (step++ % 2 == 1)
                        session.Update(new UpdateScalars { LearningRate = 1e-3, Step = step, Friction = 0.1, NoiseScale = 0.1, PriorWeight = 0.01 });
                    if (step % 10 == 0)
                        session.Predict(batch);
                }
            }
        }

        // What is resident and not the managed heap's, whose size the collector chooses by its own lights.
        static long Native()
        {
            GC.Collect();
            GC.WaitForPendingFinalizers();
            GC.Collect();
            using var process = System.Diagnostics.Process.GetCurrentProcess();
            return process.WorkingSet64 - GC.GetGCMemoryInfo().TotalCommittedBytes;
        }
    }

    private StepSession Open(LogisticStep step)
    {
        step.Write(temporary["step"]);
        return StepSession.Open(temporary["step"]);
    }

    private void Edit(Action<JsonNode> change)
    {
        var path = temporary["step/manifest.json"];
        var json = JsonNode.Parse(File.ReadAllText(path))!;
        change(json);
        File.WriteAllText(path, json.ToJsonString());
    }
}
