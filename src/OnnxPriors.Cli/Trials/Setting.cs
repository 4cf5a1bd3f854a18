using System.Globalization;
using OnnxPriors.Artifacts;
using OnnxPriors.Cli.Reports;
using OnnxPriors.Priors;

namespace OnnxPriors.Cli.Trials;

/// <summary>The hyperparameters of one training run; those a way does not have are null.</summary>
internal sealed record Setting
{
    /// <summary>The largest learning rate.</summary>
    public required double LearningRate { get; init; }

    /// <summary>The variance σ² of an isotropic or zero-mean prior on the features.</summary>
    public double? Variance { get; init; }

    /// <summary>λ, which multiplies the learned covariance.</summary>
    public double? Scale { get; init; }

    /// <summary>ε, added to the rescaled diagonal of the learned covariance.</summary>
    public double? Epsilon { get; init; }

    /// <summary>What is baked of it: settings that differ in the learning rate alone share a step.</summary>
    internal RescaleOptions Rescaling => new() { Scale = Scale ?? Variance ?? 1, Epsilon = Epsilon ?? 0 };

    /// <summary>A name for the folder of its step.</summary>
    internal string StepName(Way way) => string.Join('-', (string[])[way.Name, .. Prior().Select(fact => fact.Value)]);

    /// <summary>The hyperparameters as names and values.</summary>
    public IReadOnlyList<ReportFact> Facts() => [new("lr", Text(LearningRate)), .. Prior()];

    /// <summary>The hyperparameters in a line.</summary>
    public override string ToString() => string.Join(", ", Facts().Select(fact => $"{fact.Name} {fact.Value}"));

    private IEnumerable<ReportFact> Prior()
    {
        if (Variance is { } variance)
            yield return new("variance", Text(variance));
        if (Scale is { } scale)
            yield return new("λ", Text(scale));
        if (Epsilon is { } epsilon)
            yield return new("ε", Text(epsilon));
    }

    private static string Text(double value) => value.ToString("0.######", CultureInfo.InvariantCulture);
}

/// <summary>One way of using the source task, with the settings it may choose from.</summary>
/// <param name="Name">Its name in JSON.</param>
/// <param name="Phrase">Its name within a sentence.</param>
/// <param name="Description">What it does, one sentence.</param>
/// <param name="Prior">The prior on the features.</param>
/// <param name="Settings">What is tried; at least one.</param>
internal sealed record Way(string Name, string Phrase, string Description, PriorKind Prior, IReadOnlyList<Setting> Settings)
{
    /// <summary>Which tensors train: <c>all</c> or <c>head</c>.</summary>
    public string Train { get; init; } = "all";

    /// <summary>Its name as a heading.</summary>
    public string Title => Capital(Phrase.StartsWith("the ", StringComparison.Ordinal) ? Phrase[4..] : Phrase);

    /// <summary>A text with a capital at its beginning.</summary>
    internal static string Capital(string text) => char.ToUpperInvariant(text[0]) + text[1..];
}
