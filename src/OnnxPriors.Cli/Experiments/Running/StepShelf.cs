using System.Collections.Concurrent;
using System.Globalization;
using OnnxPriors.Artifacts;
using OnnxPriors.Cli.Experiments.Definition;
using OnnxPriors.Cli.Trials;
using OnnxPriors.Importing;
using OnnxPriors.Optimizers;
using OnnxPriors.Priors;
using OnnxPriors.Runtime.Steps;

namespace OnnxPriors.Cli.Experiments.Running;

/// <summary>
/// The steps that trials need, each baked when the first asks for it: one serves all labels, seeds and learning rates of a method and a
/// strength. Their frozen parts are cut off, and what these give for the examples is kept for all steps with the same frozen part.
/// </summary>
/// <param name="plan">The experiment.</param>
/// <param name="sources">What it works on.</param>
/// <param name="folder">Where steps are baked; it goes when the shelf is closed.</param>
/// <param name="cacheBytes">The most memory for features.</param>
internal sealed class StepShelf(ExperimentPlan plan, ExperimentSources sources, string folder, long cacheBytes) : IDisposable
{
    private readonly ConcurrentDictionary<string, Lazy<(string Folder, FeatureCache? Features)>> steps = new(StringComparer.Ordinal);
    private readonly ConcurrentDictionary<string, Lazy<FeatureCache>> caches = new(StringComparer.Ordinal);

    /// <summary>The examples that passed a frozen part and were kept.</summary>
    public int CachedExamples => caches.Values.Where(one => one.IsValueCreated).Sum(one => one.Value.Count);

    /// <summary>The step of a method at a strength, and its frozen part; null where the network has none that can be cut off.</summary>
    public (string Folder, FeatureCache? Features) Find(MethodPlan method, Setting setting, bool samples)
    {
        var key = string.Create(CultureInfo.InvariantCulture, $"{method.Method.Name}-{setting.Variance}{(samples ? "-sghmc" : "")}");
        return steps.GetOrAdd(key, name => new(() => Bake(Path.Combine(folder, name), method, setting, samples))).Value;
    }

    /// <summary>Ends the sessions and deletes the steps.</summary>
    public void Dispose()
    {
        foreach (var cache in caches.Values)
            if (cache.IsValueCreated)
                cache.Value.Dispose();
        if (Directory.Exists(folder))
            Directory.Delete(folder, recursive: true);
    }

    private (string, FeatureCache?) Bake(string path, MethodPlan method, Setting setting, bool samples)
    {
        var import = sources.Import(seed: 0, method.Method.TrainsHeadAlone);
        var options = new BakeOptions
        {
            Prior = new PriorChoice
            {
                Kind = method.Method.Prior,
                Path = method.Method.NeedsPosterior ? sources.Posterior : null,
                Rescaling = setting.Rescaling with { Rank = method.Rank },
                HeadVariance = plan.Training.HeadVariance,
                Shape = method.Method.Shape,
                Step = !samples && method.Method.HasStrength && plan.Training.IsProximal ? PriorStep.Proximal : PriorStep.Plain,
            },
            Optimizer = samples ? new Sghmc() : new Sgd { Nesterov = true },
            ClassNames = sources.Data.ClassNames,
            Import = import,
            CutsFrozenPart = true,
            SourceFileName = Path.GetFileName(plan.Model),
        };
        Directory.CreateDirectory(folder);
        var baked = StepBaker.Bake(ModelImporter.Import(sources.Model, import), options, path);
        var part = baked.Manifest.Files.FirstOrDefault(file => file.Name == StepFiles.Features);
        return (path, part is null ? null : caches.GetOrAdd(part.Sha256, hash => new(() => new FeatureCache(
            new FeatureSession(path, baked.Manifest, StepTraining.OneThread), hash, sources.Data, sources.Preprocessing, cacheBytes))).Value);
    }
}
