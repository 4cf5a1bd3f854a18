using System.CommandLine;
using OnnxPriors.Cli.Commands.Priors;
using OnnxPriors.Cli.Datasets;
using OnnxPriors.Cli.Display;
using OnnxPriors.Cli.Experiments.Definition;
using OnnxPriors.Data;
using OnnxPriors.Data.Images;
using OnnxPriors.Importing;
using OnnxPriors.Onnx;
using OnnxPriors.Priors;

namespace OnnxPriors.Cli.Experiments.Running;

/// <summary>What all trials of an experiment work on: the model, the posterior, the target's data.</summary>
internal sealed class ExperimentSources : IDisposable
{
    private readonly ExperimentPlan plan;

    private ExperimentSources(ExperimentPlan plan, Model model, string? posterior)
    {
        (this.plan, Model, Posterior) = (plan, model, posterior);
        if (posterior is not null)
            (PosteriorHash, MeanVariance) = Describe(posterior);
        var settings = new DataSettings { Path = plan.Target.Source, Preset = plan.Target.Preprocess, ImageSize = plan.Target.ImageSize };
        Data = settings.Open();
        Fingerprint = Data.Fingerprint;
        if (Data.Kind == ExampleKind.Pixels)
        {
            // The shape after the import decides: it fixes what the file leaves free.
            var graph = ModelImporter.Import(model, Import(seed: 0)).Graph;
            Preprocessing = settings.PreprocessingFor(model.Metadata.GetValueOrDefault(MetadataKeys.Preprocess), [.. graph.Inputs[0].Shape?.Select(length => length.Value) ?? []]);
        }
    }

    /// <summary>The model as read.</summary>
    public Model Model { get; }

    /// <summary>The prior file; null where no method needs one.</summary>
    public string? Posterior { get; }

    /// <summary>Its SHA-256.</summary>
    public string? PosteriorHash { get; }

    /// <summary>Its mean variance over all weights, low rank included.</summary>
    public double MeanVariance { get; } = 1;

    /// <summary>The target's data.</summary>
    public IDataset Data { get; }

    /// <summary>What they are, as a hash.</summary>
    public string Fingerprint { get; }

    /// <summary>How pictures are prepared; null where there are none.</summary>
    public Preprocessing? Preprocessing { get; }

    /// <summary>Reads what the plan names; fits the posterior where it says so and none of the same options is there.</summary>
    /// <param name="plan">The plan.</param>
    /// <param name="folder">The experiment's folder, for a posterior that is fitted.</param>
    /// <param name="terminal">Where a fit shows its progress.</param>
    /// <param name="cancellation">Ends a fit.</param>
    /// <exception cref="ExperimentException">The options of the fit make none.</exception>
    public static ExperimentSources Open(ExperimentPlan plan, string folder, Terminal terminal, CancellationToken cancellation)
    {
        var model = OnnxFile.Load(plan.Model);
        var needed = plan.Methods.Any(one => one.Method.NeedsPosterior) ? plan.Posterior : null;
        return new ExperimentSources(plan, model, needed is null ? null : needed.File ?? Fitted(plan, needed, model, folder, terminal, cancellation));
    }

    /// <summary>How the model is imported for the target.</summary>
    /// <param name="seed">The seed of the fresh head.</param>
    /// <param name="headAlone">Whether only the head trains.</param>
    public ImportOptions Import(int seed, bool headAlone = false) => new()
    {
        Form = ImportForm.NewHead,
        Classes = Data.ClassNames.Count,
        Train = headAlone ? "head" : plan.Train,
        ImageSize = plan.Target.ImageSize,
        Seed = (ulong)seed,
    };

    /// <summary>What a seed draws at a number of labels. The test data is the source's own test part, else what neither trains nor validates.</summary>
    public (DatasetView Training, DatasetView Validation, DatasetView Test) Draw(int labels, int seed)
    {
        var splits = DatasetSplits.Of(Data, new SplitOptions { ValidationShare = plan.Target.ValidationShare, ExamplesPerClass = labels, Seed = (ulong)seed });
        var test = splits.Test.Count > 0 ? splits.Test : splits.HeldOut;
        if (test.Count == 0)
            throw new ExperimentException($"'{Data.Name}' has no test part, and {labels} labels a class with the validation data leave nothing to test on; take fewer, or a smaller 'validation'.");
        return (splits.Train, splits.Validation, plan.Target.TestPerClass is { } most ? test.TakePerClass(most, seed: 0) : test);
    }

    /// <summary>Closes the data.</summary>
    public void Dispose() => Data.Dispose();

    // The verb itself, so that an experiment's posterior is what the command line makes of the same options.
    private static string Fitted(ExperimentPlan plan, PosteriorPlan posterior, Model model, string folder, Terminal terminal, CancellationToken cancellation)
    {
        var options = posterior.Fit.SelectMany(one => (string[])[$"--{one.Option}", one.Value]).ToArray();
        var key = System.Security.Cryptography.SHA256.HashData(System.Text.Encoding.UTF8.GetBytes(string.Join('\0', [model.Sha256, .. options])));
        var path = Path.Combine(folder, $"posterior-{Convert.ToHexStringLower(key)[..16]}.safetensors");
        if (File.Exists(path))
            return path;
        var verb = new FitVerb();
        var command = new Command(verb.Name);
        verb.Declare(command);
        var parsed = command.Parse([plan.Model, .. options, "--output", path], new ParserConfiguration { ResponseFileTokenReplacer = null });
        if (parsed.Errors.Count > 0)
            throw new ExperimentException($"'posterior.fit' is not what 'onnxpriors fit' takes: {string.Join(' ', parsed.Errors.Select(error => error.Message))}");
        verb.Run(parsed, terminal.WithoutResults(), cancellation);
        return path;
    }

    private static (string Hash, double Variance) Describe(string path)
    {
        using var posterior = PosteriorReader.Open(path);
        var summary = PosteriorSummary.Of(posterior);
        using var stream = File.OpenRead(path);
        var hash = Convert.ToHexStringLower(System.Security.Cryptography.SHA256.HashData(stream));
        return summary.Total.Variance > 0
            ? (hash, summary.Total.Variance)
            : throw new ExperimentException($"'{path}' has no variance at all; fit a posterior whose weights move.");
    }
}
