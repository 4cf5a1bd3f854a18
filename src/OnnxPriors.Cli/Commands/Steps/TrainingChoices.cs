using System.CommandLine;
using OnnxPriors.Runtime.Steps;
using OnnxPriors.Runtime.Training;

namespace OnnxPriors.Cli.Commands.Steps;

/// <summary>The words that the options of training and measuring take.</summary>
internal static class TrainingChoices
{
    /// <summary>An option with a default.</summary>
    public static Option<T> Option<T>(string name, string description, T value) =>
        new(name) { Description = description, DefaultValueFactory = _ => value };

    /// <summary>An option that may be left out.</summary>
    public static Option<T?> Optional<T>(string name, string description) => new(name) { Description = description };

    /// <summary>What <c>--provider</c> names.</summary>
    public static Provider Provider(string name) => Choice(name, "--provider", ("cpu", Runtime.Steps.Provider.Cpu), ("cuda", Runtime.Steps.Provider.Cuda));

    /// <summary>What <c>--state</c> names.</summary>
    public static RunState State(string? name) => name is null
        ? RunState.Default
        : Choice(name, "--state", ("samples", RunState.Samples), ("best", RunState.Best), ("last", RunState.Last));

    /// <summary>What <c>--schedule</c> names.</summary>
    public static ScheduleKind Schedule(string name) => Choice(
        name, "--schedule", ("constant", ScheduleKind.Constant), ("cosine", ScheduleKind.Cosine), ("cyclical", ScheduleKind.CyclicalCosine));

    /// <summary>What <c>--best-by</c> names.</summary>
    public static BestBy BestBy(string name) => Choice(name, "--best-by", ("nll", Runtime.Training.BestBy.Nll), ("accuracy", Runtime.Training.BestBy.Accuracy), ("iou", Runtime.Training.BestBy.Iou));

    private static T Choice<T>(string name, string option, params (string Name, T Value)[] choices)
    {
        foreach (var choice in choices)
            if (choice.Name == name)
                return choice.Value;
        throw new RunException($"{option} is '{name}', and must be one of {string.Join(", ", choices.Select(choice => choice.Name))}.");
    }
}
