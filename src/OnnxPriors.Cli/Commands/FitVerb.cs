using System.CommandLine;
using System.Diagnostics;
using System.Globalization;
using System.Text.Json.Serialization;
using OnnxPriors.Cli.Datasets;
using OnnxPriors.Cli.Display;
using OnnxPriors.Cli.Training;
using OnnxPriors.Data.Batches;
using OnnxPriors.Data.Images;
using OnnxPriors.Importing;
using OnnxPriors.Onnx;
using OnnxPriors.Priors;
using OnnxPriors.Torch;
using OnnxPriors.Torch.Fitting;
using OnnxPriors.Torch.Operators;
using Spectre.Console;

namespace OnnxPriors.Cli.Commands;

/// <summary><c>fit MODEL --data SRC -o PRIOR.safetensors</c>: the posterior of a model's weights on its source task.</summary>
internal sealed class FitVerb : IVerb
{
    // Enough to see whether a fit has left the source task behind, in seconds.
    private const int MeasuredExamples = 1000;

    private readonly ModelFileArguments model = new();
    private readonly DataOptions data = new(DataUse.Train);
    private readonly Option<string> output = new("--output", "-o") { Description = "The prior file to write (.safetensors).", Required = true, HelpName = "PRIOR" };
    private readonly Option<string> method = new("--method") { Description = "How the posterior is fit: swag (the path of SGD: diagonal and low rank).", DefaultValueFactory = _ => "swag" };
    private readonly Option<int> rank = new("--rank") { Description = "K, the deviations kept as the low-rank factor; 2 or more.", DefaultValueFactory = _ => new SwagOptions().Rank, HelpName = "K" };
    private readonly Option<int> steps = new("--steps") { Description = "Gradient steps in all.", DefaultValueFactory = _ => 500, HelpName = "N" };
    private readonly Option<double> rate = new("--learning-rate") { Description = "The learning rate of SGD. Small enough that the mean stays the source model it was; the shape of the posterior hardly depends on it, its scale does, and that is λ's to set.", DefaultValueFactory = _ => 5e-6, HelpName = "R" };
    private readonly Option<double> momentum = new("--momentum") { Description = "The momentum of SGD.", DefaultValueFactory = _ => 0.9, HelpName = "M" };
    private readonly Option<double> decay = new("--weight-decay") { Description = "The weight decay.", HelpName = "D" };
    private readonly Option<string> schedule = new("--schedule") { Description = "constant, or cyclical: falls along half a cosine between collections.", DefaultValueFactory = _ => "constant" };
    private readonly Option<int?> burnIn = new("--burn-in") { Description = "Steps before the first weights are collected. Default: a tenth of all.", HelpName = "N" };
    private readonly Option<int?> every = new("--collect-every") { Description = "Steps from one collection to the next. Default: so that 8 K, at least 40, are collected.", HelpName = "N" };
    private readonly Option<int> batch = new("--batch") { Description = "Examples a step.", DefaultValueFactory = _ => 16, HelpName = "B" };
    private readonly Option<string> batchNorm = new("--batch-norm") { Description = "frozen keeps the running statistics; batch uses each batch's and re-estimates them at the mean.", DefaultValueFactory = _ => "frozen" };
    private readonly Option<string?> features = new("--features") { Description = "The value where the feature extractor ends, for messages and for a model whose head is not found.", HelpName = "VALUE" };
    private readonly Option<bool> continued = new("--continue-training")
    {
        Description = "Starts from the pretrained weights with the model's own head, on the source labels. This is what swag does.",
        DefaultValueFactory = _ => true,
    };

    private readonly Option<ulong> seed = new("--seed") { Description = "The order of the examples and all that is drawn.", HelpName = "S" };
    private readonly Option<int> threads = new("--threads") { Description = "Threads that compute; 0: libtorch's choice.", HelpName = "N" };

    public FitVerb()
    {
        method.AcceptOnlyFromAmong("swag");
        schedule.AcceptOnlyFromAmong("constant", "cyclical");
        batchNorm.AcceptOnlyFromAmong("frozen", "batch");
    }

    /// <inheritdoc/>
    public string Name => "fit";

    /// <inheritdoc/>
    public string Summary => "Fits the posterior of a model's weights on its source task and saves it as a prior file.";

    /// <inheritdoc/>
    public IReadOnlyList<Example> Examples { get; } =
    [
        new("fit squeezenet.onnx --data imagenet.zip --preprocess caffe2-bgr -o prior.safetensors", "Fit on pictures in class folders"),
        new("fit model.onnx --data source.npz -o prior.safetensors --rank 10 --steps 1000 --schedule cyclical", "More directions, cyclical rates"),
    ];

    /// <inheritdoc/>
    public void Declare(Command command)
    {
        model.Declare(command);
        data.AddTo(command);
        foreach (var option in (Option[])[output, method, rank, steps, rate, momentum, decay, schedule, burnIn, every, batch, batchNorm, features, continued, seed, threads])
            command.Add(option);
    }

    /// <inheritdoc/>
    public int Run(ParseResult given, Terminal terminal, CancellationToken cancellation)
    {
        var watch = Stopwatch.StartNew();
        var settings = data.Read(given);
        if (given.GetValue(batch) < 1)
            throw new FitException($"--batch is {given.GetValue(batch)}, and must be 1 or more.");
        if (!given.GetValue(continued))
            throw new FitException("swag goes on from the pretrained weights; leave --continue-training out, or give true.");
        var options = Options(given);
        options.Validate();
        var path = OutputPath.File(given.GetRequiredValue(output));
        var source = OnnxFile.Load(model.Path(given));
        var imported = ModelImporter.Import(source, model.Read(given) with
        {
            Form = ImportForm.OwnHead,
            Features = given.GetValue(features),
            ImageSize = settings.ImageSize,
        });
        options = options with { Parameters = [.. imported.Trainable.Select(t => t.Name)] };
        terminal.Remark(string.Create(CultureInfo.InvariantCulture, $"{imported.Trainable.Sum(t => t.Count):N0} parameters in {imported.Trainable.Count()} tensors, {imported.Classes} classes"));

        using var opened = settings.Open();
        var view = settings.Split(opened, given.GetValue(seed)).Train;
        if (imported.Classes is { } classes)
            view = view.RequireClasses(classes);
        var preprocessing = opened.Kind == ExampleKind.Pixels ? settings.PreprocessingFor(source.Metadata.GetValueOrDefault(MetadataKeys.Preprocess), ShapeOf(imported)) : null;
        var batches = new BatchOptions
        {
            BatchSize = given.GetValue(batch),
            Preprocessing = preprocessing,
            Augmentation = settings.Augmentation,
            Shuffle = true,
            Seed = given.GetValue(seed),
            Threads = settings.Threads,
        };
        var measured = new BatchStream(view.Take(MeasuredExamples), new BatchOptions { BatchSize = batches.BatchSize, Preprocessing = preprocessing, Threads = settings.Threads });
        ModelInput.CheckShape(measured, [.. imported.Graph.Inputs[0].Shape?.Select(d => d.Value) ?? []]);

        if (given.GetValue(threads) is > 0 and var count)
        {
            Torch.Native.TorchNative.EnsureLoaded();
            TorchSharp.torch.set_num_threads(count);
        }
        using var module = new GraphModule(imported.Graph, new GraphModuleOptions { Statistics = BatchStatistics.Frozen });
        if (GraphModule.Remark is { } remark)
            terminal.Remark(remark);
        var fit = new SwagFit(module, options);
        var before = Accuracy(fit, measured, "measuring the source model", terminal, cancellation);
        module.Statistics = given.GetValue(batchNorm) == "batch" ? BatchStatistics.Batch : BatchStatistics.Frozen;
        var posterior = terminal.Track("fitting", options.Steps, "steps", report => fit.Run(
            new StreamBatches(new BatchStream(view, batches), cancellation), source.Sha256, new Reporter(report), cancellation));
        module.Statistics = BatchStatistics.Frozen;
        var after = Accuracy(fit, measured, "measuring the fitted mean", terminal, cancellation);
        PosteriorFile.Write(path, posterior);
        Show(new FitReport(path, posterior.Metadata.Method, posterior.Metadata.Rank, posterior.Metadata.Samples, imported.Trainable.Sum(t => t.Count), view.Count, before, after, watch.Elapsed.TotalSeconds), terminal);
        return ExitCode.Done;
    }

    private SwagOptions Options(ParseResult given) => new()
    {
        Rank = given.GetValue(rank),
        Steps = given.GetValue(steps),
        LearningRate = given.GetValue(rate),
        Momentum = given.GetValue(momentum),
        WeightDecay = given.GetValue(decay),
        Schedule = given.GetValue(schedule) == "cyclical" ? FitSchedule.Cyclical : FitSchedule.Constant,
        BurnIn = given.GetValue(burnIn),
        CollectEvery = given.GetValue(every),
        Seed = given.GetValue(seed),
        EstimateStatistics = given.GetValue(batchNorm) == "batch" ? true : null,
    };

    private static List<long?> ShapeOf(ImportedModel imported) =>
        [.. (imported.Graph.Inputs[0].Shape ?? throw new FitException($"The input '{imported.Graph.Inputs[0].Name}' has no stated shape.")).Select(d => d.Value)];

    private static double Accuracy(SwagFit fit, BatchStream stream, string title, Terminal terminal, CancellationToken cancellation) =>
        terminal.Track(title, stream.View.Count, "examples", report => fit.Accuracy(Watched(stream, report, cancellation), cancellation));

    private static IEnumerable<LabelledBatch> Watched(BatchStream stream, IProgressReport report, CancellationToken cancellation)
    {
        var done = 0L;
        foreach (var one in new StreamBatches(stream, cancellation).Epoch(0))
        {
            yield return one;
            report.Report(done += one.Labels.Length);
        }
    }

    private static void Show(FitReport report, Terminal terminal) => terminal.Show(report, FitJson.Default.FitReport, console =>
    {
        console.WriteLine(string.Create(CultureInfo.InvariantCulture, $"{report.Path}: {report.Method}, rank {report.Rank}, {report.Samples} samples of {report.Parameters:N0} parameters in {report.Seconds:F0} s"));
        console.WriteLine(string.Create(CultureInfo.InvariantCulture, $"top-1 on the source data: {report.SourceAccuracy:P1} pretrained, {report.MeanAccuracy:P1} at the fitted mean"));
    });

    /// <summary>Shows a fit's own account of its progress.</summary>
    private sealed class Reporter(IProgressReport report) : IProgress<FitProgress>
    {
        public void Report(FitProgress value) => report.Report(
            value.Step,
            string.Create(CultureInfo.InvariantCulture, $"loss {value.Loss:F4}, {value.Samples} collected"),
            ProgressText.Rate(value.ExamplesPerSecond, "examples"),
            value.Remaining);
    }
}

/// <summary>What <c>fit --json</c> prints.</summary>
/// <param name="Path">The prior file.</param>
/// <param name="Method">The method.</param>
/// <param name="Rank">K.</param>
/// <param name="Samples">The weight vectors collected.</param>
/// <param name="Parameters">The numbers fitted.</param>
/// <param name="Examples">The examples trained on.</param>
/// <param name="SourceAccuracy">Top-1 of the pretrained weights on up to 1,000 of these examples.</param>
/// <param name="MeanAccuracy">Top-1 of the fitted mean on the same examples.</param>
/// <param name="Seconds">The time taken.</param>
internal sealed record FitReport(
    string Path, string Method, int Rank, int Samples, long Parameters, int Examples, double SourceAccuracy, double MeanAccuracy, double Seconds);

/// <summary>The JSON of the report, without reflection.</summary>
[JsonSourceGenerationOptions(PropertyNamingPolicy = JsonKnownNamingPolicy.CamelCase, WriteIndented = true)]
[JsonSerializable(typeof(FitReport))]
internal sealed partial class FitJson : JsonSerializerContext;
