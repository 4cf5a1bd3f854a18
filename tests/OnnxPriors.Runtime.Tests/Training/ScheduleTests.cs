using OnnxPriors.Runtime.Training;

namespace OnnxPriors.Runtime.Tests.Training;

[TestClass]
public sealed class ScheduleTests
{
    [TestMethod]
    public void A_constant_rate_is_constant() =>
        Assert.IsTrue(Enumerable.Range(0, 50).All(step => new Schedule { Kind = ScheduleKind.Constant, LearningRate = 0.3 }.LearningRateAt(step, 50) == 0.3));

    [TestMethod]
    public void Cosine_falls_from_the_whole_rate_over_its_half_to_nearly_nothing()
    {
        var schedule = new Schedule { Kind = ScheduleKind.Cosine, LearningRate = 2, Cycles = 4 };
        Assert.AreEqual(2, schedule.LearningRateAt(0, 1000));
        Assert.AreEqual(1, schedule.LearningRateAt(500, 1000), 1e-12);
        Assert.AreEqual(2 * 0.5 * (1 + Math.Cos(Math.PI * 0.999)), schedule.LearningRateAt(999, 1000), 1e-15);
    }

    // Equation 1 of cSGMCMC for K iterations in M cycles, where M divides K; its k counts from 1.
    [TestMethod]
    public void Cyclical_cosine_is_the_papers()
    {
        const int total = 120, cycles = 5;
        var schedule = new Schedule { Kind = ScheduleKind.CyclicalCosine, LearningRate = 0.7, Cycles = cycles, ExplorationShare = 0.5 };
        for (var k = 1; k <= total; k++)
        {
            var length = Math.Ceiling((double)total / cycles);
            var r = (k - 1) % length / length;
            Assert.AreEqual(0.7 / 2 * (Math.Cos(Math.PI * r) + 1), schedule.LearningRateAt(k - 1, total), 1e-15);
            Assert.AreEqual(r >= 0.5, schedule.SamplesAt(k - 1, total));
        }
    }

    [TestMethod]
    [DataRow(100, 3, 0.8, 2)]
    [DataRow(101, 7, 0.5, 5)]
    [DataRow(17, 4, 0.0, 3)]
    [DataRow(1000, 1, 0.99, 10)]
    public void Every_cycle_gives_its_samples_within_its_second_part_and_the_last_at_its_end(int total, int cycles, double exploration, int samples)
    {
        var schedule = new Schedule { Kind = ScheduleKind.CyclicalCosine, Cycles = cycles, ExplorationShare = exploration };
        Assert.IsGreaterThanOrEqualTo(samples, schedule.SamplingStepsPerCycle(total));
        var collected = Enumerable.Range(0, total).Where(step => schedule.CollectsAfter(step, total, samples)).ToList();
        Assert.HasCount(samples * cycles, collected);
        Assert.IsTrue(collected.All(step => schedule.SamplesAt(step, total)));
        for (var cycle = 1; cycle <= cycles; cycle++)
            Assert.AreEqual((total * cycle / cycles) - 1, collected[(cycle * samples) - 1]);
        // Where the rate is the whole one, a cycle begins.
        Assert.HasCount(cycles, Enumerable.Range(0, total).Where(step => schedule.LearningRateAt(step, total) == schedule.LearningRate).ToList());
    }

    [TestMethod]
    public void A_warm_up_rises_in_a_straight_line_and_ends_at_the_schedule()
    {
        var schedule = new Schedule { Kind = ScheduleKind.Constant, LearningRate = 1, WarmupShare = 0.1 };
        Assert.AreEqual(0.1, schedule.LearningRateAt(0, 100), 1e-12);
        Assert.AreEqual(0.5, schedule.LearningRateAt(4, 100), 1e-12);
        Assert.AreEqual(1, schedule.LearningRateAt(9, 100));
    }
}
