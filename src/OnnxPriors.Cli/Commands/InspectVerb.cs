using System.CommandLine;
using OnnxPriors.Cli.Display;
using OnnxPriors.Cli.Inspection;
using OnnxPriors.Importing;
using OnnxPriors.Onnx;

namespace OnnxPriors.Cli.Commands;

/// <summary><c>onnxpriors inspect</c>: what a model holds, what of it would train, and what is not supported.</summary>
internal sealed class InspectVerb : IVerb
{
    private readonly ModelArguments arguments = new();

    public string Name => "inspect";

    public string Summary => "Shows a model's inputs, operators and tensors, what of it would train and why, and what is not supported.";

    public IReadOnlyList<Example> Examples { get; } =
    [
        new("inspect model.onnx", "shows a model"),
        new("inspect model.onnx --bind rate=16000 --json", "binds an input to a number first, and gives JSON"),
    ];

    public void Declare(Command command) => arguments.Declare(command);

    public int Run(ParseResult given, Terminal terminal, CancellationToken cancellation)
    {
        var path = arguments.Path(given);
        var survey = ModelSurvey.Of(OnnxFile.Load(path), arguments.Read(given));
        cancellation.ThrowIfCancellationRequested();
        var summary = ModelSummary.Of(survey, path);
        terminal.Show(summary, InspectionJson.Default.ModelSummary, console => SummaryDisplay.Show(console, summary));
        return ExitCode.Done;
    }
}
