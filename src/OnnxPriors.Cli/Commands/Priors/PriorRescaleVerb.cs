using System.CommandLine;
using OnnxPriors.Cli.Display;
using OnnxPriors.Priors;
using Spectre.Console;

namespace OnnxPriors.Cli.Commands.Priors;

/// <summary><c>prior rescale FILE -o OUT</c>: writes a prior with its covariance rescaled.</summary>
internal sealed class PriorRescaleVerb : IVerb
{
    private readonly Argument<string> file = PriorFile.Argument();
    private readonly Option<string> output = PriorFile.Output("The prior file to write.");
    private readonly RescaleArguments rescaling = new();

    /// <inheritdoc/>
    public string Name => "rescale";

    /// <inheritdoc/>
    public string Summary => "Writes a prior with its covariance rescaled.";

    /// <inheritdoc/>
    public IReadOnlyList<Example> Examples { get; } =
    [
        new("prior rescale prior.safetensors -o wide.safetensors --scale 10 --epsilon 1e-6", "Ten times the covariance, and a little more on the diagonal"),
    ];

    /// <inheritdoc/>
    public void Declare(Command command)
    {
        command.Add(file);
        command.Add(output);
        rescaling.AddTo(command);
    }

    /// <inheritdoc/>
    public int Run(ParseResult given, Terminal terminal, CancellationToken cancellation)
    {
        var path = OutputPath.File(given.GetRequiredValue(output));
        using var reader = PosteriorReader.Open(given.GetRequiredValue(file));
        var options = rescaling.Read(given);
        RescaledPosterior.Write(path, reader, options);
        var report = new PriorRescaleReport(path, reader.Path, options.Scale, options.Epsilon, options.KeptRank(reader.Metadata.Rank), options.ScalingName);
        terminal.Show(report, PriorJson.Default.PriorRescaleReport, screen => screen.WriteLine(FormattableString.Invariant(
            $"'{path}' is '{report.Source}' with λ = {report.Scale}, ε = {report.Epsilon}, rank {report.Rank} ({report.Scaling}).")));
        return ExitCode.Done;
    }
}
