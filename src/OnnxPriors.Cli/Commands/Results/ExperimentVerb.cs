using System.CommandLine;
using System.Globalization;
using System.Text.Json.Serialization;
using OnnxPriors.Cli.Display;
using OnnxPriors.Cli.Experiments;
using OnnxPriors.Cli.Experiments.Definition;
using OnnxPriors.Cli.Experiments.Results;
using OnnxPriors.Cli.Experiments.Running;
using OnnxPriors.Cli.Reports;
using Spectre.Console;
using static OnnxPriors.Cli.Commands.Steps.TrainingChoices;

namespace OnnxPriors.Cli.Commands.Results;

/// <summary><c>experiment FILE.yaml -o DIR</c>: methods × labels × seeds on one source and target, each method tuned alike.</summary>
internal sealed class ExperimentVerb : IVerb
{
    private readonly Argument<string> file = new("FILE.yaml") { Description = "What is compared; docs/laboratory.md has every key." };
    private readonly Option<string> output = new("--output", "-o") { Description = "The folder of the results. What is finished in it is not done again.", Required = true, HelpName = "DIR" };
    private readonly Option<string?> root = new("--root") { Description = "The folder that relative paths in the file start from. Default: the file's own.", HelpName = "DIR" };
    private readonly Option<int> parallel = Option("--max-parallel", "Trials side by side, each on one thread; 0 takes one a core. Results do not depend on it.", 0);
    private readonly Option<string?> shard = new("--shard") { Description = "Does the i-th of n shares, for a scheduler; 'report' puts them together.", HelpName = "i/n" };
    private readonly Option<int> cache = Option("--feature-cache", "The most memory for the features of frozen layers, in MiB.", 2048);
    private readonly Option<bool> dry = new("--dry-run") { Description = "Reads the file and says how many trials it makes; runs none." };

    /// <inheritdoc/>
    public string Name => "experiment";

    /// <inheritdoc/>
    public string Summary => "Compares priors on a task: methods, labels and seeds of a YAML file, with equal tuning on validation data.";

    /// <inheritdoc/>
    public IReadOnlyList<Example> Examples { get; } =
    [
        new("experiment laboratory.yaml -o results", "Run it, or go on with it: finished trials are found again"),
        new("experiment laboratory.yaml -o shard-2 --shard 2/8 --max-parallel 4", "The second of eight shares, four trials side by side"),
        new("report results -o report.html", "The report of what came out"),
    ];

    /// <inheritdoc/>
    public void Declare(Command command)
    {
        command.Add(file);
        foreach (var option in (Option[])[output, root, parallel, shard, cache, dry])
            command.Add(option);
    }

    /// <inheritdoc/>
    public int Run(ParseResult given, Terminal terminal, CancellationToken cancellation)
    {
        var plan = ExperimentFile.Read(given.GetValue(file)!, given.GetValue(root));
        var folder = OutputPath.Folder(given.GetValue(output)!);
        var (number, count) = Shard(given.GetValue(shard));
        var workers = given.GetValue(parallel);
        if (workers < 0 || given.GetValue(cache) < 0)
            throw new ExperimentException("--max-parallel and --feature-cache are 0 or above.");
        var units = TrialPlanner.Units(plan).Where((_, index) => index % count == number).ToList();
        var trials = units.Sum(unit => TrialPlanner.Count(plan, unit));
        terminal.Remark($"{plan.Name}: {plan.Methods.Count} methods, {string.Join(", ", plan.LabelsPerClass)} labels a class, {plan.Seeds.Count} seeds; {trials} trials.");
        IReadOnlyList<ResultRow> rows = [];
        if (!given.GetValue(dry))
        {
            Directory.CreateDirectory(folder);
            var options = new ExperimentOptions(folder, workers > 0 ? workers : Environment.ProcessorCount, number, count, (long)given.GetValue(cache) << 20);
            using var held = Lock(folder, options.Suffix);
            rows = ExperimentRun.Run(plan, options, terminal, cancellation);
            terminal.Remark($"Next: onnxpriors report {folder} -o report.html");
        }
        var summary = new ExperimentSummary(plan.Name, folder, trials, [.. Summaries(rows)]);
        terminal.Show(summary, ExperimentSummaryJson.Default.ExperimentSummary, console => Show(summary, console));
        return ExitCode.Done;
    }

    private static (int Number, int Count) Shard(string? text)
    {
        if (text is null)
            return (0, 1);
        var parts = text.Split('/');
        return parts.Length == 2 && int.TryParse(parts[0], NumberStyles.None, CultureInfo.InvariantCulture, out var number)
            && int.TryParse(parts[1], NumberStyles.None, CultureInfo.InvariantCulture, out var count) && number >= 1 && number <= count
            ? (number - 1, count)
            : throw new ExperimentException($"--shard is '{text}'; it is i/n with i from 1 to n, such as 2/8.");
    }

    private static FileStream Lock(string folder, string suffix)
    {
        try
        {
            return new FileStream(Path.Combine(folder, $"experiment{suffix}.lock"), FileMode.OpenOrCreate, FileAccess.Write, FileShare.None, 1, FileOptions.DeleteOnClose);
        }
        catch (IOException error)
        {
            throw new ExperimentException($"Another process runs this experiment in '{folder}'; wait for it, or give another folder.", error);
        }
    }

    private static IEnumerable<MethodSummary> Summaries(IReadOnlyList<ResultRow> rows) => rows
        .GroupBy(row => (row.LabelsPerClass, row.Method, row.Inference))
        .Select(group => new MethodSummary(
            group.Key.Method, group.Key.Inference, group.Key.LabelsPerClass, group.Count(),
            Mean(group, row => row.Test?.Accuracy), Mean(group, row => row.Test?.Nll), Mean(group, row => row.Test?.Ece), group.Count(row => row.Edge.Length > 0)));

    private static Measured? Mean(IEnumerable<ResultRow> rows, Func<ResultRow, double?> value)
    {
        var spread = Spread.Of([.. rows.Select(row => value(row) ?? double.NaN)]);
        return double.IsNaN(spread.Mean) ? null : new Measured(spread.Mean, spread.Deviation);
    }

    private static void Show(ExperimentSummary summary, IAnsiConsole console)
    {
        if (summary.Methods.Count == 0)
        {
            console.WriteLine(string.Create(CultureInfo.InvariantCulture, $"{summary.Experiment}: {summary.Trials} trials"));
            return;
        }
        var table = new Table().AddColumns("labels", "method", "inference", "accuracy %", "NLL", "ECE %", "at an edge of its grid");
        foreach (var one in summary.Methods)
            table.AddRow(
                one.LabelsPerClass.ToString(CultureInfo.InvariantCulture), one.Method, one.Inference, Text(one.Accuracy, 100, 1), Text(one.Nll, 1, 3), Text(one.Ece, 100, 1),
                string.Create(CultureInfo.InvariantCulture, $"{one.AtEdge} of {one.Seeds}"));
        console.Write(table);
        console.WriteLine("Mean ± standard deviation over the seeds, on test data that nothing was chosen by.");

        static string Text(Measured? value, double factor, int digits) => value is null ? "diverged" : new Spread(value.Mean, value.Deviation).Format(factor, digits);
    }
}

/// <summary>What <c>experiment --json</c> prints.</summary>
/// <param name="Experiment">Its name.</param>
/// <param name="Folder">Where its results are.</param>
/// <param name="Trials">The trials of this shard.</param>
/// <param name="Methods">What each method came to; none after a dry run.</param>
internal sealed record ExperimentSummary(string Experiment, string Folder, int Trials, IReadOnlyList<MethodSummary> Methods);

/// <summary>A method at one number of labels.</summary>
/// <param name="Method">The method's name.</param>
/// <param name="Inference"><c>map</c> or <c>sghmc</c>.</param>
/// <param name="LabelsPerClass">The labels of each class.</param>
/// <param name="Seeds">The seeds.</param>
/// <param name="Accuracy">The test accuracy, 0 … 1; null where a seed diverged with every setting.</param>
/// <param name="Nll">The test NLL, in nats.</param>
/// <param name="Ece">The test ECE.</param>
/// <param name="AtEdge">How many seeds chose at an end of the grid.</param>
internal sealed record MethodSummary(string Method, string Inference, int LabelsPerClass, int Seeds, Measured? Accuracy, Measured? Nll, Measured? Ece, int AtEdge);

/// <summary>A number over seeds.</summary>
/// <param name="Mean">The mean.</param>
/// <param name="Deviation">The sample standard deviation.</param>
internal sealed record Measured(double Mean, double Deviation);

[JsonSourceGenerationOptions(PropertyNamingPolicy = JsonKnownNamingPolicy.CamelCase, DefaultIgnoreCondition = JsonIgnoreCondition.WhenWritingNull)]
[JsonSerializable(typeof(ExperimentSummary))]
internal sealed partial class ExperimentSummaryJson : JsonSerializerContext;
