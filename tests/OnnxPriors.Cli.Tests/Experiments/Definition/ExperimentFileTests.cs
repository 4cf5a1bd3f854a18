using OnnxPriors.Cli.Experiments;
using OnnxPriors.Cli.Experiments.Definition;
using OnnxPriors.Cli.Experiments.Running;

namespace OnnxPriors.Cli.Tests.Experiments.Definition;

[TestClass]
public sealed class ExperimentFileTests
{
    private const string Whole = """
        name: A task
        model: model.onnx
        posterior:
          fit: { data: source.zip, rank: 5, steps: 100, mean: [0.1, 0.2, 0.3] }
        target: { data: target.zip, validation: 0.25, test-per-class: 7 }
        labels-per-class: [1, 10]
        seeds: [3, 1]
        train: from:layer4
        methods:
          linear-probe: { learning-rates: [0.1, 0.2, 0.3, 0.4] }
          isotropic: { learning-rates: [0.1, 0.2], variances: [1e-3, 1e-2] }
          learned: { learning-rates: [0.1, 0.2], variances: [1e-3, 1e-2], epsilon-share: 0.5 }
        sghmc: { methods: learned, labels-per-class: 10 }
        """;

    [TestMethod]
    public void A_whole_file_says_what_is_done()
    {
        var plan = Read(Whole);
        Assert.AreEqual("A task", plan.Name);
        Assert.AreEqual(Path.Combine("/root", "model.onnx"), plan.Model);
        CollectionAssert.AreEqual(new[] { ("data", Path.Combine("/root", "source.zip")), ("rank", "5"), ("steps", "100"), ("mean", "0.1,0.2,0.3") }, plan.Posterior!.Fit.ToArray());
        CollectionAssert.AreEqual((int[])[3, 1], plan.Seeds.ToArray());
        Assert.IsTrue(plan.EachSeedChooses && plan.StartsFromProbe && plan.Training.KeepsBest && plan.EqualBudgets);
        Assert.AreEqual(7, plan.Target.TestPerClass);
        var settings = plan.Methods[2].Settings(meanVariance: 0.5);
        Assert.HasCount(4, settings);
        Assert.AreEqual((0.2, 1e-3, 2e-3, 5e-4), (settings[1].LearningRate, settings[1].Variance!.Value, settings[1].Scale!.Value, settings[1].Epsilon!.Value));
        // Two numbers of labels, three methods, and one that samples at one of them.
        var units = TrialPlanner.Units(plan);
        Assert.HasCount(7, units);
        Assert.AreEqual(("learned", 10, true), (units[^1].Method.Method.Name, units[^1].Labels, units[^1].Samples));
        Assert.AreEqual((4 * 2) + 2, TrialPlanner.Count(plan, units[0]));
    }

    [TestMethod]
    [DataRow("name: A task", "nam: A task", "line 1, column 1: 'nam' is unknown", DisplayName = "a key that is none")]
    [DataRow("train: from:layer4", "train: x\ntrian: y", "'trian' is unknown", DisplayName = "a key beside the right one")]
    [DataRow("rank: 5,", "rankk: 5,", "line 4, column 29: 'posterior.fit.rankk' is unknown", DisplayName = "an option that fit does not have")]
    [DataRow("seeds: [3, 1]", "seeds: [3, 3]", "line 7, column 8: 'seeds' names a value twice", DisplayName = "a seed twice")]
    [DataRow("seeds: [3, 1]", "seeds: [3, 1.5]", "no whole number", DisplayName = "half a seed")]
    [DataRow("validation: 0.25", "validation: 1.5", "above 0 and at most 0.99", DisplayName = "more than all")]
    [DataRow("validation: 0.25", "validation: much", "'much', which is no number", DisplayName = "no number")]
    [DataRow("  linear-probe:", "  lineär-probe:", "is no method; there are linear-probe, none, zero", DisplayName = "no method")]
    [DataRow("variances: [1e-3, 1e-2] }", "variances: [1e-3] }", "unequal budgets: linear-probe 4, isotropic 2", DisplayName = "unequal budgets")]
    [DataRow("isotropic: { learning-rates: [0.1, 0.2], variances: [1e-3, 1e-2] }", "isotropic: { learning-rates: [0.1, 0.2] }", "'methods.isotropic.variances' is missing", DisplayName = "no strengths")]
    [DataRow("sghmc: { methods: learned,", "sghmc: { methods: none,", "'sghmc.methods' has 'none'", DisplayName = "sampling without a prior")]
    [DataRow("labels-per-class: 10 }", "labels-per-class: 5 }", "has 5, which the experiment does not", DisplayName = "sampling at other labels")]
    [DataRow("posterior:\n", "posterior2:\n", "needs a posterior", DisplayName = "learned from nothing")]
    [DataRow("name: A task", "name: [A, task]", "line 1, column 7: 'name' is not a single value", DisplayName = "a list for a text")]
    [DataRow("name: A task", "name: &a A task", "anchors and aliases are not taken", DisplayName = "an anchor")]
    [DataRow("name: A task", "name: {", "is no YAML", DisplayName = "no YAML")]
    public void What_is_wrong_is_said_with_its_place(string right, string wrong, string message)
    {
        Assert.Contains(right, Whole);
        var error = Assert.ThrowsExactly<ExperimentException>(() => Read(Whole.Replace(right, wrong, StringComparison.Ordinal)));
        Assert.Contains(message, error.Message);
        Assert.Contains("'lab.yaml' line ", error.Message);
    }

    [TestMethod]
    public void Unequal_budgets_must_be_said()
    {
        var plan = Read(Whole.Replace("isotropic: { learning-rates: [0.1, 0.2],", "isotropic: { learning-rates: [0.1],", StringComparison.Ordinal) + "\nequal-budgets: false\n");
        Assert.IsFalse(plan.EqualBudgets);
    }

    [TestMethod]
    public void A_deep_file_and_a_large_one_are_refused_before_anything_is_built()
    {
        Assert.Contains("deeper than", Assert.ThrowsExactly<ExperimentException>(() => Read("a: " + new string('[', 5000) + new string(']', 5000))).Message);
        Assert.Contains("more than", Assert.ThrowsExactly<ExperimentException>(() => Read("a: [" + string.Join(',', Enumerable.Repeat("1", 200_000)) + "]")).Message);
        var path = Path.GetTempFileName();
        try
        {
            File.WriteAllText(path, new string('#', 2 << 20));
            Assert.Contains("larger than", Assert.ThrowsExactly<ExperimentException>(() => YamlFile.Read(path)).Message);
        }
        finally
        {
            File.Delete(path);
        }
        Assert.Contains("no file", Assert.ThrowsExactly<ExperimentException>(() => YamlFile.Read(path)).Message);
        Assert.Contains("not one mapping", Assert.ThrowsExactly<ExperimentException>(() => Read("- a\n- b\n")).Message);
    }

    private static ExperimentPlan Read(string text) => ExperimentFile.Read(YamlFile.Parse(text, "lab.yaml"), "/root");
}
