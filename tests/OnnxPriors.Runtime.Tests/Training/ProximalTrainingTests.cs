using System.Runtime.InteropServices;
using OnnxPriors.Artifacts;
using OnnxPriors.Optimizers;
using OnnxPriors.Priors;
using OnnxPriors.Runtime.Steps;
using OnnxPriors.Runtime.Tests.Fixtures;
using OnnxPriors.Runtime.Training;

namespace OnnxPriors.Runtime.Tests.Training;

[TestClass]
public sealed class ProximalTrainingTests : IDisposable
{
    private const int Examples = 24, Rank = 3;

    private readonly TemporaryFolder temporary = new();

    public void Dispose() => temporary.Dispose();

    [TestMethod]
    [DataRow(false)]
    [DataRow(true)]
    public void Training_rests_where_the_losss_gradient_and_the_priors_cancel(bool nesterov)
    {
        new LogisticStep { Optimizer = new Sgd { Nesterov = nesterov }, PriorRank = Rank, PriorStep = PriorStep.Proximal }.Write(temporary["step"]);
        using var session = StepSession.Open(temporary["step"], new StepOptions { Threads = 1 });
        var data = new Blobs(Examples, Examples);
        const double PriorWeight = 20;
        new Trainer(session, data, null, new TrainingOptions
        {
            Epochs = 800,
            PriorWeight = PriorWeight,
            Schedule = new Schedule { Kind = ScheduleKind.Constant, LearningRate = 0.05 },
        }).Run(new MemoryRun());

        var prior = MemoryMarshal.Cast<byte, float>(File.ReadAllBytes(Path.Combine(temporary["step"], StepFiles.Prior))).ToArray();
        var reference = new ReferenceTraining(session.Parameters.ToArray(), null, 0);
        var (_, loss) = reference.Gradient([.. Enumerable.Range(0, Examples).Select(data.Example)]);
        int[] places = [.. LogisticStep.Layout.Entries.SelectMany(e => Enumerable.Range((int)e.Offset, (int)e.Count))];
        var delta = places.Select(i => reference.Theta[i] - prior[i]).ToArray();
        var slope = Solve(prior, places, delta);
        var largest = slope.Max(Math.Abs) * PriorWeight / Examples;
        Assert.IsGreaterThan(0.01, largest, "the prior pulls");
        for (var i = 0; i < places.Length; i++)
            Assert.AreEqual(0, loss[places[i]] + PriorWeight / Examples * slope[i], 1e-4 * largest);
        Assert.AreEqual(1, session.PriorEnergy() / (0.5 * delta.Zip(slope, (d, s) => d * s).Sum()), 1e-6);
    }

    [TestMethod]
    [DataRow("sgd", false)]
    [DataRow("sgd", true)]
    [DataRow("sgld", false)]
    [DataRow("sghmc", false)]
    [DataRow("adamw", false)]
    public void A_plain_prior_too_stiff_for_the_rate_is_warned_of_before_it_diverges(string optimizer, bool nesterov)
    {
        var rule = nesterov ? new Sgd { Nesterov = true } : Optimizer.Find(optimizer)!;
        new LogisticStep { Optimizer = rule, PriorRank = 0 }.Write(temporary["step"]);
        // The precisions are 4 to 6: at a weight of 1 the bound lies between these rates.
        var bound = PriorStability.Bound(optimizer, nesterov, new TrainingOptions());
        Assert.AreEqual(optimizer == "adamw", bound is null);
        Assert.IsNull(Warning(0.9 * (bound ?? 1e6) / 6));
        var warning = Warning(1.1 * (bound ?? 1e6) / 4);
        if (optimizer == "adamw")
        {
            Assert.IsNull(warning);
            return;
        }
        Assert.Contains("100.00 %", warning!);
        Assert.Contains("--epsilon", warning!);
        Assert.AreEqual(optimizer == "sgd", warning!.Contains("--prior-step proximal", StringComparison.Ordinal));

        string? Warning(double rate)
        {
            using var session = StepSession.Open(temporary["step"], new StepOptions { Threads = 1 });
            string? said = null;
            var options = new TrainingOptions { Epochs = 1, PriorWeight = 8, SamplesPerCycle = 1, Schedule = new Schedule { LearningRate = rate, ExplorationShare = 0 } };
            try
            {
                new Trainer(session, new Blobs(8, 8), null, options) { Notice = text => said = text }.Run(new MemoryRun());
            }
            catch (TrainingFailedException)
            {
                // At a rate of a million it does.
            }
            return said;
        }
    }

    // Σ⁻¹δ by elimination over the whole matrix.
    private static double[] Solve(float[] prior, int[] places, double[] delta)
    {
        var (n, length) = (places.Length, prior.Length / (2 + Rank));
        var rows = places.Select((p, i) => places.Select((q, j) => (i == j ? (double)prior[length + p] : 0)
            + Enumerable.Range(2, Rank).Sum(k => (double)prior[k * length + p] * prior[k * length + q])).Append(delta[i]).ToArray()).ToArray();
        for (var pivot = 0; pivot < n; pivot++)
            for (var row = 0; row < n; row++)
                if (row != pivot)
                {
                    var factor = rows[row][pivot] / rows[pivot][pivot];
                    for (var column = pivot; column <= n; column++)
                        rows[row][column] -= factor * rows[pivot][column];
                }
        return [.. rows.Select((row, i) => row[n] / row[i])];
    }
}
