using System.CommandLine;
using System.Diagnostics;
using System.Globalization;
using System.Runtime.InteropServices;
using System.Text.Json.Serialization;
using OnnxPriors.Artifacts;
using OnnxPriors.Cli.Display;
using OnnxPriors.Cli.Engines;
using OnnxPriors.Data.Arrays;
using OnnxPriors.Runtime.Steps;
using Spectre.Console;

namespace OnnxPriors.Cli.Commands.Steps;

/// <summary><c>replay STEP --batches B.npz</c>: the step on given batches, one update each, so that runtimes can be compared.</summary>
internal sealed class ReplayVerb : IVerb
{
    private readonly Argument<string> step = new("STEP") { Description = "The folder that bake wrote" };
    private readonly Option<string> batches = new("--batches") { Description = "An NPZ file with the model's inputs by name (a lone one may be called x) and labels, all examples one after the other", Required = true, HelpName = "B.npz" };
    private readonly Option<int> batch = new("--batch") { Description = "Examples in a batch; what is left over at the end is not used", DefaultValueFactory = _ => 16, HelpName = "B" };
    private readonly Option<int> steps = new("--steps") { Description = "Updates; after the last batch the first comes again", DefaultValueFactory = _ => 50, HelpName = "N" };
    private readonly Option<double> learningRate = new("--learning-rate") { Description = "The learning rate of every update", DefaultValueFactory = _ => 1e-3, HelpName = "R" };
    private readonly Option<double> momentum = new("--momentum") { Description = "SGD's momentum", DefaultValueFactory = _ => 0, HelpName = "M" };
    private readonly Option<double> priorWeight = new("--prior-weight") { Description = "The weight of the prior's energy beside the mean loss", DefaultValueFactory = _ => 0, HelpName = "W" };
    private readonly Option<string?> parameters = new("--parameters") { Description = "A file for the trained parameters: float32, tensor after tensor, as the ORT Training API hands them out", HelpName = "OUT.bin" };
    private readonly Option<int> threads = new("--threads") { Description = "Threads; 0 for one a core", DefaultValueFactory = _ => 0, HelpName = "T" };

    /// <inheritdoc/>
    public string Name => "replay";

    /// <inheritdoc/>
    public string Summary => "Takes the step's updates on given batches and shows the loss of each.";

    /// <inheritdoc/>
    public IReadOnlyList<Example> Examples { get; } = [new("replay step --batches batches.npz --steps 50 --prior-weight 0.01 --json", "Show fifty losses, to compare with another runtime's")];

    /// <inheritdoc/>
    public void Declare(Command command)
    {
        command.Add(step);
        foreach (var option in (Option[])[batches, batch, steps, learningRate, momentum, priorWeight, parameters, threads])
            command.Add(option);
    }

    /// <inheritdoc/>
    public int Run(ParseResult given, Terminal terminal, CancellationToken cancellation)
    {
        var output = given.GetValue(parameters) is { } file ? OutputPath.File(file) : null;
        var (clock, busy) = (Stopwatch.StartNew(), Environment.CpuUsage.TotalTime);
        using var session = StepSession.Open(given.GetRequiredValue(step), new StepOptions { Threads = given.GetValue(threads) });
        var (load, loadBusy) = (clock.Elapsed.TotalSeconds, (Environment.CpuUsage.TotalTime - busy).TotalSeconds);
        var source = Batches(given.GetRequiredValue(batches), session.Manifest, given.GetValue(batch));
        var (losses, energies) = (new List<double>(), new List<double>());
        (clock, busy) = (Stopwatch.StartNew(), Environment.CpuUsage.TotalTime);
        for (var i = 0; i < given.GetValue(steps); i++)
        {
            cancellation.ThrowIfCancellationRequested();
            var next = source[i % source.Count];
            var loss = session.AddGradient(next, next.Count, accumulate: false);
            var result = session.Update(new UpdateScalars
            {
                LearningRate = given.GetValue(learningRate),
                Momentum = given.GetValue(momentum),
                PriorWeight = given.GetValue(priorWeight),
                Step = i,
            });
            losses.Add(loss + given.GetValue(priorWeight) * result.PriorEnergy);
            energies.Add(result.PriorEnergy);
        }
        var (passed, used, count) = (clock.Elapsed.TotalSeconds, (Environment.CpuUsage.TotalTime - busy).TotalSeconds, Math.Max(1, losses.Count));
        var report = new ReplayReport($"ONNX Runtime {StepSession.RuntimeVersion}", losses, energies, load, passed / count, loadBusy, used / count);
        if (output is not null)
            Write(output, session);
        terminal.Show(report, ReplayJson.Default.ReplayReport, console =>
        {
            for (var i = 0; i < losses.Count; i++)
                console.WriteLine(string.Create(CultureInfo.InvariantCulture, $"{i + 1,4}  loss {losses[i]:F6}  prior {energies[i]:G6}"));
        });
        return ExitCode.Done;
    }

    private static List<Batch> Batches(string path, Manifest manifest, int size)
    {
        var arrays = NpzFile.Read(path);
        // A file for several models may call a lone input x.
        string ArrayOf(string input) => manifest.Inputs.Count == 1 && !arrays.ContainsKey(input) ? "x" : input;
        string[] names = [.. manifest.Inputs.Select(i => ArrayOf(i.Name)), "labels"];
        if (names.FirstOrDefault(name => !arrays.ContainsKey(name)) is { } missing)
            throw new EngineException($"'{path}' lacks '{missing}'; it holds {string.Join(", ", arrays.Keys)}.");
        var labels = arrays["labels"].ToInt64s();
        if (size < 1 || labels.Length < size)
            throw new EngineException($"'{path}' has {labels.Length} examples, and a batch of {size} is asked for.");
        var inputs = manifest.Inputs.Select(input => (input.Name, Values: arrays[ArrayOf(input.Name)].ToSingles(), Shape: arrays[ArrayOf(input.Name)].Shape.Skip(1).ToArray())).ToList();
        if (inputs.FirstOrDefault(i => i.Values.Length / Math.Max(1, i.Shape.Aggregate(1L, (p, d) => p * d)) != labels.Length) is { Name: { } uneven })
            throw new EngineException($"'{path}' has {labels.Length} labels and another number of rows in '{uneven}'.");
        return [.. Enumerable.Range(0, labels.Length / size).Select(i => new Batch(
            [.. inputs.Select(input =>
            {
                var row = (int)input.Shape.Aggregate(1L, (p, d) => p * d);
                return BatchInput.Of(input.Name, input.Values.AsMemory(i * size * row, size * row), [size, .. input.Shape]);
            })],
            labels.AsMemory(i * size, size)))];
    }

    private static void Write(string path, StepSession session)
    {
        using var file = AtomicFile.Create(path);
        foreach (var entry in session.Layout.Entries)
            file.Stream.Write(MemoryMarshal.AsBytes(session.Parameters.Slice((int)entry.Offset, (int)entry.Count)));
        file.Commit();
    }
}

/// <summary>What <c>replay --json</c> prints.</summary>
/// <param name="Runtime">What ran the step.</param>
/// <param name="Losses">The mean cross-entropy plus the weighted prior energy before each update.</param>
/// <param name="PriorEnergies">½(Σ aδ² − ‖Bᵀδ‖²) before each update.</param>
/// <param name="LoadSeconds">The time to open the step.</param>
/// <param name="StepSeconds">The mean time of an update.</param>
/// <param name="LoadCpuSeconds">The processor time of opening the step, all threads together, which other work on the machine does not stretch.</param>
/// <param name="StepCpuSeconds">The mean processor time of an update, all threads together.</param>
internal sealed record ReplayReport(
    string Runtime, IReadOnlyList<double> Losses, IReadOnlyList<double> PriorEnergies, double LoadSeconds, double StepSeconds, double LoadCpuSeconds, double StepCpuSeconds);

[JsonSourceGenerationOptions(PropertyNamingPolicy = JsonKnownNamingPolicy.CamelCase, WriteIndented = true)]
[JsonSerializable(typeof(ReplayReport))]
internal sealed partial class ReplayJson : JsonSerializerContext;
