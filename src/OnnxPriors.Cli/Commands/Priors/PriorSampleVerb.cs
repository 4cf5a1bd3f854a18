using System.CommandLine;
using OnnxPriors.Cli.Display;
using OnnxPriors.Priors;
using Spectre.Console;

namespace OnnxPriors.Cli.Commands.Priors;

/// <summary><c>prior sample FILE -o OUT</c>: draws weight vectors from a prior.</summary>
internal sealed class PriorSampleVerb : IVerb
{
    private readonly Argument<string> file = PriorFile.Argument();
    private readonly Option<string> output = PriorFile.Output("The safetensors file to write: each parameter NAME as [draws, its shape…].");
    private readonly Option<int> draws = new("--draws") { Description = "How many draws.", DefaultValueFactory = _ => 1, HelpName = "N" };
    private readonly Option<ulong> seed = new("--seed") { Description = "The same seed gives the same draws.", HelpName = "S" };
    private readonly RescaleArguments rescaling = new();

    public PriorSampleVerb() => draws.Validators.Add(result =>
    {
        if (result.Tokens.Count > 0 && result.GetValueOrDefault<int>() < 1)
            result.AddError("--draws needs a number from 1 up.");
    });

    /// <inheritdoc/>
    public string Name => "sample";

    /// <inheritdoc/>
    public string Summary => "Draws weight vectors from a prior.";

    /// <inheritdoc/>
    public IReadOnlyList<Example> Examples { get; } =
    [
        new("prior sample prior.safetensors -o draws.safetensors --draws 10 --scale 2", "Draw ten weight vectors from the covariance doubled"),
    ];

    /// <inheritdoc/>
    public void Declare(Command command)
    {
        command.Add(file);
        command.Add(output);
        command.Add(draws);
        command.Add(seed);
        rescaling.AddTo(command);
    }

    /// <inheritdoc/>
    public int Run(ParseResult given, Terminal terminal, CancellationToken cancellation)
    {
        var path = OutputPath.File(given.GetRequiredValue(output));
        using var reader = PosteriorReader.Open(given.GetRequiredValue(file));
        PosteriorCheck.CheckValues(reader, $"'{reader.Path}'");
        PosteriorSampler.Write(path, new RescaledPosterior(reader, rescaling.Read(given)), given.GetValue(draws), given.GetValue(seed));
        var report = new PriorSampleReport(path, given.GetValue(draws), reader.Tensors.Count, reader.Tensors.Sum(tensor => tensor.Count));
        terminal.Show(report, PriorJson.Default.PriorSampleReport, screen => screen.WriteLine(FormattableString.Invariant(
            $"{report.Draws} draws of {report.Tensors} tensors ({report.Parameters:N0} parameters) are in '{path}'.")));
        return ExitCode.Done;
    }
}
