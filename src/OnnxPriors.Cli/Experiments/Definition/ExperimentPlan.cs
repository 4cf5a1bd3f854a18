using OnnxPriors.Cli.Trials;

namespace OnnxPriors.Cli.Experiments.Definition;

/// <summary>What an experiment does: methods × labels per class × seeds on one source and one target, each method with its grid.</summary>
internal sealed record ExperimentPlan
{
    /// <summary>Its name, in tables and reports.</summary>
    public required string Name { get; init; }

    /// <summary>The pretrained model's file.</summary>
    public required string Model { get; init; }

    /// <summary>The posterior of its weights, where a method needs one.</summary>
    public PosteriorPlan? Posterior { get; init; }

    /// <summary>The target's data.</summary>
    public required TargetPlan Target { get; init; }

    /// <summary>The numbers of labels of each class that train.</summary>
    public required IReadOnlyList<int> LabelsPerClass { get; init; }

    /// <summary>The seeds; each draws its own training and validation examples, head and order.</summary>
    public required IReadOnlyList<int> Seeds { get; init; }

    /// <summary>What trains, as <c>bake --train</c> takes it; the linear probe trains the head alone.</summary>
    public required string Train { get; init; }

    /// <summary>Whether each seed chooses its own setting, or the first chooses for all.</summary>
    public required bool EachSeedChooses { get; init; }

    /// <summary>Whether runs start from the head of the linear probe of the same labels, rather than from a fresh one.</summary>
    public required bool StartsFromProbe { get; init; }

    /// <summary>How runs train.</summary>
    public required TrainingPlan Training { get; init; }

    /// <summary>The methods, in the order in which they are shown.</summary>
    public required IReadOnlyList<MethodPlan> Methods { get; init; }

    /// <summary>What samples beside the training to the mode; null where nothing does.</summary>
    public SamplerPlan? Sampler { get; init; }

    /// <summary>Whether all methods try as many settings; where not, the report says so.</summary>
    public required bool EqualBudgets { get; init; }
}

/// <summary>Where the posterior comes from.</summary>
/// <param name="File">A prior file; null where it is to be fitted.</param>
/// <param name="Fit">The options of <c>onnxpriors fit</c> by their names, in the file's order; empty where a file is given.</param>
internal sealed record PosteriorPlan(string? File, IReadOnlyList<(string Option, string Value)> Fit);

/// <summary>The target's data and how it is divided.</summary>
internal sealed record TargetPlan
{
    /// <summary>The data.</summary>
    public required string Source { get; init; }

    /// <summary>The preset of the preprocessing; null: what the model's metadata says.</summary>
    public string? Preprocess { get; init; }

    /// <summary>Height and width of the pictures in pixels; null: the model's or the preset's.</summary>
    public int? ImageSize { get; init; }

    /// <summary>The share of each class that validates.</summary>
    public required double ValidationShare { get; init; }

    /// <summary>How many test examples of each class are measured, the first of a fixed draw; null: all.</summary>
    public int? TestPerClass { get; init; }
}

/// <summary>How runs train.</summary>
internal sealed record TrainingPlan
{
    /// <summary>Gradient steps of a run, rounded to whole epochs.</summary>
    public required int Steps { get; init; }

    /// <summary>Gradient steps of a linear probe's run.</summary>
    public required int ProbeSteps { get; init; }

    /// <summary>Examples of a step.</summary>
    public required int Batch { get; init; }

    /// <summary>SGD's momentum (Nesterov's).</summary>
    public required double Momentum { get; init; }

    /// <summary>The largest norm of the data gradient; 0 does not clip.</summary>
    public required double ClipNorm { get; init; }

    /// <summary>The variance of the head's prior, in every method that has a prior.</summary>
    public required double HeadVariance { get; init; }

    /// <summary>Whether the prior is taken by its proximal map, stable at any strength, rather than by its gradient. Samplers take the gradient.</summary>
    public required bool IsProximal { get; init; }

    /// <summary>How often a run is measured on the validation data.</summary>
    public required int Validations { get; init; }

    /// <summary>Whether a run ends in its best state by validation NLL, rather than in its last.</summary>
    public required bool KeepsBest { get; init; }
}

/// <summary>A method and the grid it chooses from.</summary>
/// <param name="Method">The method.</param>
/// <param name="LearningRates">The learning rates tried.</param>
/// <param name="Variances">The strengths tried, as variances of the features' prior (of a learned one its mean variance); none for a method without.</param>
internal sealed record MethodPlan(Method Method, IReadOnlyList<double> LearningRates, IReadOnlyList<double> Variances)
{
    /// <summary>ε of a learned prior as a share of its mean variance.</summary>
    public double EpsilonShare { get; init; }

    /// <summary>The columns kept of a learned prior's factor; null: all.</summary>
    public int? Rank { get; init; }

    /// <summary>The settings in the order in which equals are preferred: strengths, within them rates.</summary>
    /// <param name="meanVariance">The posterior's mean variance, which λ = 1 stands for; not used by other priors.</param>
    public IReadOnlyList<Setting> Settings(double meanVariance) => Variances.Count == 0
        ? [.. LearningRates.Select(rate => new Setting { LearningRate = rate })]
        : [.. from variance in Variances from rate in LearningRates select Method.NeedsPosterior
            ? new Setting { LearningRate = rate, Variance = variance, Scale = variance / meanVariance, Epsilon = EpsilonShare * variance }
            : new Setting { LearningRate = rate, Variance = variance }];

    /// <summary>The number of settings.</summary>
    public int Count => LearningRates.Count * Math.Max(1, Variances.Count);
}

/// <summary>How SGHMC samples.</summary>
internal sealed record SamplerPlan
{
    /// <summary>The methods that sample.</summary>
    public required IReadOnlyList<string> Methods { get; init; }

    /// <summary>The numbers of labels at which they do.</summary>
    public required IReadOnlyList<int> LabelsPerClass { get; init; }

    /// <summary>Gradient steps of a run.</summary>
    public required int Steps { get; init; }

    /// <summary>Cycles of the learning rate.</summary>
    public required int Cycles { get; init; }

    /// <summary>Samples of each cycle.</summary>
    public required int SamplesPerCycle { get; init; }

    /// <summary>The share of each cycle before sampling begins.</summary>
    public required double ExplorationShare { get; init; }

    /// <summary>The friction α.</summary>
    public required double Friction { get; init; }

    /// <summary>The posterior's temperature T.</summary>
    public required double Temperature { get; init; }
}
