using System.CommandLine;
using System.Globalization;
using OnnxPriors.Importing;
using OnnxPriors.Objectives;

namespace OnnxPriors.Cli.Commands.Steps;

/// <summary>The task that a step is baked for, with its objective's settings and the head it needs.</summary>
internal sealed class TaskArguments
{
    private readonly Option<string> task = new("--task")
    {
        Description = "What is predicted: classification (one class), segmentation (a class for each pixel), multilabel (each label yes or no), regression (numbers)",
        DefaultValueFactory = _ => "classification",
        HelpName = "TASK",
    };

    private readonly Option<string?> head = new("--segmentation-head") { Description = "fcn (default): a 1×1 convolution over the last feature map, enlarged to the input's size; aspp: an atrous pyramid before it", HelpName = "fcn|aspp" };
    private readonly Option<int> pyramid = new("--aspp-width") { Description = "The channels of the atrous pyramid", DefaultValueFactory = _ => 128, HelpName = "N" };
    private readonly Option<byte> ignore = new("--ignore-index") { Description = "Segmentation: the label of pixels that do not count, 0 to 255", DefaultValueFactory = _ => (byte)255, HelpName = "LABEL" };
    private readonly Option<string?> weights = new("--class-weights") { Description = "Segmentation: the weight of each class's pixels in the loss: 1,0.5,2. Default: 1 each", HelpName = "W,W,…" };
    private readonly Option<double> deviation = new("--noise-deviation") { Description = "Regression: σ, the standard deviation of the numbers around the model's, in their unit; above 0", DefaultValueFactory = _ => 1, HelpName = "S" };

    public TaskArguments()
    {
        task.AcceptOnlyFromAmong([.. TaskChoice.Names]);
        head.AcceptOnlyFromAmong("fcn", "aspp");
    }

    /// <summary>Adds the options.</summary>
    public void AddTo(Command command)
    {
        foreach (var option in (Option[])[task, head, pyramid, ignore, weights, deviation])
            command.Add(option);
    }

    /// <summary>The task.</summary>
    /// <exception cref="ObjectiveException">A setting belongs to another task, or is out of range.</exception>
    public TaskChoice Read(ParseResult given)
    {
        var name = given.GetValue(task)!;
        var kind = (TaskChoice.Classification with { Name = name }).Kind();
        void Only(Option option, LearningTask of)
        {
            if (kind != of && given.GetResult(option) is { Implicit: false })
                throw new ObjectiveException($"{option.Name} goes with --task {of.ToString().ToLowerInvariant()}, not with {name}.");
        }
        foreach (var option in (Option[])[head, pyramid, ignore, weights])
            Only(option, LearningTask.Segmentation);
        Only(deviation, LearningTask.Regression);
        return new()
        {
            Name = name,
            IgnoreIndex = kind == LearningTask.Segmentation ? given.GetValue(ignore) : null,
            ClassWeights = given.GetValue(weights) is { } text ? Weights(text) : null,
            Deviation = kind == LearningTask.Regression ? given.GetValue(deviation) : null,
        };
    }

    /// <summary>The import with the head that the task needs.</summary>
    public ImportOptions Head(ParseResult given, TaskChoice choice, ImportOptions import) => import with
    {
        Head = choice.Kind() != LearningTask.Segmentation ? HeadForm.Linear : given.GetValue(head) == "aspp" ? HeadForm.Aspp : HeadForm.Fcn,
        PyramidWidth = given.GetValue(pyramid),
        FewestClasses = choice.Kind() is LearningTask.MultiLabel or LearningTask.Regression ? 1 : 2,
    };

    private static double[] Weights(string text) =>
    [
        .. text.Split(',').Select(part => double.TryParse(part, NumberStyles.Float, CultureInfo.InvariantCulture, out var weight) && weight >= 0 && double.IsFinite(weight) ? weight
            : throw new ObjectiveException($"'{part}' in --class-weights is no number of 0 or above; give one for each class with commas between them.")),
    ];
}
