using System.CommandLine;
using OnnxPriors.Artifacts;
using OnnxPriors.Artifacts.OrtTraining;

namespace OnnxPriors.Cli.Commands.Steps;

/// <summary>What <c>bake</c> makes, and how the package for the ORT Training API is made.</summary>
internal sealed class OrtTrainingArguments
{
    private readonly Option<string> target = new("--target")
    {
        Description = "step: for any ONNX Runtime; ort-training: a package for the ORT Training API (its last release is 1.19.2); both: in one folder",
        DefaultValueFactory = _ => "step",
    };
    private readonly Option<bool> zip = new("--zip") { Description = "Writes DIR.zip beside the folder too" };
    private readonly Option<string> version = new("--ort-version") { Description = "The oldest ORT Training release that shall load the package, from 1.16 on", DefaultValueFactory = _ => "1.19.2", HelpName = "VERSION" };
    private readonly Option<float?> learningRate = new("--learning-rate") { Description = "Fixes the learning rate in the package's optimizer model: JavaScript's API cannot set it. Default: an input, which other languages set", HelpName = "R" };
    private readonly Option<bool> noise = new("--noise") { Description = "The package takes noise_scale and adds noise to each gradient; with --optimizer sgld it does so in any case" };
    private readonly Option<long?> examples = new("--examples") { Description = "The training examples expected on the device: the manifest suggests 1/N as the prior's weight. Default: 10 a class", HelpName = "N" };

    public OrtTrainingArguments() => target.AcceptOnlyFromAmong("step", "ort-training", "both");

    /// <summary>Adds the options.</summary>
    public void AddTo(Command command)
    {
        foreach (var option in (Option[])[target, zip, version, learningRate, noise, examples])
            command.Add(option);
    }

    /// <summary>Whether an archive is asked for.</summary>
    public bool IsZipped(ParseResult given) => given.GetValue(zip);

    /// <summary>What is baked.</summary>
    public BakeTargets Targets(ParseResult given) => given.GetValue(target) switch
    {
        "ort-training" => BakeTargets.OrtTraining,
        "both" => BakeTargets.Both,
        _ => BakeTargets.Step,
    };

    /// <summary>How the package is made.</summary>
    /// <exception cref="ArtifactException">A release that no package can be made for, or an option that goes with a package where none is made.</exception>
    public OrtTrainingOptions Read(ParseResult given)
    {
        if (!Targets(given).HasFlag(BakeTargets.OrtTraining))
            foreach (var option in (Option[])[version, learningRate, noise, examples])
                if (given.GetResult(option) is { Implicit: false })
                    throw new ArtifactException($"{option.Name} goes with --target ort-training or both; the step takes learning rate and noise when it trains.");
        return new()
        {
            Version = OrtTrainingVersion.Parse(given.GetValue(version)!),
            LearningRate = given.GetValue(learningRate),
            Noise = given.GetValue(noise),
            Examples = given.GetValue(examples),
        };
    }
}
