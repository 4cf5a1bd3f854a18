using System.CommandLine;
using System.Globalization;
using System.Text.Json;
using OnnxPriors.Cli.Datasets;
using OnnxPriors.Cli.Display;
using OnnxPriors.Cli.Training;
using OnnxPriors.Data;
using OnnxPriors.Data.Batches;
using OnnxPriors.Importing;
using OnnxPriors.Objectives;
using OnnxPriors.Runtime.Steps;
using OnnxPriors.Runtime.Training;
using Spectre.Console;
using static OnnxPriors.Cli.Commands.Steps.TrainingChoices;

namespace OnnxPriors.Cli.Commands.Steps;

/// <summary><c>train DIR --data DATA -o RUN</c>: trains a baked step, or samples from its posterior.</summary>
internal sealed class TrainVerb : IVerb
{
    private readonly Argument<string> step = new("DIR") { Description = "The step folder that 'bake' wrote." };
    private readonly DataOptions data = new(DataUse.Train);
    private readonly Option<string> run = new("--output", "-o") { Description = "The run's folder; made where it is not there.", Required = true };
    private readonly Option<int> epochs = Option("--epochs", "How often all training examples are seen.", 10);
    private readonly Option<double?> learningRate = Optional<double?>("--learning-rate", "The largest learning rate. Default: 0.01, for adamw 0.001.");
    private readonly Option<int> batch = Option("--batch", "Examples in a micro-batch.", 32);
    private readonly Option<int> accumulate = Option("--accumulate", "Micro-batches whose gradients make one update.", 1);
    private readonly Option<string?> schedule = Optional<string>("--schedule", "constant, cosine, or cyclical (cosine in cycles). Default: cosine, for samplers cyclical.");
    private readonly Option<int?> cycles = Optional<int?>("--cycles", "Cycles of the schedule. Default: 4 for samplers, else 1.");
    private readonly Option<int> samplesPerCycle = Option("--samples-per-cycle", "Samples collected in the second part of each cycle (sgld, sghmc).", 3);
    private readonly Option<double> exploration = Option("--exploration-share", "The share of each cycle without noise, before sampling begins.", 0.8);
    private readonly Option<double> warmup = Option("--warmup-share", "The share of the run in which the learning rate rises to its value.", 0.0);
    private readonly Option<double> momentum = Option("--momentum", "SGD's momentum.", 0.9);
    private readonly Option<double> friction = Option("--friction", "SGHMC's friction, above 0 and at most 1.", 0.1);
    private readonly Option<double> temperature = Option("--temperature", "The posterior's temperature T: samplers target exp(-U/T).", 1.0);
    private readonly Option<double> priorWeight = Option("--prior-weight", "The prior's weight in units of 1/N, N training examples.", 1.0);
    private readonly Option<double?> deviation = Optional<double?>("--deviation", "The posterior's deviation to begin with, for a step baked with --learn-scale. Default: 1/2 over the root of the number of weights.");
    private readonly Option<double> deviationRate = Option("--deviation-rate", "The step of the deviation's logarithm, for a step baked with --learn-scale.", 0.1);
    private readonly Option<double> clipNorm = Option("--clip-norm", "The data gradient's largest norm; 0 does not clip.", 0.0);
    private readonly Option<string> bestBy = Option("--best-by", "What the best epoch is best by on the validation data: nll, accuracy, or a segmentation's mean iou.", "nll");
    private readonly Option<int> validateEvery = Option("--validate-every", "Epochs from one validation to the next; the last is always validated.", 1);
    private readonly ComputeOptions compute = new();
    private readonly Option<ulong> seed = Option("--seed", "What draws, order, augmentation and noise depend on.", 0UL);
    private readonly Option<double> checkpoint = Option("--checkpoint-seconds", "Seconds between checkpoints.", 30.0);
    private readonly Option<bool> resume = new("--resume") { Description = "Go on with the run in -o from its checkpoint, to the same bits as if it had not stopped." };

    /// <inheritdoc/>
    public string Name => "train";

    /// <inheritdoc/>
    public string Summary => "Trains a baked step on your data, or samples from its posterior.";

    /// <inheritdoc/>
    public IReadOnlyList<Example> Examples { get; } =
    [
        new("train step --data animals.zip -o run --examples-per-class 10 --validation 0.2", "Train on 10 pictures of each class, choosing the best epoch by a fifth"),
        new("train step --data animals.zip -o run --epochs 40 --cycles 4 --samples-per-cycle 3", "Collect 12 samples of a step baked with --optimizer sghmc"),
        new("train step --data animals.zip -o run --examples-per-class 10 --validation 0.2 --resume", "Go on with a run that was stopped, with the same options"),
    ];

    /// <inheritdoc/>
    public void Declare(Command command)
    {
        command.Add(step);
        command.Add(run);
        data.AddTo(command);
        foreach (var option in (Option[])[
            epochs, learningRate, batch, accumulate, schedule, cycles, samplesPerCycle, exploration, warmup, momentum, friction, temperature,
            priorWeight, deviation, deviationRate, clipNorm, bestBy, validateEvery, seed, checkpoint, resume])
            command.Add(option);
        compute.AddTo(command);
    }

    /// <inheritdoc/>
    public int Run(ParseResult given, Terminal terminal, CancellationToken cancellation)
    {
        var folder = OutputPath.Folder(given.GetValue(run)!);
        var settings = data.Read(given);
        var origin = Origin(given, settings);
        var stepOptions = compute.Read(given);
        using var session = StepSession.Open(given.GetValue(step)!, stepOptions);
        var options = Options(given, session.Manifest.Optimizer.Name);
        var input = ModelInput.Of(session.Manifest);
        settings = settings with { Targets = ModelInput.TargetsOf(session.Manifest.Task) };
        using var source = settings.Open();
        var splits = settings.Split(source, options.Seed);
        var prepared = input.PreprocessingFor(source, settings);
        var training = Training(input, input.Fit(splits.Train), prepared, settings, given.GetValue(batch), options.Seed);
        var validating = splits.Validation.Count == 0
            ? null
            : input.Evaluation(splits.Validation, prepared, given.GetValue(batch), settings.Threads);
        terminal.Remark($"{splits.Train.Count} examples train, {splits.Validation.Count} validate{(validating is null ? " (the last state is kept; --validation 0.2 chooses the best)" : "")}; {session.Manifest.Optimizer.Name}, prior {session.Manifest.Prior.Kind}.");

        var steps = (training.BatchCount() + options.Accumulate - 1L) / options.Accumulate * options.Epochs;
        var result = terminal.Track("training", steps, "steps", report =>
        {
            var validated = "";
            var trainer = new Trainer(session, training, validating, options)
            {
                StepDone = progress => report.Report(progress.Step, Detail(progress) + validated, Display.ProgressText.Rate(progress.ExamplesPerSecond, "examples"), progress.Remaining),
                EpochDone = metrics => validated = Validated(metrics),
                Notice = terminal.Warn,
                Threads = stepOptions.Threads,
                Description = Description(input.Fit(splits.Train).ClassNames, input, prepared, origin),
            };
            return trainer.Run(folder, given.GetValue(resume), cancellation);
        });
        var summary = new TrainingReport(
            folder, result.Steps, result.BestEpoch, result.Samples, result.Seconds, splits.Train.Count, splits.Validation.Count, result.Epochs);
        terminal.Show(summary, CliJson.Default.TrainingReport, console => Show(summary, console));
        terminal.Remark($"Next: onnxpriors evaluate {summary.Run} --data {settings.Path}, or onnxpriors export {summary.Run} -o model.onnx");
        return ExitCode.Done;
    }

    private TrainingOptions Options(ParseResult given, string optimizer)
    {
        var isSampler = optimizer is "sgld" or "sghmc";
        return new TrainingOptions
        {
            Epochs = given.GetValue(epochs),
            Schedule = new Schedule
            {
                Kind = Schedule(given.GetValue(schedule) ?? (isSampler ? "cyclical" : "cosine")),
                LearningRate = given.GetValue(learningRate) ?? (optimizer == "adamw" ? 1e-3 : 1e-2),
                Cycles = given.GetValue(cycles) ?? (isSampler ? 4 : 1),
                ExplorationShare = given.GetValue(exploration),
                WarmupShare = given.GetValue(warmup),
            },
            Accumulate = given.GetValue(accumulate),
            Momentum = given.GetValue(momentum),
            Friction = given.GetValue(friction),
            Temperature = given.GetValue(temperature),
            PriorWeight = given.GetValue(priorWeight),
            Deviation = given.GetValue(deviation),
            DeviationRate = given.GetValue(deviationRate),
            ClipNorm = given.GetValue(clipNorm),
            SamplesPerCycle = given.GetValue(samplesPerCycle),
            BestBy = BestBy(given.GetValue(bestBy)!),
            ValidationInterval = given.GetValue(validateEvery),
            Seed = given.GetValue(seed),
            CheckpointInterval = TimeSpan.FromSeconds(Math.Clamp(given.GetValue(checkpoint), 0, 1e9)),
        };
    }

    private RunOrigin Origin(ParseResult given, DataSettings settings) => new()
    {
        Step = Path.GetFullPath(given.GetValue(step)!),
        Data = Path.GetFullPath(settings.Path),
        LabelColumn = settings.LabelColumn,
        ValidationShare = settings.ValidationShare,
        ExamplesPerClass = settings.ExamplesPerClass,
        Seed = given.GetValue(seed),
        CommandLine = string.Join(' ', given.Tokens.Select(token => token.Value)),
    };

    private static StreamSource Training(ModelInput input, DatasetView view, Preprocessing? preprocessing, DataSettings settings, int batch, ulong seed)
    {
        var options = new BatchOptions
        {
            BatchSize = batch,
            Preprocessing = preprocessing,
            Augmentation = settings.Augmentation,
            Shuffle = true,
            Seed = seed,
            Threads = settings.Threads,
        };
        return input.Source(view, options);
    }

    private static RunDescription Description(IReadOnlyList<string> classNames, ModelInput input, Preprocessing? preprocessing, RunOrigin origin)
    {
        var names = input.Task.Kind() == LearningTask.Classification && classNames.Count == input.Classes ? classNames : null;
        var metadata = new Dictionary<string, string>();
        if (preprocessing is not null)
            metadata[Preprocessing.MetadataKey] = preprocessing.ToJson();
        if (names is not null)
            metadata[MetadataKeys.Classes] = JsonSerializer.Serialize([.. names], CliJson.Default.StringArray);
        return new RunDescription { ClassNames = names, Metadata = metadata, Origin = JsonSerializer.Serialize(origin, CliJson.Default.RunOrigin) };
    }

    private static string Detail(TrainingProgress progress) => string.Create(
        CultureInfo.InvariantCulture,
        $"epoch {progress.Epoch}/{progress.Epochs}  loss {progress.Loss:F4}  rate {progress.LearningRate:G3}{(progress.PriorEnergy != 0 ? string.Create(CultureInfo.InvariantCulture, $"  prior {progress.PriorEnergy:G4}") : "")}{(progress.IsSampling ? "  sampling" : "")}");

    private static string Validated(EpochMetrics metrics) => metrics.Validation is { } v
        ? string.Create(CultureInfo.InvariantCulture, $"  validation {(v.Rmse is { } rmse ? $"rmse {rmse:G4}" : $"{v.Accuracy:P1}{(v.MeanIou is { } iou ? $", mean iou {iou:F3}" : "")}")}, nll {v.Nll:F3}")
        : "";

    private static void Show(TrainingReport report, IAnsiConsole console)
    {
        var table = new Table().AddColumns("epoch", "loss", "accuracy", "prior", "val. accuracy", "val. nll", "val. ece");
        // A task's own measure.
        var extra = report.Epochs.Any(e => e.Validation?.MeanIou is not null) ? "val. mean iou" : report.Epochs.Any(e => e.Validation?.Rmse is not null) ? "val. rmse" : null;
        if (extra is not null)
            table.AddColumn(extra);
        table.AddColumn("");
        // About twenty rows show the course; the best and the last are always among them.
        var every = Math.Max(1, report.Epochs.Count / 20);
        foreach (var epoch in report.Epochs)
            if (epoch.Epoch % every == 0 || epoch.Epoch == report.BestEpoch || epoch.Epoch == report.Epochs.Count)
                table.AddRow([
                    Number(epoch.Epoch, "F0"), Number(epoch.TrainLoss, "F4"), Number(epoch.TrainAccuracy, "P1"), Number(epoch.PriorEnergy, "G5"),
                    Number(epoch.Validation?.Accuracy, "P1"), Number(epoch.Validation?.Nll, "F4"), Number(epoch.Validation?.Ece, "F3"),
                    .. extra is null ? (string[])[] : [Number(epoch.Validation?.MeanIou ?? epoch.Validation?.Rmse, "F4")],
                    epoch.Epoch == report.BestEpoch ? "best" : ""]);
        console.Write(table);
        var kept = report.Samples > 0 ? $"{report.Samples} samples" : report.BestEpoch > 0 ? $"the state of epoch {report.BestEpoch}" : "the last state";
        console.WriteLine(string.Create(CultureInfo.InvariantCulture, $"{report.Steps} steps in {report.Seconds:F1} s; {kept} in '{report.Run}'."));
        if (report.Scale is { } scale)
            console.WriteLine(string.Create(CultureInfo.InvariantCulture, $"Learned: λ × {scale.Scale:G4}, the head's variance × {scale.HeadScale:G4}, deviation {scale.Deviation:G3}, bound {scale.Bound:G6} nats. Use it: onnxpriors bake … --scale-from {report.Run}"));

        static string Number(double? value, string format) => value?.ToString(format, CultureInfo.InvariantCulture) ?? "";
    }
}
