using System.CommandLine;
using System.Diagnostics;
using System.Globalization;
using System.Security.Cryptography;
using System.Text;
using OnnxPriors.Cli.Commands.Models;
using OnnxPriors.Cli.Datasets;
using OnnxPriors.Cli.Display;
using OnnxPriors.Cli.Fits;
using OnnxPriors.Data;
using OnnxPriors.Data.Batches;
using OnnxPriors.Graphs;
using OnnxPriors.Importing;
using OnnxPriors.Onnx;
using OnnxPriors.Priors;
using OnnxPriors.Torch;
using OnnxPriors.Torch.Fitting;
using OnnxPriors.Torch.Operators;

namespace OnnxPriors.Cli.Commands.Priors;

/// <summary><c>fit MODEL --data SRC -o PRIOR.safetensors</c>: the posterior of a model's weights on its source task, by a method and an objective.</summary>
internal sealed class FitVerb : IVerb
{
    // Enough to see whether a fit has left the source task behind, in seconds.
    private const int MeasuredExamples = 1000;

    private const string CrossEntropy = "cross-entropy";

    private static readonly string[] Methods = ["swag", "swag-diagonal", "laplace-fisher", "laplace-empirical", "laplace-ggn"];

    private static readonly string[] Objectives = [CrossEntropy, "simclr", "barlow-twins", "vicreg"];

    private readonly ModelFileArguments model = new();
    private readonly DataOptions data = new(DataUse.Train);
    private readonly Option<string> output = new("--output", "-o") { Description = "The prior file to write (.safetensors).", Required = true, HelpName = "PRIOR" };
    private readonly Option<string> method = new("--method") { Description = "How the posterior is fit: swag (the path of SGD: diagonal and low rank), swag-diagonal, or at the model's own weights laplace-fisher (labels drawn from the model), laplace-empirical (the data's labels) or laplace-ggn (Gauss-Newton).", DefaultValueFactory = _ => "swag" };
    private readonly Option<string> objective = new("--objective") { Description = "What the fit descends on: cross-entropy on the source labels, or without labels simclr, barlow-twins or vicreg on two views of each picture, up to the features.", DefaultValueFactory = _ => CrossEntropy };
    private readonly SwagArguments swag = new();
    private readonly LaplaceArguments laplace = new();
    private readonly SelfSupervisionArguments selfSupervision = new();
    private readonly Option<int> batch = new("--batch") { Description = "Examples a step.", DefaultValueFactory = _ => 16, HelpName = "B" };
    private readonly Option<string> batchNorm = new("--batch-norm") { Description = "frozen keeps the running statistics; batch uses each batch's and re-estimates them at the mean.", DefaultValueFactory = _ => "frozen" };
    private readonly Option<string?> features = new("--features") { Description = "The value where the feature extractor ends, for messages and for a model whose head is not found.", HelpName = "VALUE" };
    private readonly Option<ulong> seed = new("--seed") { Description = "The order of the examples and all that is drawn.", HelpName = "S" };
    private readonly Option<int> threads = new("--threads") { Description = "Threads that compute; 0: libtorch's choice.", HelpName = "N" };

    public FitVerb()
    {
        method.AcceptOnlyFromAmong(Methods);
        objective.AcceptOnlyFromAmong(Objectives);
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
        new("fit model.onnx --data source.npz -o prior.safetensors --rank 5 --collected 40", "Five directions that hold most of forty deviations"),
        new("fit model.onnx --data source.npz -o prior.safetensors --method laplace-ggn --prior-precision 10", "The curvature at the model's own weights"),
        new("fit model.onnx --data pictures --objective simclr --steps 2000 --batch 64 --learning-rate 0.05 --neighbours 20 --neighbour-data labelled.zip -o prior.safetensors", "Pictures without labels"),
    ];

    /// <inheritdoc/>
    public void Declare(Command command)
    {
        model.Declare(command);
        data.AddTo(command);
        foreach (var option in (Option[])[output, method, objective, .. swag.All, .. laplace.All, .. selfSupervision.All, batch, batchNorm, features, seed, threads])
            command.Add(option);
    }

    /// <inheritdoc/>
    public int Run(ParseResult given, Terminal terminal, CancellationToken cancellation)
    {
        var settings = data.Read(given);
        if (given.GetValue(batch) < 1)
            throw new FitException($"--batch is {given.GetValue(batch)}, and must be 1 or more.");
        var choice = Choose(given);
        var path = OutputPath.File(given.GetRequiredValue(output));
        var source = OnnxFile.Load(model.Path(given));
        var imported = ModelImporter.Import(source, model.Read(given) with
        {
            Form = choice.View is null ? ImportForm.OwnHead : ImportForm.NewHead,
            // The new head is not computed with; two is the fewest classes one can have.
            Classes = choice.View is null ? null : 2,
            Features = given.GetValue(features),
            ImageSize = settings.ImageSize,
        });
        if (given.GetValue(threads) is > 0 and var count)
        {
            Torch.Native.TorchNative.EnsureLoaded();
            TorchSharp.torch.set_num_threads(count);
        }
        var job = new Job(given, settings, source, imported, choice, terminal, cancellation);
        var watch = Stopwatch.StartNew();
        var report = choice.View is { } loss ? FitViews(job, path, loss) : FitClasses(job, path);
        (report with { Seconds = watch.Elapsed.TotalSeconds }).Show(terminal);
        return ExitCode.Done;
    }

    /// <summary>Method and objective, their options checked before any work.</summary>
    private Choice Choose(ParseResult given)
    {
        var view = Array.IndexOf(Objectives, given.GetValue(objective)) is > 0 and var which ? (ViewLoss)(which - 1) : (ViewLoss?)null;
        CurvatureKind? curvature = given.GetValue(method) switch
        {
            "laplace-fisher" => CurvatureKind.Fisher,
            "laplace-empirical" => CurvatureKind.EmpiricalFisher,
            "laplace-ggn" => CurvatureKind.GaussNewton,
            _ => null,
        };
        var estimate = given.GetValue(batchNorm) == "batch";
        if (view is not null && curvature is not null)
            throw new FitException($"{given.GetValue(method)} takes the curvature of a likelihood, which {given.GetValue(objective)} is not; take --method swag or swag-diagonal.");
        if (curvature is not null && estimate)
            throw new FitException($"{given.GetValue(method)} takes each example's own curvature, for which BatchNormalization keeps its running statistics; leave --batch-norm out.");
        GivenOptions.Refuse(given, curvature is null ? laplace.All : swag.All, given.GetValue(method)!);
        if (view is null)
            GivenOptions.Refuse(given, selfSupervision.All, CrossEntropy);
        return curvature is { } kind
            ? new(null, laplace.Read(given, kind) with { Seed = given.GetValue(seed) }, view)
            : new(swag.Read(given, given.GetValue(method) == "swag-diagonal", estimate) with
            {
                Seed = given.GetValue(seed),
                ObjectiveRate = view is null ? null : selfSupervision.Rate(given),
            }, null, view);
    }

    private FitReport FitClasses(Job job, string path)
    {
        var (given, terminal, cancellation) = (job.Given, job.Terminal, job.Cancellation);
        string[] names = [.. job.Imported.Trainable.Select(t => t.Name)];
        terminal.Remark(string.Create(CultureInfo.InvariantCulture, $"{job.Imported.Trainable.Sum(t => t.Count):N0} parameters in {names.Length} tensors, {job.Imported.Classes} classes"));
        using var opened = job.Settings.Open();
        var view = job.Settings.Split(opened, given.GetValue(seed)).Train;
        if (job.Imported.Classes is { } classes)
            view = view.RequireClasses(classes);
        var source = job.Data(opened, view, given.GetValue(batch), given.GetValue(seed));
        var measured = source.Measured(view.Take(MeasuredExamples));
        using var module = Module(job.Imported.Graph, terminal);
        var classification = new Classification(module);
        var before = Accuracy(classification, measured, "measuring the source model", terminal, cancellation);
        var stream = source.Training(job.Settings.Augmentation, views: 1, shuffle: job.Choice.Swag is not null);
        Posterior posterior;
        double? after = null;
        FitCheckpoint? checkpoint = null;
        if (job.Choice.Laplace is { } curvature)
            posterior = terminal.Track("fitting", view.Count, "examples", report => new LaplaceFit(module, curvature with { Parameters = names }).Run(
                new StreamBatches(stream, cancellation), job.Source.Sha256, view.Count, new FitReporter(report, trains: false), cancellation));
        else
        {
            var options = job.Choice.Swag! with { Parameters = names };
            checkpoint = swag.Checkpoint(given, Fingerprint(job, stream, options, ""));
            module.Statistics = given.GetValue(batchNorm) == "batch" ? BatchStatistics.Batch : BatchStatistics.Frozen;
            posterior = Follow(job, new SwagFit(module, options, classification) { Checkpoint = checkpoint }, options, stream);
            module.Statistics = BatchStatistics.Frozen;
            after = Accuracy(classification, measured, "measuring the fitted mean", terminal, cancellation);
        }
        Save(path, posterior, checkpoint);
        return Report(path, posterior, CrossEntropy, view.Count) with { SourceAccuracy = before, MeanAccuracy = after };
    }

    private FitReport FitViews(Job job, string path, ViewLoss loss)
    {
        var (given, terminal, cancellation) = (job.Given, job.Terminal, job.Cancellation);
        var settings = selfSupervision.Read(given, loss, given.GetValue(seed));
        if (!job.Settings.Augmentation.IsNone)
            throw new FitException($"{settings.Name} makes views of its own; leave --augment out (--view-area and --jitter say how they differ).");
        var extractor = job.Imported.FeatureExtractor();
        var names = job.Imported.Trainable.Select(t => t.Name).Intersect(extractor.Parameters.Select(p => p.Name)).ToArray();
        terminal.Remark(string.Create(CultureInfo.InvariantCulture, $"{extractor.Parameters.Where(p => names.Contains(p.Name)).Sum(p => p.Data!.Count):N0} parameters in {names.Length} tensors up to '{job.Imported.Split!.Features.Name}'"));
        var neighbours = selfSupervision.Neighbours(given);
        using var opened = job.Settings.Open(unlabelled: true);
        var view = job.Settings.Split(opened, given.GetValue(seed)).Train;
        var source = job.Data(opened, view, given.GetValue(batch), given.GetValue(seed));
        using var labelled = neighbours > 0 ? (job.Settings with { Path = selfSupervision.NeighbourData(given) ?? job.Settings.Path }).Open() : null;
        var check = labelled is null ? null : NeighbourCheck.Of(
            neighbours, labelled, job.Data(labelled, view, given.GetValue(batch), given.GetValue(seed)), job.Settings.Split(labelled, given.GetValue(seed)));
        using var module = Module(extractor, terminal);
        using var target = new SelfSupervision(module, settings);
        var before = check?.Accuracy(target, "measuring the features", terminal, cancellation);
        var stream = source.Training(selfSupervision.Views(given), views: 2, shuffle: true);
        var options = job.Choice.Swag! with { Parameters = names };
        var checkpoint = swag.Checkpoint(given, Fingerprint(job, stream, options, settings.ToString()));
        module.Statistics = given.GetValue(batchNorm) == "batch" ? BatchStatistics.Batch : BatchStatistics.Frozen;
        var posterior = Follow(job, new SwagFit(module, options, target) { Checkpoint = checkpoint }, options, stream);
        module.Statistics = BatchStatistics.Frozen;
        var after = check?.Accuracy(target, "measuring the fitted mean", terminal, cancellation);
        Save(path, posterior, checkpoint);
        return Report(path, posterior, settings.Name, view.Count) with { SourceNeighbours = before, MeanNeighbours = after };
    }

    private static GraphModule Module(Graph graph, Terminal terminal)
    {
        var module = new GraphModule(graph, new GraphModuleOptions { Statistics = BatchStatistics.Frozen });
        if (GraphModule.Remark is { } remark)
            terminal.Remark(remark);
        return module;
    }

    private static Posterior Follow(Job job, SwagFit fit, SwagOptions options, BatchStream stream) => job.Terminal.Track("fitting", options.Steps, "steps", report => fit.Run(
        new StreamBatches(stream, job.Cancellation), job.Source.Sha256, new FitReporter(report, trains: true), job.Cancellation));

    private static void Save(string path, Posterior posterior, FitCheckpoint? checkpoint)
    {
        PosteriorFile.Write(path, posterior);
        if (checkpoint is not null)
            File.Delete(checkpoint.Path);
    }

    private string Fingerprint(Job job, BatchStream stream, SwagOptions options, string target) => Convert.ToHexStringLower(SHA256.HashData(Encoding.UTF8.GetBytes(string.Join('\n',
        job.Source.Sha256, stream.Fingerprint(), options.ToJson(job.Given.GetValue(objective)!), options.Form, options.EffectiveRank, options.Seed, job.Given.GetValue(batchNorm), target,
        string.Join(',', options.Parameters ?? [])))));

    private static double Accuracy(Classification model, BatchStream stream, string title, Terminal terminal, CancellationToken cancellation) =>
        terminal.Track(title, stream.View.Count, "examples", report => model.Accuracy(Watched(stream, report, cancellation), cancellation));

    private static IEnumerable<LabelledBatch> Watched(BatchStream stream, IProgressReport report, CancellationToken cancellation)
    {
        var done = 0L;
        foreach (var one in new StreamBatches(stream, cancellation).Epoch(0))
        {
            yield return one;
            report.Report(done += one.Labels.Length);
        }
    }

    private static FitReport Report(string path, Posterior posterior, string objective, int examples) => new(
        path, posterior.Metadata.Method, objective, posterior.Metadata.Rank, posterior.Metadata.Samples, posterior.Parameters.Sum(t => t.TensorShape.Count), examples,
        null, null, null, null, 0);

    /// <summary>A method's options, of which one is set, and the self-supervised objective, if it is one.</summary>
    private sealed record Choice(SwagOptions? Swag, LaplaceOptions? Laplace, ViewLoss? View);

    /// <summary>What a fit works on.</summary>
    private sealed record Job(
        ParseResult Given, DataSettings Settings, Model Source, ImportedModel Imported, Choice Choice, Terminal Terminal, CancellationToken Cancellation)
    {
        public FitSource Data(IDataset opened, DatasetView view, int batch, ulong seed) => new(Imported, Source, Settings, opened, view, batch, seed);
    }
}
