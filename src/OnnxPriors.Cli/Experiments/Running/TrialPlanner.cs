using System.Globalization;
using OnnxPriors.Cli.Experiments.Definition;
using OnnxPriors.Cli.Trials;
using OnnxPriors.Runtime.Steps;

namespace OnnxPriors.Cli.Experiments.Running;

/// <summary>A method at one number of labels: what is tuned and measured by itself, and what shards share out.</summary>
/// <param name="Method">The method with its grid.</param>
/// <param name="Labels">The labels of each class.</param>
/// <param name="Samples">Whether SGHMC samples, rather than SGD goes to the mode.</param>
internal sealed record ExperimentUnit(MethodPlan Method, int Labels, bool Samples)
{
    /// <summary>Its inference as tables name it.</summary>
    public string Inference => Samples ? "sghmc" : "map";
}

/// <summary>Lays out an experiment's units and trials.</summary>
/// <param name="plan">The experiment.</param>
/// <param name="sources">What it works on.</param>
internal sealed class TrialPlanner(ExperimentPlan plan, ExperimentSources sources)
{
    /// <summary>The units in the order of the table: labels, then methods as the file has them, to the mode before sampling.</summary>
    public static IReadOnlyList<ExperimentUnit> Units(ExperimentPlan plan) =>
    [
        .. from labels in plan.LabelsPerClass
           from method in plan.Methods
           from samples in (bool[])[false, true]
           where !samples || (plan.Sampler is { } sampler && sampler.Methods.Contains(method.Method.Name) && sampler.LabelsPerClass.Contains(labels))
           select new ExperimentUnit(method, labels, samples),
    ];

    /// <summary>The number of trials of a unit: each setting for each seed that chooses, and the chosen one for each seed.</summary>
    public static int Count(ExperimentPlan plan, ExperimentUnit unit) => (unit.Method.Count * (plan.EachSeedChooses ? plan.Seeds.Count : 1)) + plan.Seeds.Count;

    /// <summary>The trials among which a seed chooses.</summary>
    /// <param name="unit">The unit.</param>
    /// <param name="seed">The seed.</param>
    /// <param name="start">The trial whose head they start from; null for a fresh head.</param>
    public IReadOnlyList<TrialTask> Tuning(ExperimentUnit unit, int seed, string? start) =>
        [.. unit.Method.Settings(sources.MeanVariance).Select(setting => Task(unit, setting, seed, start, isFinal: false))];

    /// <summary>A trial.</summary>
    public TrialTask Task(ExperimentUnit unit, Setting setting, int seed, string? start, bool isFinal)
    {
        var training = plan.Training;
        var needsPosterior = unit.Method.Method.NeedsPosterior;
        var settings = new TrialSettings
        {
            Runtime = StepSession.RuntimeVersion,
            Model = sources.Model.Sha256,
            Posterior = needsPosterior ? sources.PosteriorHash : null,
            Data = sources.Fingerprint,
            Preprocessing = sources.Preprocessing?.ToJson(),
            Train = unit.Method.Method.TrainsHeadAlone ? "head" : plan.Train,
            Method = unit.Method.Method.Name,
            LearningRate = setting.LearningRate,
            Variance = setting.Variance,
            Scale = setting.Scale,
            Epsilon = setting.Epsilon,
            Rank = unit.Method.Rank,
            HeadVariance = training.HeadVariance,
            LabelsPerClass = unit.Labels,
            ValidationShare = plan.Target.ValidationShare,
            Seed = seed,
            Steps = unit.Samples ? plan.Sampler!.Steps : unit.Method.Method.TrainsHeadAlone ? training.ProbeSteps : training.Steps,
            Batch = training.Batch,
            Momentum = training.Momentum,
            ClipNorm = training.ClipNorm,
            IsProximal = !unit.Samples && unit.Method.Method.HasStrength && training.IsProximal,
            Validations = training.Validations,
            KeepsBest = training.KeepsBest,
            Start = start,
            Sampler = unit.Samples ? Sampler(plan.Sampler!) : null,
            IsFinal = isFinal,
            TestPerClass = isFinal ? plan.Target.TestPerClass : null,
        };
        return new TrialTask(unit.Method, setting, settings, settings.Hash());
    }

    private static string Sampler(SamplerPlan sampler) => string.Create(
        CultureInfo.InvariantCulture,
        $"{sampler.Cycles} cycles of {sampler.SamplesPerCycle} samples, exploration {sampler.ExplorationShare}, friction {sampler.Friction}, temperature {sampler.Temperature}");
}
