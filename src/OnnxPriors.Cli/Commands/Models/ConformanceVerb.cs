using System.CommandLine;
using System.Globalization;
using OnnxPriors.Cli.Conformance;
using OnnxPriors.Cli.Display;
using Spectre.Console;

namespace OnnxPriors.Cli.Commands.Models;

/// <summary><c>conformance DIR</c>: runs a folder of cases in the layout of ONNX's backend tests through the import and both engines.</summary>
internal sealed class ConformanceVerb : IVerb
{
    private readonly Argument<string> folder = new("DIR") { Description = "A folder of cases: CASE/model.onnx with CASE/test_data_set_0/input_0.pb and output_0.pb; cases may lie deeper." };
    private readonly Option<string> engine = new("--engine") { Description = "What computes after the import: onnx (ONNX Runtime), torch (TorchSharp) or both.", DefaultValueFactory = _ => "both" };
    private readonly Option<int> timeout = new("--timeout") { Description = "How many seconds a case may take under an engine.", HelpName = "S", DefaultValueFactory = _ => 60 };
    private readonly Option<bool> worker = new("--worker") { Description = "Serves another process of this verb.", Hidden = true };

    public ConformanceVerb()
    {
        engine.AcceptOnlyFromAmong(CaseRunner.Onnx, CaseRunner.Torch, "both");
        timeout.Validators.Add(given =>
        {
            if (given.GetValueOrDefault<int>() is < 1 or > 3600)
                given.AddError("--timeout is from 1 to 3600 seconds.");
        });
    }

    /// <inheritdoc/>
    public string Name => "conformance";

    /// <inheritdoc/>
    public string Summary => "Runs ONNX backend test cases through the import and both engines, and says which match.";

    /// <inheritdoc/>
    public IReadOnlyList<Example> Examples { get; } =
    [
        new("conformance /usr/share/libonnx-testdata/data", "Run the cases of Debian's libonnx-testdata"),
        new("conformance cases --engine torch --json", "Run cases of your own under TorchSharp alone, as JSON"),
    ];

    /// <inheritdoc/>
    public void Declare(Command command)
    {
        command.Add(folder);
        foreach (var option in (Option[])[engine, timeout, worker])
            command.Add(option);
    }

    /// <inheritdoc/>
    public int Run(ParseResult given, Terminal terminal, CancellationToken cancellation)
    {
        var root = given.GetRequiredValue(folder);
        var cases = ConformanceCase.Find(root);
        var chosen = given.GetRequiredValue(engine);
        if (given.GetValue(worker))
        {
            // The one place that speaks past the terminal: the other end is this program, not a person.
            EngineWorker.Serve(cases, chosen, Console.In, Console.Out);
            return ExitCode.Done;
        }
        string[] engines = chosen == "both" ? [CaseRunner.Onnx, CaseRunner.Torch] : [chosen];
        var run = new ConformanceRun(root, engines, TimeSpan.FromSeconds(given.GetValue(timeout)));
        var verdicts = terminal.Track("conformance", (long)cases.Count * engines.Length, "cases", progress => run.Run(cases, progress, cancellation));
        terminal.Show(verdicts, ConformanceJson.Default.IReadOnlyListConformanceVerdict, console => Print(verdicts, engines, console));
        return ExitCode.Done;
    }

    private static void Print(IReadOnlyList<ConformanceVerdict> verdicts, IReadOnlyList<string> engines, IAnsiConsole console)
    {
        ConformanceVerdict[] rest = [.. verdicts.Where(v => v.Status != ConformanceStatus.Pass)];
        if (rest.Length > 0)
        {
            var table = new Table().Title("did not pass").Border(TableBorder.Simple).AddColumns("case", "engine", "status", "why");
            foreach (var verdict in rest)
                table.AddRow(new Text(verdict.Case), new Text(verdict.Engine), new Text(Word(verdict.Status)), new Text(verdict.Reason));
            console.Write(table);
        }
        var counts = new Table().Border(TableBorder.Rounded).AddColumns("engine", "cases", "pass", "fail", "refused");
        foreach (var name in engines)
        {
            ConformanceVerdict[] own = [.. verdicts.Where(v => v.Engine == name)];
            counts.AddRow(name, Number(own.Length), Count(ConformanceStatus.Pass), Count(ConformanceStatus.Fail), Count(ConformanceStatus.Refused));

            string Count(ConformanceStatus status) => Number(own.Count(v => v.Status == status));
        }
        console.Write(counts);
    }

    private static string Word(ConformanceStatus status) => status == ConformanceStatus.Fail ? "fail" : status == ConformanceStatus.Pass ? "pass" : "refused";

    private static string Number(int number) => number.ToString(CultureInfo.InvariantCulture);
}
