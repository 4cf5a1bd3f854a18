using System.CommandLine;
using OnnxPriors.Artifacts;
using OnnxPriors.Priors;
using OnnxPriors.Runtime.Training;

namespace OnnxPriors.Cli.Commands.Steps;

/// <summary>The options of <c>bake</c> that say what of a learned covariance is used, how a step takes the prior, and whether its scale is learned.</summary>
internal sealed class PriorFormArguments
{
    private readonly Option<string> shape = new("--prior-shape")
    {
        Description = "Of a learned covariance. full: D + WWᵀ; diagonal: its diagonal alone; permuted: full, the weights of each tensor exchanged (a control)",
        DefaultValueFactory = _ => "full",
    };
    private readonly Option<ulong> permutation = new("--permutation-seed") { Description = "Seeds --prior-shape permuted", DefaultValueFactory = _ => 0, HelpName = "S" };
    private readonly Option<string> step = new("--prior-step")
    {
        Description = "plain: the prior's gradient beside the data's, which diverges where the prior is stiff; proximal (sgd): its proximal map, stable at any scale; auto: proximal for sgd with --target step",
        DefaultValueFactory = _ => "auto",
    };
    private readonly Option<bool> learnScale = new("--learn-scale") { Description = "Training learns λ and the head's variance by the data-emphasised ELBO (sgd); they multiply those given here. Bake again with --scale-from" };
    private readonly Option<string?> scaleFrom = new("--scale-from") { Description = "Takes λ, ε and the head's variance from a run of a step baked with --learn-scale, in place of --scale, --epsilon and --head-variance", HelpName = "RUN" };

    public PriorFormArguments()
    {
        shape.AcceptOnlyFromAmong("full", "diagonal", "permuted");
        step.AcceptOnlyFromAmong("auto", "plain", "proximal");
    }

    public void AddTo(Command command)
    {
        foreach (var option in (Option[])[shape, permutation, step, learnScale, scaleFrom])
            command.Add(option);
    }

    /// <summary>Completes a choice.</summary>
    /// <param name="choice">What the other options say.</param>
    /// <param name="given">The command line.</param>
    /// <param name="optimizer">The update rule's name.</param>
    /// <param name="targets">What is baked.</param>
    /// <exception cref="InvalidPriorException">Options do not go together, or the run has no scale.</exception>
    public PriorChoice Complete(PriorChoice choice, ParseResult given, string optimizer, BakeTargets targets)
    {
        var suits = optimizer == "sgd" && targets == BakeTargets.Step;
        choice = choice with
        {
            Shape = (PriorShape)Array.IndexOf(["full", "diagonal", "permuted"], given.GetValue(shape)!),
            PermutationSeed = given.GetValue(permutation),
            Step = given.GetValue(step) switch
            {
                "plain" => PriorStep.Plain,
                "proximal" => PriorStep.Proximal,
                _ => suits && choice.Kind != PriorKind.None ? PriorStep.Proximal : PriorStep.Plain,
            },
            LearnsScale = given.GetValue(learnScale),
        };
        return given.GetValue(scaleFrom) is { } run ? Scaled(choice, given, run) : choice;
    }

    private static PriorChoice Scaled(PriorChoice choice, ParseResult given, string folder)
    {
        if (given.Tokens.FirstOrDefault(token => token.Value is "--scale" or "--epsilon" or "--head-variance") is { } other)
            throw new InvalidPriorException($"--scale-from '{folder}' takes the place of {other.Value}; leave one of them out.");
        var run = RunFolder.Open(folder);
        var prior = run.Manifest.Prior;
        if (run.ReadScale() is not { } learned)
            throw new InvalidPriorException($"--scale-from '{folder}' is a run that learned no scale, or is not finished. Bake a step with --learn-scale and train it.");
        if (prior.Kind != choice.KindName || (prior.Shape ?? "full") != choice.ShapeName)
            throw new InvalidPriorException($"--scale-from '{folder}' learned the scale of a prior that is {prior.Kind} of the shape {prior.Shape ?? "full"}, and this one is {choice.KindName} of the shape {choice.ShapeName}: another scale fits it.");
        return choice with
        {
            // λ multiplies the whole covariance that was baked, ε with it.
            Rescaling = choice.Rescaling with { Scale = prior.Scale * learned.Scale, Epsilon = prior.Epsilon * learned.Scale },
            HeadVariance = prior.HeadVariance * learned.HeadScale,
        };
    }
}
