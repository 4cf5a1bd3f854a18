using System.CommandLine;
using OnnxPriors.Cli.Display;
using OnnxPriors.Cli.Inspection;
using OnnxPriors.Importing;
using OnnxPriors.Onnx;
using OnnxPriors.Optimizers;
using OnnxPriors.Torch.Fitting;

namespace OnnxPriors.Cli.Commands.Models;

/// <summary>
/// <c>onnxpriors inspect</c>: what a model holds, what of it would train and what a step would take, and what is not supported. The exit code is
/// 0 wherever the file can be read, also with unsupported operators: they are what was asked for.
/// </summary>
internal sealed class InspectVerb : IVerb
{
    private readonly ModelArguments arguments = new();
    private readonly Option<int> batch = new("--batch") { Description = "Examples a training step takes, for its memory.", DefaultValueFactory = _ => 32, HelpName = "B" };
    private readonly Option<string> optimizer = new("--optimizer") { Description = "The optimizer, for the memory of its state.", DefaultValueFactory = _ => "sgd" };
    private readonly Option<int> rank = new("--rank") { Description = "The rank of the prior's factor, for its memory; by default what fit makes.", DefaultValueFactory = _ => new SwagOptions().Rank, HelpName = "K" };

    public string Name => "inspect";

    public string Summary => "Shows a model's inputs, operators and tensors, what of it would train and why, and what is not supported.";

    public IReadOnlyList<Example> Examples { get; } =
    [
        new("inspect model.onnx", "shows a model"),
        new("inspect model.onnx --bind rate=16000 --json", "binds an input to a number first, and gives JSON"),
    ];

    public void Declare(Command command)
    {
        arguments.Declare(command);
        optimizer.AcceptOnlyFromAmong("sgd", "adamw", "sgld", "sghmc");
        batch.Validators.Add(given =>
        {
            if (given.GetValueOrDefault<int>() < 1)
                given.AddError("--batch is 1 or more.");
        });
        rank.Validators.Add(given =>
        {
            if (given.GetValueOrDefault<int>() < 0)
                given.AddError("--rank is 0 or more.");
        });
        foreach (var option in (Option[])[batch, optimizer, rank])
            command.Add(option);
    }

    public int Run(ParseResult given, Terminal terminal, CancellationToken cancellation)
    {
        var path = arguments.Path(given);
        var survey = ModelSurvey.Of(OnnxFile.Load(path), arguments.Read(given));
        cancellation.ThrowIfCancellationRequested();
        var training = survey.Imported is null ? null
            : TrainingOutlook.Of(survey.Model, arguments.Read(given), Optimizer.Find(given.GetRequiredValue(optimizer))!, given.GetValue(rank), given.GetValue(batch));
        cancellation.ThrowIfCancellationRequested();
        var summary = ModelSummary.Of(survey, path, training);
        terminal.Show(summary, InspectionJson.Default.ModelSummary, console => SummaryDisplay.Show(console, summary));
        return ExitCode.Done;
    }
}
