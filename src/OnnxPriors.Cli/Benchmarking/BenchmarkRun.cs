using System.Collections.Immutable;
using System.Diagnostics;
using System.Globalization;
using OnnxPriors.Artifacts;
using OnnxPriors.Cli.Display;
using OnnxPriors.Importing;
using OnnxPriors.Optimizers;
using OnnxPriors.Priors;
using OnnxPriors.Randomness;
using OnnxPriors.Runtime.Steps;

namespace OnnxPriors.Cli.Benchmarking;

/// <summary>A benchmark from the file to the report: bakes once, then has the contenders take turns.</summary>
/// <param name="path">The ONNX file.</param>
/// <param name="model">The model.</param>
/// <param name="plan">How it is run.</param>
internal sealed class BenchmarkRun(string path, BenchmarkModel model, BenchmarkPlan plan)
{
    // Long enough for a turn's median to mean something, short enough that the machine is the same for all.
    private const double TurnMilliseconds = 1000;

    /// <summary>The steps that a profile is of.</summary>
    public const int ProfiledSteps = 5;

    /// <summary>Makes the steps and the prior in a folder.</summary>
    /// <param name="workload">Where.</param>
    /// <returns>The time to bake the step with the prior, in seconds.</returns>
    public double Bake(Workload workload)
    {
        PosteriorFile.Write(workload.PriorFile, Posterior());
        var watch = Stopwatch.StartNew();
        Bake(workload.Step(Contender.Prior), new() { Kind = PriorKind.Learned, Path = workload.PriorFile, Rescaling = new() { Epsilon = 1e-8 } });
        var seconds = watch.Elapsed.TotalSeconds;
        Bake(workload.Step(Contender.NoPrior), new() { Kind = PriorKind.None });
        return seconds;
    }

    /// <summary>Has the contenders take turns, an equal time each, in another order every round.</summary>
    /// <param name="start">Starts a contender.</param>
    /// <param name="report">Told of every round.</param>
    /// <param name="cancellation">Ends it between two turns.</param>
    public ImmutableDictionary<Contender, Measurement> Measure(Func<Contender, ContenderProcess> start, IProgressReport report, CancellationToken cancellation)
    {
        var running = new Dictionary<Contender, ContenderProcess>();
        var times = Workload.All.ToDictionary(c => c, _ => new List<double>());
        try
        {
            foreach (var contender in Workload.All)
                running.Add(contender, start(contender));
            var counts = Workload.All.ToDictionary(c => c, c => (int)Math.Clamp(TurnMilliseconds / running[c].Steps(1)[0], 1, 50));
            for (var round = 0; round < plan.Rounds; round++)
            {
                for (var i = 0; i < Workload.All.Length; i++)
                {
                    cancellation.ThrowIfCancellationRequested();
                    var contender = Workload.All[(round + i) % Workload.All.Length];
                    times[contender].AddRange(running[contender].Steps(counts[contender]));
                }
                report.Report(round + 1, string.Create(CultureInfo.InvariantCulture, $"prior {Median(times[Contender.Prior]):F1} ms, TorchSharp {Median(times[Contender.TorchPrior]):F1} ms"));
            }
            return Workload.All.ToImmutableDictionary(c => c, c => new Measurement(Median(times[c]), times[c].Count, running[c].Finish(), running[c].SessionSeconds));
        }
        finally
        {
            foreach (var one in running.Values)
                one.Dispose();
        }
    }

    /// <summary>Where the time of the step with the prior goes.</summary>
    /// <param name="workload">The work.</param>
    public StepProfile Profile(Workload workload)
    {
        var (inputs, labels) = model.Draw(workload.Batch, workload.Seed);
        using var contender = new StepContender(
            workload.Step(Contender.Prior), inputs, labels, new() { Threads = workload.Threads, Provider = plan.Provider, ProfilePrefix = Path.Combine(workload.Folder, "profile") });
        for (var i = 0; i < ProfiledSteps; i++)
            contender.Step();
        return contender.EndProfiling();
    }

    private void Bake(string folder, PriorChoice prior) => StepBaker.Bake(
        model.Imported, new() { Prior = prior, Optimizer = new Sgd(), Import = model.Options, SourceFileName = Path.GetFileName(path) }, folder);

    // A step costs the same whatever the posterior says: the weights as mean, and random spread around them.
    private Posterior Posterior()
    {
        var fitted = ModelImporter.Import(model.Imported.Source, model.Options with { Form = ImportForm.OwnHead, Classes = null }).Trainable;
        return new(
            new() { Method = "benchmark", Rank = plan.Rank, Samples = 2 * plan.Rank, SourceSha256 = model.Imported.Source.Sha256, Seed = plan.Seed },
            [.. fitted.Select((tensor, i) =>
            {
                var (diagonal, factor) = (new float[tensor.Count], new float[tensor.Count * plan.Rank]);
                Philox.FillNormal(diagonal, plan.Seed, (ulong)(2 * i));
                Philox.FillNormal(factor, plan.Seed, (ulong)(2 * i + 1));
                return new PosteriorTensor(
                    tensor.Name, tensor.Tensor.Data!.Dimensions, tensor.Tensor.Data.ToSingle(),
                    Array.ConvertAll(diagonal, n => 1e-3f * (0.1f + n * n)), Array.ConvertAll(factor, n => 1e-3f * n));
            })]);
    }

    private static double Median(List<double> values)
    {
        var sorted = values.Order().ToList();
        return (sorted[(sorted.Count - 1) / 2] + sorted[sorted.Count / 2]) / 2;
    }
}

/// <summary>How a benchmark is run.</summary>
/// <param name="Rank">K.</param>
/// <param name="Rounds">How often each contender has its turn.</param>
/// <param name="Provider">What computes the step.</param>
/// <param name="Seed">Seeds inputs, labels and the prior.</param>
internal sealed record BenchmarkPlan(int Rank, int Rounds, Provider Provider, ulong Seed);

/// <summary>What a contender took.</summary>
/// <param name="StepMilliseconds">The median time of a step.</param>
/// <param name="Steps">How many steps that is the median of.</param>
/// <param name="PeakMegabytes">The most memory its process held, in 10⁶ bytes.</param>
/// <param name="SessionSeconds">The time to make its session or module.</param>
internal sealed record Measurement(double StepMilliseconds, int Steps, double PeakMegabytes, double SessionSeconds);
