using System.CommandLine;
using System.Text.Json.Serialization;
using OnnxPriors.Cli.Display;
using OnnxPriors.Cli.Experiments.Results;
using OnnxPriors.Cli.Reports;
using Spectre.Console;

namespace OnnxPriors.Cli.Commands.Results;

/// <summary><c>report DIR… -o report.html</c>: what experiments or their shards came to, as one page.</summary>
internal sealed class ReportVerb : IVerb
{
    private readonly Argument<string[]> folders = PathList.Of("DIR", "The folders of experiments, or of their shards.");
    private readonly Option<string> output = new("--output", "-o") { Description = "The HTML file to write.", Required = true, HelpName = "FILE.html" };
    private readonly Option<string?> table = new("--table") { Description = "A folder for the merged table: results.csv, results.jsonl and times.csv.", HelpName = "DIR" };

    /// <inheritdoc/>
    public string Name => "report";

    /// <inheritdoc/>
    public string Summary => "Puts the results of experiments and of their shards together in one HTML page.";

    /// <inheritdoc/>
    public IReadOnlyList<Example> Examples { get; } =
    [
        new("report results -o report.html", "One experiment"),
        new("report shard-1 shard-2 shard-3 -o report.html --table merged", "The shards of one, and their table"),
    ];

    /// <inheritdoc/>
    public void Declare(Command command)
    {
        command.Add(folders);
        command.Add(output);
        command.Add(table);
    }

    /// <inheritdoc/>
    public int Run(ParseResult given, Terminal terminal, CancellationToken cancellation)
    {
        var path = OutputPath.File(given.GetValue(output)!);
        var merged = given.GetValue(table) is { } place ? OutputPath.Folder(place) : null;
        var read = given.GetValue(folders)!;
        var rows = ResultsTable.Read(read);
        var times = ResultsTable.ReadTimes(read);
        cancellation.ThrowIfCancellationRequested();
        Page.Write(path, ExperimentPage.Render(rows, times));
        if (merged is not null)
        {
            Directory.CreateDirectory(merged);
            ResultsTable.Write(merged, "", rows, times);
        }
        var summary = new ReportSummary(path, rows.Count, [.. rows.Select(row => row.Experiment).Distinct()]);
        terminal.Show(summary, ReportJson.Default.ReportSummary, console => console.WriteLine($"'{path}' shows {rows.Count} results of {string.Join(", ", summary.Experiments)}."));
        return ExitCode.Done;
    }
}

/// <summary>What <c>report --json</c> prints.</summary>
/// <param name="Path">The page.</param>
/// <param name="Results">The rows in it.</param>
/// <param name="Experiments">The experiments they are of.</param>
internal sealed record ReportSummary(string Path, int Results, IReadOnlyList<string> Experiments);

[JsonSourceGenerationOptions(PropertyNamingPolicy = JsonKnownNamingPolicy.CamelCase)]
[JsonSerializable(typeof(ReportSummary))]
internal sealed partial class ReportJson : JsonSerializerContext;
