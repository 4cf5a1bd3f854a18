using System.CommandLine;
using System.Globalization;
using System.Text.Json.Serialization;
using OnnxPriors.Artifacts;
using OnnxPriors.Cli.Commands.Models;
using OnnxPriors.Cli.Commands.Priors;
using OnnxPriors.Cli.Display;
using OnnxPriors.Graphs;
using OnnxPriors.Importing;
using OnnxPriors.Onnx;
using OnnxPriors.Optimizers;
using OnnxPriors.Priors;
using OnnxPriors.Runtime.Training;
using Spectre.Console;

namespace OnnxPriors.Cli.Commands.Steps;

/// <summary><c>bake MODEL --prior … --classes C -o DIR</c>: the step, with the prior in it.</summary>
internal sealed class BakeVerb : IVerb
{
    // Small beside any variance that a fit finds, and enough that no coordinate's precision is infinite.
    private const double DefaultEpsilon = 1e-8;

    private readonly ModelArguments arguments = new();
    private readonly TaskArguments tasks = new();
    private readonly RescaleArguments rescaling = new(DefaultEpsilon);
    private readonly Option<string> prior = new("--prior")
    {
        Description = "A prior file; or isotropic: N(source weights, λ); zero: N(0, λ); none",
        Required = true,
        HelpName = "PRIOR.safetensors|isotropic|zero|none",
    };
    private readonly Option<bool> allowOtherSource = new("--allow-other-source") { Description = "Takes a prior that was fitted to another file of the same tensors, such as a copy with other metadata" };
    private readonly Option<int> classes = new("--classes") { Description = "The number of classes of the new head: of labels for --task multilabel, of numbers for regression.", Required = true, HelpName = "C" };
    private readonly Option<string> output = new("--output", "-o") { Description = "The folder to make.", Required = true, HelpName = "DIR" };
    private readonly Option<string> train = new("--train") { Description = "What trains: all, head, from:NAME, or name patterns with commas between them", DefaultValueFactory = _ => "all", HelpName = "WHAT" };
    private readonly Option<string> batchNorm = new("--batch-norm") { Description = "frozen: pretrained statistics, scale and shift train; batch: the batch's statistics", DefaultValueFactory = _ => "frozen" };
    private readonly Option<string> optimizer = new("--optimizer") { Description = "The update rule", DefaultValueFactory = _ => "sgd" };
    private readonly Option<bool> nesterov = new("--nesterov") { Description = "SGD with Nesterov's momentum" };
    private readonly Option<double> weightDecay = new("--weight-decay") { Description = "AdamW's decoupled weight decay, 0 or above", DefaultValueFactory = _ => 0, HelpName = "W" };
    private readonly Option<double> headVariance = new("--head-variance") { Description = "The variance of the new head's prior, isotropic around zero; above 0", DefaultValueFactory = _ => 1, HelpName = "V" };
    private readonly Option<string?> headOf = new("--head") { Description = "Starts the head from this run's: train a linear probe (--train head), then all. Default: a fresh head", HelpName = "RUN" };
    private readonly PriorFormArguments form = new();
    private readonly OrtTrainingArguments device = new();
    private readonly Option<ulong> seed = new("--seed") { Description = "Seeds the fresh head", DefaultValueFactory = _ => 0, HelpName = "S" };

    public BakeVerb()
    {
        batchNorm.AcceptOnlyFromAmong("frozen", "batch");
        optimizer.AcceptOnlyFromAmong("sgd", "adamw", "sgld", "sghmc");
    }

    /// <inheritdoc/>
    public string Name => "bake";

    /// <inheritdoc/>
    public string Summary => "Bakes a model and a prior into training graphs: the step for any ONNX Runtime, or a package for the ORT Training API.";

    /// <inheritdoc/>
    public IReadOnlyList<Example> Examples { get; } =
    [
        new("bake model.onnx --prior prior.safetensors --classes 4 -o step", "Bake a fitted prior for a task of 4 classes"),
        new("bake model.onnx --prior prior.safetensors --scale 1e4 --optimizer sghmc --classes 10 -o step", "Widen the prior and sample"),
        new("bake model.onnx --prior prior.safetensors --classes 4 --target both --optimizer adamw --zip -o package", "Bake a package for devices and browsers, and an archive of it"),
        new("bake model.onnx --prior prior.safetensors --learn-scale --classes 4 -o step", "Let training find the prior's scale; then bake again with --scale-from RUN"),
        new("bake model.onnx --prior none --train head --classes 4 -o probe", "Bake a linear probe"),
        new("bake model.onnx --task segmentation --classes 11 --ignore-index 11 --shape data_0=batchx3x180x240 --prior isotropic --scale 1e-3 -o step", "Bake a segmentation of 11 classes, label 11 not counted, at 180 by 240 pixels"),
        new("bake model.onnx --prior prior.safetensors --classes 4 --head probe-run -o step", "Start from the head of a trained probe"),
    ];

    /// <inheritdoc/>
    public void Declare(Command command)
    {
        arguments.Declare(command);
        foreach (var option in (Option[])[prior, allowOtherSource, classes, output, train, batchNorm])
            command.Add(option);
        tasks.AddTo(command);
        rescaling.AddTo(command);
        form.AddTo(command);
        foreach (var option in (Option[])[headOf, headVariance, optimizer, nesterov, weightDecay, seed])
            command.Add(option);
        device.AddTo(command);
    }

    /// <inheritdoc/>
    public int Run(ParseResult given, Terminal terminal, CancellationToken cancellation)
    {
        var folder = OutputPath.Folder(given.GetRequiredValue(output));
        var path = arguments.Path(given);
        var choice = form.Complete(Prior(given), given, given.GetValue(optimizer)!, device.Targets(given));
        var rule = Rule(given);
        var package = device.Read(given);
        var task = tasks.Read(given);
        var import = tasks.Head(given, task, arguments.Read(given)) with
        {
            Form = ImportForm.NewHead,
            Classes = given.GetValue(classes),
            Train = given.GetValue(train)!,
            Seed = given.GetValue(seed),
        };
        var model = ModelImporter.Import(OnnxFile.Load(path), import);
        cancellation.ThrowIfCancellationRequested();
        var options = new BakeOptions
        {
            Prior = choice,
            Task = task,
            Optimizer = rule,
            BatchNormalization = given.GetValue(batchNorm) == "batch" ? BatchNormalizationMode.Batch : BatchNormalizationMode.Frozen,
            Import = import,
            Head = given.GetValue(headOf) is { } probe ? Head(probe) : new Dictionary<string, TensorData>(),
            Targets = device.Targets(given),
            OrtTraining = package,
            SourceFileName = Path.GetFileName(path),
        };
        var baked = StepBaker.Bake(model, options, folder, cancellation);
        if (device.IsZipped(given))
        {
            var archive = Path.TrimEndingDirectorySeparator(Path.GetFullPath(folder)) + ".zip";
            PackageArchive.Write(folder, archive);
            terminal.Remark($"'{archive}' holds the same files.");
        }
        var report = BakeSummary.Of(folder, baked);
        if (choice.Kind == PriorKind.Learned && report.EpsilonShare > 0.5)
            terminal.Warn(string.Create(CultureInfo.InvariantCulture, $"ε exceeds the learned variance in {report.EpsilonShare:P1} of the coordinates, so the prior is isotropic there. Give a smaller --epsilon or a larger --scale."));
        terminal.Show(report, BakeJson.Default.BakeSummary, console => Show(console, report));
        return ExitCode.Done;
    }

    private PriorChoice Prior(ParseResult given)
    {
        var name = given.GetRequiredValue(prior);
        PriorKind? kind = name switch
        {
            "isotropic" => PriorKind.Isotropic,
            "zero" => PriorKind.Zero,
            "none" => PriorKind.None,
            _ => null,
        };
        if (kind is null && !File.Exists(name))
            throw new InvalidPriorException($"--prior is '{name}', which is no file and none of isotropic, zero, none. Make a prior file with 'onnxpriors fit'.");
        return new()
        {
            Kind = kind ?? PriorKind.Learned,
            Path = kind is null ? name : null,
            Rescaling = rescaling.Read(given),
            HeadVariance = given.GetValue(headVariance),
            AllowOtherSource = given.GetValue(allowOtherSource),
        };
    }

    // The head's tensors of a run's best state, or of its last.
    private static Dictionary<string, TensorData> Head(string folder)
    {
        var run = RunFolder.Open(folder);
        var states = run.OpenStates();
        try
        {
            if (states.Count > 1)
                throw new ArtifactException($"--head '{folder}' is a run with {states.Count} samples; take one that was trained with sgd or adamw.");
            return run.Manifest.Parameters.Where(parameter => parameter.Role == "head").ToDictionary(
                parameter => parameter.Name,
                parameter => TensorData.Of(states[0].ParameterValues.Slice((int)parameter.Offset, (int)parameter.Count).ToArray(), [.. parameter.Shape]),
                StringComparer.Ordinal);
        }
        finally
        {
            foreach (var state in states)
                state.Dispose();
        }
    }

    private Optimizer Rule(ParseResult given)
    {
        var (name, isNesterov, decay) = (given.GetValue(optimizer)!, given.GetValue(nesterov), given.GetValue(weightDecay));
        if (isNesterov && name != "sgd")
            throw new ArtifactException($"--nesterov goes with --optimizer sgd, not with {name}.");
        if (decay != 0 && name != "adamw")
            throw new ArtifactException($"--weight-decay goes with --optimizer adamw, not with {name}; a zero-mean prior (--prior zero) decays weights under every optimizer.");
        if (!double.IsFinite(decay) || decay < 0)
            throw new ArtifactException(string.Create(CultureInfo.InvariantCulture, $"--weight-decay is {decay}; it must be 0 or above."));
        return Optimizer.Find(name)! switch
        {
            Sgd sgd => sgd with { Nesterov = isNesterov },
            AdamW adamW => adamW with { WeightDecay = decay },
            var other => other,
        };
    }

    private static void Show(IAnsiConsole console, BakeSummary report)
    {
        var table = new Table().Border(TableBorder.None).HideHeaders().AddColumns("", "");
        void Row(string name, FormattableString text) => table.AddRow(Markup.Escape(name), Markup.Escape(text.ToString(CultureInfo.InvariantCulture)));
        Row("step", $"{report.Folder}");
        Row("task", $"{report.Task}");
        Row("trained", $"{report.TrainedElements:N0} parameters in {report.TrainedTensors} tensors, {report.HeadElements:N0} of them in the head");
        Row("frozen", $"{report.FrozenElements:N0} numbers in {report.FrozenTensors} tensors");
        if (report.RunningStatistics > 0)
            Row("statistics", $"{report.RunningStatistics} running statistics move with the batches");
        Row("prior", report.Prior == "learned" ? $"learned, rank {report.Rank}, λ {report.Scale:G4} ({report.Scaling}), ε {report.Epsilon:G3}" : (FormattableString)$"{report.Prior}");
        if (report.Prior == "learned")
            Row("ε dominates", $"{report.EpsilonShare:P2} of the coordinates");
        if (report.PriorShape is { } shape)
            Row("shape", $"{shape}");
        if (report.Prior != "none")
            Row("prior step", $"{report.PriorStep}");
        Row("optimizer", $"{report.Optimizer}");
        foreach (var file in report.Files)
            Row(file.Name, $"{file.Bytes:N0} bytes");
        console.Write(table);
    }
}

/// <summary>What <c>bake --json</c> prints.</summary>
/// <param name="Folder">The folder made.</param>
/// <param name="TrainedTensors">How many tensors train.</param>
/// <param name="TrainedElements">How many numbers they hold.</param>
/// <param name="HeadElements">How many of these are the head's.</param>
/// <param name="FrozenTensors">How many float tensors do not train.</param>
/// <param name="FrozenElements">How many numbers they hold.</param>
/// <param name="RunningStatistics">How many running statistics training updates.</param>
/// <param name="Prior">The prior's kind.</param>
/// <param name="Rank">The rank of its factor.</param>
/// <param name="Scale">λ.</param>
/// <param name="Scaling">How λ acts.</param>
/// <param name="Epsilon">ε.</param>
/// <param name="EpsilonShare">The share of learned coordinates, 0 … 1, where ε exceeds the learned variance.</param>
/// <param name="PriorShape">What of a learned covariance is used, where it is not all.</param>
/// <param name="PriorStep">How an update takes the prior: <c>plain</c> or <c>proximal</c>.</param>
/// <param name="Optimizer">The update rule.</param>
/// <param name="Files">The files with their sizes.</param>
internal sealed record BakeSummary(
    string Folder,
    int TrainedTensors,
    long TrainedElements,
    long HeadElements,
    int FrozenTensors,
    long FrozenElements,
    int RunningStatistics,
    string Prior,
    int Rank,
    double Scale,
    string Scaling,
    double Epsilon,
    double EpsilonShare,
    string? PriorShape,
    string PriorStep,
    string Optimizer,
    IReadOnlyList<ManifestFileEntry> Files)
{
    /// <summary>What the step predicts.</summary>
    public string Task { get; init; } = "classification";

    public static BakeSummary Of(string folder, BakeReport baked)
    {
        var manifest = baked.Manifest;
        return new(
            folder, baked.TrainedTensors, baked.TrainedElements, manifest.Parameters.Where(p => p.Role == "head").Sum(p => p.Count), baked.FrozenTensors, baked.FrozenElements,
            manifest.Buffers.Count, manifest.Prior.Kind, manifest.Prior.Rank, manifest.Prior.Scale, manifest.Prior.Scaling, manifest.Prior.Epsilon, manifest.Prior.EpsilonShare,
            manifest.Prior.Shape, manifest.Prior.Step ?? "plain", manifest.Optimizer.Name, manifest.Files)
        {
            Task = manifest.Task.Name,
        };
    }
}

[JsonSourceGenerationOptions(PropertyNamingPolicy = JsonKnownNamingPolicy.CamelCase)]
[JsonSerializable(typeof(BakeSummary))]
internal sealed partial class BakeJson : JsonSerializerContext;
