using System.CommandLine;
using OnnxPriors.Cli.Display;
using OnnxPriors.Priors;
using OnnxPriors.PyTorch;
using Spectre.Console;

namespace OnnxPriors.Cli.Commands.Priors;

/// <summary><c>prior import DIR --model MODEL -o PRIOR</c>: the paper's four files as a prior file.</summary>
internal sealed class PriorImportVerb : IVerb
{
    public static readonly string[] Normalisations = ["paper", "swag", "deviations"];

    private readonly Argument<string> folder = new("DIR") { Description = "The folder of NAME_model.pt, NAME_mean.pt, NAME_variance.pt and NAME_covmat.pt." };
    private readonly FourFileArguments arguments = new();
    private readonly Option<string> output = PriorFile.Output("The prior file to write.");
    private readonly Option<string?> normalisation = new("--normalisation")
    {
        Description = "What the numbers are, where the folder does not state it: paper (variance and deviations / √(K − 1), as the paper's code takes them), swag (the same with SWAG's ½) or deviations (rows not divided yet, and the ½).",
    };

    public PriorImportVerb() => normalisation.AcceptOnlyFromAmong(Normalisations);

    /// <inheritdoc/>
    public string Name => "import";

    /// <inheritdoc/>
    public string Summary => "Makes a prior file of the paper's four files, without running anything in them.";

    /// <inheritdoc/>
    public IReadOnlyList<Example> Examples { get; } =
    [
        new("prior import released --model resnet50.onnx --normalisation paper -o prior.safetensors", "The files of the paper's code"),
    ];

    /// <inheritdoc/>
    public void Declare(Command command)
    {
        command.Add(folder);
        arguments.Declare(command);
        command.Add(output);
        command.Add(normalisation);
    }

    /// <inheritdoc/>
    public int Run(ParseResult given, Terminal terminal, CancellationToken cancellation)
    {
        var path = OutputPath.File(given.GetRequiredValue(output));
        var model = arguments.Model(given);
        FourFileNormalisation? told = Array.IndexOf(Normalisations, given.GetValue(normalisation)) is >= 0 and var at ? (FourFileNormalisation)at : null;
        using var files = FourFiles.Open(given.GetRequiredValue(folder), arguments.Name(given), told, model.Source.Sha256);
        var head = FourFileArguments.Head(model);
        var parameters = model.Trainable.Select(t => new TensorShape(t.Name, t.Tensor.Data!.Dimensions)).ToList();
        var present = files.Tensors.Select(tensor => tensor.Name).ToHashSet(StringComparer.Ordinal);
        PosteriorCheck.CheckFits(files, [.. parameters.Where(tensor => present.Contains(tensor.Name) || !head.Contains(tensor.Name))], $"'{given.GetRequiredValue(folder)}'");
        var buffers = model.Buffers.ToDictionary(buffer => buffer.Name, buffer => new TensorShape(buffer.Name, buffer.Tensor.Data!.Dimensions), StringComparer.Ordinal);
        var statistics = files.Statistics.Where(statistic => buffers.TryGetValue(statistic.Name, out var buffer) && buffer.Equals(statistic)).ToList();
        if (statistics.Count < files.Statistics.Count)
            terminal.Warn($"{files.Statistics.Count - statistics.Count} of {files.Statistics.Count} running statistics in its _model.pt are none of the model's and are left out.");
        cancellation.ThrowIfCancellationRequested();
        files.WritePrior(path, statistics);
        var report = new PriorConversionReport(path, files.Metadata.Method, files.Metadata.Rank, files.Tensors.Count, files.Tensors.Sum(tensor => tensor.Count), files.Metadata.Normalisation);
        terminal.Show(report, PriorJson.Default.PriorConversionReport, screen => screen.WriteLine(FormattableString.Invariant(
            $"'{path}' has {report.Parameters:N0} parameters in {report.Tensors} tensors, rank {report.Rank}: {report.Normalisation}.")));
        return ExitCode.Done;
    }
}
