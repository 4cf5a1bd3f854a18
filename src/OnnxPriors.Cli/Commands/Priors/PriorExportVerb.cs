using System.CommandLine;
using OnnxPriors.Cli.Display;
using OnnxPriors.Graphs;
using OnnxPriors.Priors;
using OnnxPriors.PyTorch;
using Spectre.Console;

namespace OnnxPriors.Cli.Commands.Priors;

/// <summary><c>prior export PRIOR --model MODEL -o DIR</c>: a prior file as the paper's four files.</summary>
internal sealed class PriorExportVerb : IVerb
{
    private readonly Argument<string> file = PriorFile.Argument();
    private readonly FourFileArguments arguments = new();
    private readonly Option<string> output = new("--output", "-o") { Description = "The folder to write.", Required = true, HelpName = "DIR" };
    private readonly Option<string?> order = new("--order") { Description = "A state dictionary (.pt or .safetensors) whose order the coordinates take. Default: the order in which the model uses its tensors.", HelpName = "STATE" };
    private readonly Option<bool> withHead = new("--with-head") { Description = "Writes the tensors of the model's own head too. Default: those of the feature extractor alone, as the paper's code has them." };

    /// <inheritdoc/>
    public string Name => "export";

    /// <inheritdoc/>
    public string Summary => "Writes a prior file as the paper's four files, which torch.load reads, and a fifth that states what the numbers are.";

    /// <inheritdoc/>
    public IReadOnlyList<Example> Examples { get; } =
    [
        new("prior export prior.safetensors --model resnet50.onnx -o released --name resnet50_ssl_prior", "For the paper's code"),
    ];

    /// <inheritdoc/>
    public void Declare(Command command)
    {
        command.Add(file);
        arguments.Declare(command);
        foreach (var option in (Option[])[output, order, withHead])
            command.Add(option);
    }

    /// <inheritdoc/>
    public int Run(ParseResult given, Terminal terminal, CancellationToken cancellation)
    {
        var path = OutputPath.Folder(given.GetRequiredValue(output));
        var name = arguments.Name(given) ?? "prior";
        if (name.Length == 0 || name.AsSpan().IndexOfAny(Path.GetInvalidFileNameChars()) >= 0)
            throw new OutputException($"--name is '{name}', which cannot begin a file's name.");
        var model = arguments.Model(given);
        using var reader = PosteriorReader.Open(given.GetRequiredValue(file));
        PosteriorCheck.CheckValues(reader, $"'{reader.Path}'");
        var head = FourFileArguments.Head(model);
        var parameters = model.Trainable.Select(t => new TensorShape(t.Name, t.Tensor.Data!.Dimensions)).ToList();
        var places = reader.Tensors.Select((tensor, index) => (tensor.Name, index)).ToDictionary(StringComparer.Ordinal);
        PosteriorCheck.CheckFits(reader, [.. parameters.Where(tensor => places.ContainsKey(tensor.Name) || !head.Contains(tensor.Name))], $"'{reader.Path}'");
        PosteriorCheck.CheckSource(reader, [model.Source.Sha256, .. model.Source.Metadata.TryGetValue(Importing.MetadataKeys.Source, out var made) ? [made] : Array.Empty<string>()], $"'{reader.Path}'");
        var wanted = parameters.Select(tensor => tensor.Name).Where(tensor => places.ContainsKey(tensor) && (given.GetValue(withHead) || !head.Contains(tensor))).ToList();
        if (given.GetValue(order) is { } like)
            wanted = Ordered(like, wanted);
        var refitted = reader.Buffers.Select(buffer => buffer.Name).ToHashSet(StringComparer.Ordinal);
        var statistics = model.Buffers.Select(buffer => (
            new TensorShape(buffer.Name, buffer.Tensor.Data!.Dimensions), refitted.Contains(buffer.Name) ? reader.ReadBuffer(buffer.Name) : buffer.Tensor.Data!.ConvertTo(ElementType.Float).ToSingle())).ToList();
        cancellation.ThrowIfCancellationRequested();
        using (var target = AtomicFolder.Create(path))
        {
            FourFiles.Write(target.Path, name, reader, [.. wanted.Select(tensor => places[tensor])], statistics);
            target.Commit();
        }
        var report = new PriorConversionReport(path, reader.Metadata.Method, reader.Metadata.Rank, wanted.Count, wanted.Sum(tensor => reader.Tensors[places[tensor]].Count), reader.Metadata.Normalisation);
        terminal.Show(report, PriorJson.Default.PriorConversionReport, screen => screen.WriteLine(FormattableString.Invariant(
            $"'{path}' holds '{name}' with {report.Parameters:N0} parameters in {report.Tensors} tensors, rank {report.Rank}.")));
        return ExitCode.Done;
    }

    private static List<string> Ordered(string like, List<string> wanted)
    {
        using var state = StateDictionary.Open(like);
        var places = state.Tensors.Select((tensor, index) => (tensor.Name, index)).ToDictionary(StringComparer.Ordinal);
        return wanted.Find(name => !places.ContainsKey(name)) is { } missing
            ? throw new TorchFileException($"'{like}' has no tensor '{missing}', so it says nothing of its place. Give the state dictionary of this model.")
            : [.. wanted.OrderBy(name => places[name])];
    }
}
