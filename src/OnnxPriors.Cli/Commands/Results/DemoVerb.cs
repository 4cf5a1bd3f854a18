using System.CommandLine;
using System.Globalization;
using OnnxPriors.Cli.Demo;
using OnnxPriors.Cli.Display;
using Spectre.Console;

namespace OnnxPriors.Cli.Commands.Results;

/// <summary><c>demo</c>: the main job on a model and data that the tool carries, five ways side by side.</summary>
/// <param name="shorter">How much is done; null for all of it.</param>
internal sealed class DemoVerb(DemoPlan? shorter = null) : IVerb
{
    private readonly Option<string> output = new("--output", "-o")
    {
        Description = "The working folder: model, data, prior, steps, a run, the exported model and the report.",
        HelpName = "DIR",
        DefaultValueFactory = _ => "onnxpriors-demo",
    };

    private readonly Option<int> threads = new("--threads")
    {
        Description = "Training runs side by side; 0 takes one a core. Results do not depend on it.",
        HelpName = "N",
        DefaultValueFactory = _ => 0,
    };

    /// <inheritdoc/>
    public string Name => "demo";

    /// <inheritdoc/>
    public string Summary => "Fits, bakes, trains, evaluates and exports on an embedded model and data: five ways of using a source task, compared.";

    /// <inheritdoc/>
    public IReadOnlyList<Example> Examples { get; } =
    [
        new("demo", "Do the whole thing here, and write onnxpriors-demo/report.html and onnxpriors-demo/model.onnx"),
        new("demo --json -o /tmp/demo", "The same elsewhere, with its results as JSON"),
    ];

    /// <inheritdoc/>
    public void Declare(Command command)
    {
        command.Add(output);
        command.Add(threads);
    }

    /// <inheritdoc/>
    public int Run(ParseResult given, Terminal terminal, CancellationToken cancellation)
    {
        var plan = shorter ?? new DemoPlan();
        var result = new Demonstration(plan, given.GetValue(threads), terminal).Run(OutputPath.Folder(given.GetValue(output)!), cancellation);
        terminal.Show(result, DemoJson.Default.DemoResult, screen => Show(plan, result, screen));
        return ExitCode.Done;
    }

    private static void Show(DemoPlan plan, DemoResult result, IAnsiConsole screen)
    {
        var table = new Table().AddColumns("way", "accuracy %", "NLL", "ECE %", "chosen on validation data (seeds)");
        foreach (var (way, figures) in plan.Ways.Zip(result.Ways))
            table.AddRow(
                way.Title, figures.Accuracy.Format(100, 1), figures.Nll.Format(1, 3), figures.Ece.Format(100, 1),
                Markup.Escape(string.Join("; ", figures.Chosen.CountBy(setting => setting).Select(counted => $"{counted.Key} ({counted.Value})"))));
        screen.Write(table);
        screen.WriteLine($"Mean ± standard deviation over {plan.Seeds.Count} seeds, on test data that nothing was chosen by.");
        screen.WriteLine();
        foreach (var sentence in result.Conclusions)
            screen.Write(new Padder(new Text("- " + sentence)).Padding(0, 0));
        screen.WriteLine();
        screen.WriteLine(string.Create(
            CultureInfo.InvariantCulture,
            $"'{result.Export.Path}' is the model of '{result.Export.Way}', seed {result.Export.Seed}, the way that did best on validation data; its probabilities are the run's within {result.Export.MaxAbsDifference:0.0e+0}."));
        screen.WriteLine(string.Create(CultureInfo.InvariantCulture, $"'{result.Report}' has the curves and the reliability diagrams. {result.Seconds:F0} s."));
    }
}
