using System.CommandLine;
using System.Diagnostics;
using System.Globalization;
using OnnxPriors.Cli.Benchmarking;
using OnnxPriors.Cli.Commands.Models;
using OnnxPriors.Cli.Display;
using OnnxPriors.Runtime.Steps;
using Spectre.Console;

namespace OnnxPriors.Cli.Commands.Steps;

/// <summary>
/// <c>benchmark MODEL</c>: the time and memory of a training step, with the learned prior and without, against TorchSharp training the same
/// model; all in one go, each in a process of its own.
/// </summary>
internal sealed class BenchmarkVerb : IVerb
{
    // Two steps settle memory and choose kernels.
    private const int WarmUp = 2;

    private readonly ModelArguments arguments = new();
    private readonly ComputeOptions compute = new();
    private readonly Option<int> batch = new("--batch") { Description = "Examples a step.", DefaultValueFactory = _ => 16, HelpName = "B" };
    private readonly Option<int> rank = new("--rank") { Description = "K, the rank of the prior's factor; 2 or more.", DefaultValueFactory = _ => 5, HelpName = "K" };
    private readonly Option<int> rounds = new("--rounds") { Description = "How often each contender has its turn, of about a second.", DefaultValueFactory = _ => 7, HelpName = "N" };
    private readonly Option<ulong> seed = new("--seed") { Description = "Seeds inputs, labels and the prior.", DefaultValueFactory = _ => 0, HelpName = "S" };
    private readonly Option<Contender?> contender = new("--contender") { Description = "Is this contender, told what to do by the standard input.", Hidden = true };
    private readonly Option<string?> folder = new("--work") { Description = "Where the contenders' steps and prior are.", Hidden = true };

    /// <inheritdoc/>
    public string Name => "benchmark";

    /// <inheritdoc/>
    public string Summary => "Measures time and memory of a training step against TorchSharp training the same model.";

    /// <inheritdoc/>
    public IReadOnlyList<Example> Examples { get; } =
    [
        new("benchmark resnet18.onnx --batch 16 --threads 2", "Measure with two threads"),
        new("benchmark model.onnx --rank 20 --rounds 15 --json", "A higher rank, more rounds, as JSON"),
    ];

    /// <inheritdoc/>
    public void Declare(Command command)
    {
        arguments.Declare(command);
        foreach (var option in (Option[])[batch, rank, rounds])
            command.Add(option);
        compute.AddTo(command);
        foreach (var option in (Option[])[seed, contender, folder])
            command.Add(option);
    }

    /// <inheritdoc/>
    public int Run(ParseResult given, Terminal terminal, CancellationToken cancellation)
    {
        var options = compute.Read(given);
        var path = arguments.Path(given);
        if (given.GetValue(batch) < 1 || given.GetValue(rounds) < 1)
            throw new BenchmarkException("--batch and --rounds take numbers from 1 on.");
        if (given.GetValue(rank) < 2)
            throw new BenchmarkException($"--rank is {given.GetValue(rank)}; a prior's factor has a rank of 2 or more.");
        var watch = Stopwatch.StartNew();
        var model = BenchmarkModel.Load(path, arguments.Read(given));
        var import = watch.Elapsed.TotalSeconds;
        if (given.GetValue(contender) is { } one)
        {
            Serve(one, model, new(path, given.GetRequiredValue(folder)!, given.GetValue(batch), options.Threads, given.GetValue(seed)), options, cancellation);
            return ExitCode.Done;
        }
        var work = Directory.CreateTempSubdirectory("onnxpriors-benchmark-");
        try
        {
            var workload = new Workload(path, work.FullName, given.GetValue(batch), options.Threads, given.GetValue(seed));
            var run = new BenchmarkRun(path, model, new(given.GetValue(rank), given.GetValue(rounds), options.Provider, workload.Seed));
            terminal.Remark(string.Create(CultureInfo.InvariantCulture, $"{model.Imported.Trainable.Sum(t => t.Count):N0} parameters, batch {workload.Batch}, {workload.Threads} threads (0: each engine's own choice)"));
            var bake = run.Bake(workload);
            // The contenders' own command line is this one's, word for word.
            var measured = terminal.Track("measuring", given.GetValue(rounds), "rounds", report => run.Measure(
                which => ContenderProcess.Start([.. given.Tokens.Select(token => token.Value), "--contender", which.ToString(), "--work", workload.Folder]), report, cancellation));
            var result = BenchmarkReport.Of(path, model, workload, import, bake, measured, run.Profile(workload));
            terminal.Show(result, BenchmarkJson.Default.BenchmarkReport, console => Show(console, result));
            return ExitCode.Done;
        }
        finally
        {
            work.Delete(recursive: true);
        }
    }

    private static void Serve(Contender which, BenchmarkModel model, Workload work, StepOptions options, CancellationToken cancellation)
    {
        var (inputs, labels) = model.Draw(work.Batch, work.Seed);
        using IContender one = which is Contender.Prior or Contender.NoPrior
            ? new StepContender(work.Step(which), inputs, labels, options)
            : new TorchContender(model.Imported, inputs, labels, which == Contender.TorchPrior ? work.PriorFile : null, work.Threads);
        ContenderProcess.Serve(one, WarmUp, Console.In, Console.Out, cancellation);
    }

    private static void Show(IAnsiConsole console, BenchmarkReport report)
    {
        var table = new Table().Border(TableBorder.Simple).AddColumns("", "a step, ms", "steps a second", "peak, MB");
        void Row(string name, double milliseconds, double megabytes) => table.AddRow(
            name,
            milliseconds.ToString("F1", CultureInfo.InvariantCulture),
            (1000 / milliseconds).ToString("G3", CultureInfo.InvariantCulture),
            megabytes.ToString("F0", CultureInfo.InvariantCulture));
        Row("step, learned prior", report.StepMilliseconds.Prior, report.PeakMegabytes.Prior);
        Row("step, no prior", report.StepMilliseconds.NoPrior, report.PeakMegabytes.NoPrior);
        Row("TorchSharp, the paper's prior", report.StepMilliseconds.TorchPrior, report.PeakMegabytes.TorchPrior);
        Row("TorchSharp, no prior", report.StepMilliseconds.TorchNoPrior, report.PeakMegabytes.TorchNoPrior);
        console.Write(table);
        FormattableString[] lines =
        [
            $"ratio to TorchSharp: {report.Ratio:F2} with the prior, {report.StepMilliseconds.NoPrior / report.StepMilliseconds.TorchNoPrior:F2} without; memory {report.PeakMegabytes.Prior / report.PeakMegabytes.TorchPrior:F2}",
            $"of the step: forward {report.Share.Forward:P0}, backward {report.Share.Backward:P0}, prior {report.Share.Prior:P0}, optimizer {report.Share.Optimizer:P0}",
            $"import {report.ImportSeconds:F2} s, bake {report.BakeSeconds:F2} s, session {report.SessionSeconds:F2} s; kernels: {report.Kernels}",
            $"longest: {string.Join(", ", report.Operators.Take(8).Select(o => FormattableString.Invariant($"{o.Phase} {o.Operator} {o.Milliseconds:F1} ms")))}",
        ];
        if (report.Remark is { } remark)
            console.WriteLine(remark);
        foreach (var line in lines)
            console.WriteLine(line.ToString(CultureInfo.InvariantCulture));
    }
}
