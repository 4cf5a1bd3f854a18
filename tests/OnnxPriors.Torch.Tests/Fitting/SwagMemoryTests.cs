using OnnxPriors.Graphs;
using OnnxPriors.Torch.Fitting;
using TorchSharp;

namespace OnnxPriors.Torch.Tests.Fitting;

[TestClass]
public sealed class SwagMemoryTests
{
    private const int Features = 2048, Hidden = 4096, Classes = 4, Rank = 3;

    /// <summary>A fit of one large tensor, the worst case for copies; what it takes is watched from outside while it runs and ends.</summary>
    [TestMethod]
    [OSCondition(OperatingSystems.Linux)]
    public void Beyond_the_training_itself_a_fit_takes_at_most_K_plus_6_times_the_parameters()
    {
        var b = new GraphBuilder();
        var x = b.Input("x", ElementType.Float, [Dimension.Symbolic("batch"), Features]);
        var random = new Random(1);
        var hidden = b.Apply("Tanh", [b.Apply("MatMul", [x, b.Parameter("w", TensorData.Of(Values(Features * Hidden, 0.02f), Features, Hidden))])]);
        var logits = b.Apply("MatMul", [hidden, b.Parameter("head", TensorData.Of(Values(Hidden * Classes, 0.02f), Hidden, Classes))]);
        var graph = b.Build([("logits", logits)]);
        long parameters = 4L * (Features * Hidden + Hidden * Classes);
        var data = new Repeated(new LabelledBatch(Values(4 * Features, 1), [4, Features], new long[] { 0, 1, 2, 3 }));
        using var module = new GraphModule(graph);
        // What training takes by itself: parameters, gradients, and whatever libtorch sets up at its first step.
        using (var scope = torch.NewDisposeScope())
            module.Forward(new Dictionary<string, torch.Tensor> { ["x"] = torch.tensor(data.Batch.Values.ToArray(), [4, Features]) })["logits"].sum().backward();
        long before = Resident();

        long peak = 0;
        using (var watch = new Timer(_ => peak = Math.Max(peak, Resident()), null, 0, 5))
        {
            var posterior = new SwagFit(module, new SwagOptions { Rank = Rank, Steps = 12, BurnIn = 0, CollectEvery = 1, LearningRate = 0.01 }).Run(data, "sha");
            Assert.HasCount(2, posterior.Parameters);
        }

        // The fit's own are K + 5; what is watched is the process, so a twentieth more is the runtime's.
        Assert.IsLessThan((Rank + 6) * 1.05 * parameters, peak - before);
        // The deviations alone are K: less would mean that the measurement missed the fit. What earlier tests give back meanwhile may hide the rest.
        Assert.IsGreaterThan(Rank * 0.9 * parameters, peak - before);

        float[] Values(int count, float scale)
        {
            var values = new float[count];
            for (var i = 0; i < count; i++) values[i] = scale * (float)(2 * random.NextDouble() - 1);
            return values;
        }
    }

    private static long Resident()
    {
        GC.Collect();
        string line = File.ReadLines("/proc/self/status").First(l => l.StartsWith("VmRSS:", StringComparison.Ordinal));
        return 1024 * long.Parse(line.Split(' ', StringSplitOptions.RemoveEmptyEntries)[1], System.Globalization.CultureInfo.InvariantCulture);
    }

    private sealed record Repeated(LabelledBatch Batch) : ILabelledBatches
    {
        public IEnumerable<LabelledBatch> Epoch(int epoch) => [Batch];
    }
}
