using System.CommandLine;
using System.Text.Json;
using OnnxPriors.Cli.Datasets;
using OnnxPriors.Cli.Display;
using OnnxPriors.Cli.Training;
using OnnxPriors.Data;
using OnnxPriors.Data.Batches;
using OnnxPriors.Runtime.Evaluation;
using OnnxPriors.Runtime.Export;
using OnnxPriors.Runtime.Steps;
using OnnxPriors.Runtime.Training;
using static OnnxPriors.Cli.Commands.Steps.TrainingChoices;

namespace OnnxPriors.Cli.Commands.Results;

/// <summary>The options of <c>export --distill</c>, and the training of the one model that the average becomes.</summary>
internal sealed class DistillArguments
{
    private readonly Option<string?> step = new("--distill") { Description = "Exports one model that was trained to give the average's probabilities: the step to train, as bake writes it. On the examples the run trained on, or all of --data that is for training", HelpName = "STEP" };
    private readonly Option<int> epochs = Option("--epochs", "How often the examples are seen (--distill).", 30);
    private readonly Option<double> rate = Option("--learning-rate", "The largest learning rate (--distill).", 0.01);
    private readonly Option<int> batch = Option("--batch", "Examples at a time (--distill).", 32);
    private readonly Option<ulong> seed = Option("--seed", "What order and drawn labels depend on (--distill).", 0UL);

    public void AddTo(Command command)
    {
        foreach (var option in (Option[])[step, epochs, rate, batch, seed])
            command.Add(option);
    }

    /// <summary>Whether it is asked for.</summary>
    public bool IsGiven(ParseResult given) => given.GetValue(step) is not null;

    /// <summary>Trains the student in a folder.</summary>
    /// <param name="given">The command line.</param>
    /// <param name="terminal">Where progress is shown.</param>
    /// <param name="teacher">The average.</param>
    /// <param name="source">The examples.</param>
    /// <param name="origin">How the first run came to be.</param>
    /// <param name="folder">The student's folder.</param>
    /// <param name="options">How to run it.</param>
    /// <param name="cancellation">Stops it.</param>
    /// <exception cref="ExportException">The step takes other inputs or gives other classes.</exception>
    public RunFolder Train(
        ParseResult given, Terminal terminal, Ensemble teacher, IDataset source, RunOrigin? origin, string folder, StepOptions options, CancellationToken cancellation)
    {
        using var session = StepSession.Open(given.GetValue(step)!, options);
        var (own, theirs) = (session.Manifest, teacher.Manifest);
        if (own.Optimizer.Name is "sgld" or "sghmc")
            throw new ExportException($"--distill '{session.Folder}' is a step of the sampler {own.Optimizer.Name}; bake one with sgd or adamw.");
        if (own.Classes != theirs.Classes || !own.Inputs.Select(i => (i.Name, string.Join(',', i.Shape))).SequenceEqual(theirs.Inputs.Select(i => (i.Name, string.Join(',', i.Shape)))))
            throw new ExportException($"--distill '{session.Folder}' takes other inputs than the runs, or gives another number of classes; bake a step of the same model and classes.");
        var input = ModelInput.Of(theirs);
        var splits = DatasetSplits.Of(source, origin is not null && Path.GetFullPath(source.Name) == origin.Data ? origin.Splits() : null);
        var training = new TrainingOptions
        {
            Epochs = given.GetValue(epochs),
            Schedule = new Schedule { LearningRate = given.GetValue(rate) },
            Seed = given.GetValue(seed),
            // The average already holds what the prior says; the student is to follow it, and no second prior.
            PriorWeight = 0,
        };
        var examples = input.Source(input.Fit(splits.Train), new BatchOptions
        {
            BatchSize = given.GetValue(batch),
            Preprocessing = input.PreprocessingFor(source, new DataSettings { Path = source.Name }),
            Shuffle = true,
            Seed = training.Seed,
        });
        terminal.Remark($"{examples.ExampleCount} examples distil the average of {teacher.Count} states.");
        var steps = (long)examples.BatchCount() * training.Epochs;
        terminal.Track("distilling", steps, "steps", report => new Trainer(session, new DistilledBatches(examples, teacher, training.Seed), null, training)
        {
            StepDone = progress => report.Report(progress.Step, null, ProgressText.Rate(progress.ExamplesPerSecond, "examples"), progress.Remaining),
            Notice = terminal.Warn,
            Description = new RunDescription { ClassNames = theirs.ClassNames, Metadata = theirs.Preprocessing, Origin = origin is null ? null : JsonSerializer.Serialize(origin, CliJson.Default.RunOrigin) },
        }.Run(folder, resume: false, cancellation));
        return RunFolder.Open(folder);
    }
}
