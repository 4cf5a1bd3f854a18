using System.Globalization;
using OnnxPriors.Runtime.Steps;

namespace OnnxPriors.Runtime.Training;

/// <summary>
/// Whether the plain form of the prior can be followed at all. A step of gradient descent with learning rate η multiplies a deviation along
/// curvature h by 1 − ηh, so it grows once ηh passes 2; with a heavy ball of momentum β it is 2(1 + β), with Nesterov's 2(1 + β)/(1 + 2β)
/// (the roots of each recursion's characteristic polynomial leave the unit circle there). The prior's curvatures are at most the weighted
/// precisions w·a, and close to them where the factor has no part.
/// </summary>
internal static class PriorStability
{
    /// <summary>The bound on ηh of a rule; null where the rule scales its steps itself.</summary>
    /// <param name="optimizer">The rule's name.</param>
    /// <param name="nesterov">Whether its momentum is Nesterov's.</param>
    /// <param name="options">Momentum and friction.</param>
    public static double? Bound(string optimizer, bool nesterov, TrainingOptions options) => optimizer switch
    {
        "sgd" when nesterov => 2 * (1 + options.Momentum) / (1 + 2 * options.Momentum),
        "sgd" => 2 * (1 + options.Momentum),
        "sgld" => 2,
        // v ← (1 − α)v − ηg is a heavy ball of momentum 1 − α.
        "sghmc" => 2 * (2 - options.Friction),
        _ => null,
    };

    /// <summary>What to warn of before training begins; null where there is nothing.</summary>
    /// <param name="session">The step.</param>
    /// <param name="options">How it will be trained.</param>
    /// <param name="examples">N.</param>
    public static string? Warning(StepSession session, TrainingOptions options, int examples)
    {
        var (prior, optimizer) = (session.Manifest.Prior, session.Manifest.Optimizer);
        var weight = options.PriorWeight / examples;
        if (!prior.IsPresent || prior.IsProximal || weight == 0 || Bound(optimizer.Name, optimizer.Nesterov, options) is not { } bound)
            return null;
        var largest = bound / (options.Schedule.LearningRate * weight);
        if (prior.LargestPrecision <= largest || session.PriorShareAbove(largest) is not (> 0 and var share))
            return null;
        var help = optimizer.Name == "sgd" ? "Bake with --prior-step proximal, which is stable at any curvature, or with" : "Bake with";
        return string.Create(CultureInfo.InvariantCulture, $"On {share:P2} of the weights learning rate × prior precision / N passes {bound:G3}, up to which {optimizer.Name} can follow it: training will diverge. {help} a larger --epsilon or --scale, or train with a learning rate below {options.Schedule.LearningRate * largest / (prior.LargestPrecision ?? double.PositiveInfinity):G2}.");
    }
}
