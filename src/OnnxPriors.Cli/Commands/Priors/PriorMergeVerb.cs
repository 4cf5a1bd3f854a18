using System.CommandLine;
using OnnxPriors.Cli.Display;
using OnnxPriors.Priors;
using Spectre.Console;

namespace OnnxPriors.Cli.Commands.Priors;

/// <summary><c>prior merge A B … -o OUT</c>: the posterior of the whole data from those of its shards.</summary>
internal sealed class PriorMergeVerb : IVerb
{
    private readonly Argument<string[]> files = PathList.Of("FILE", "The prior files of disjoint shards of the data.");
    private readonly Option<string> output = PriorFile.Output("The prior file to write.");
    private readonly Option<int?> rank = new("--rank") { Description = "K of the merged factor, where the parts' were compressed (fit --collected). 0: the moments alone. Default: the largest of the parts'.", HelpName = "K" };
    private readonly Option<double?> precision = new("--prior-precision") { Description = "τ of the merged Laplace approximation; one file alone takes another τ so. Default: the parts'.", HelpName = "T" };

    /// <inheritdoc/>
    public string Name => "merge";

    /// <inheritdoc/>
    public string Summary => "Merges the posteriors of disjoint shards of the data into the whole's, where their statistics add up.";

    /// <inheritdoc/>
    public IReadOnlyList<Example> Examples { get; } =
    [
        new("prior merge shard1.safetensors shard2.safetensors -o prior.safetensors", "Two halves of the data"),
        new("prior merge laplace.safetensors --prior-precision 10 -o stiff.safetensors", "Another prior precision, without a new fit"),
    ];

    /// <inheritdoc/>
    public void Declare(Command command)
    {
        command.Add(files);
        foreach (var option in (Option[])[output, rank, precision])
            command.Add(option);
    }

    /// <inheritdoc/>
    public int Run(ParseResult given, Terminal terminal, CancellationToken cancellation)
    {
        var path = OutputPath.File(given.GetRequiredValue(output));
        var readers = new List<PosteriorReader>();
        try
        {
            foreach (var file in given.GetRequiredValue(files))
                readers.Add(PosteriorReader.Open(file));
            var merge = PosteriorMerge.Of(readers, new MergeOptions { Rank = given.GetValue(rank), PriorPrecision = given.GetValue(precision) });
            cancellation.ThrowIfCancellationRequested();
            merge.Write(path);
            var report = new PriorMergeReport(path, readers.Count, merge.Metadata.Method, merge.Metadata.Rank, merge.Metadata.Samples, merge.Explained);
            terminal.Show(report, PriorJson.Default.PriorMergeReport, screen => screen.WriteLine(FormattableString.Invariant(
                $"'{path}' is {report.Method} of {report.Parts} parts, rank {report.Rank}, {report.Samples} {(merge.Metadata.Form == PosteriorForm.Laplace ? "examples" : "samples")}{(report.Explained is { } kept ? FormattableString.Invariant($"; its factor keeps {kept:P1} of the parts'") : "")}.")));
            return ExitCode.Done;
        }
        finally
        {
            foreach (var reader in readers)
                reader.Dispose();
        }
    }
}
