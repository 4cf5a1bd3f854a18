using System.CommandLine;
using System.Globalization;
using OnnxPriors.Cli.Display;
using OnnxPriors.Cli.Verification;
using Spectre.Console;

namespace OnnxPriors.Cli.Commands.Models;

/// <summary><c>verify MODEL</c>: compares four implementations of a model and its gradient.</summary>
internal sealed class VerifyVerb : IVerb
{
    private readonly ModelFileArguments model = new();
    private readonly Option<string?> inputs = new("--inputs") { Description = "An NPZ file with the model's inputs by name. Default: random ones.", HelpName = "BATCH.npz" };
    private readonly Option<ulong> seed = new("--seed") { Description = "Seeds the random inputs and the objective.", HelpName = "S" };

    /// <inheritdoc/>
    public string Name => "verify";

    /// <inheritdoc/>
    public string Summary => "Compares the file, its import, the TorchSharp module and both gradients of a model.";

    /// <inheritdoc/>
    public IReadOnlyList<Example> Examples { get; } =
    [
        new("verify model.onnx", "Check an import on random inputs"),
        new("verify ocr.onnx --shape x=2x3x48x192 --json", "Fix the sizes that the file leaves open, as JSON"),
    ];

    /// <inheritdoc/>
    public void Declare(Command command)
    {
        model.Declare(command);
        foreach (var option in (Option[])[inputs, seed])
            command.Add(option);
    }

    /// <inheritdoc/>
    public int Run(ParseResult given, Terminal terminal, CancellationToken cancellation)
    {
        var request = new VerificationRequest(
            model.Path(given),
            given.GetValue(inputs),
            model.Read(given),
            given.GetValue(seed));
        var report = Verifier.Run(request, terminal.Remark, cancellation);
        terminal.Show(report, VerificationJson.Default.VerificationReport, console => Print(report, console));
        return report.Unsupported.Count > 0 ? ExitCode.BadInput : report.IsWithinLimits ? ExitCode.Done : ExitCode.Failed;
    }

    private static void Print(VerificationReport report, IAnsiConsole console)
    {
        if (report.Unsupported.Count > 0)
        {
            console.WriteLine($"{report.Model}: {report.Unsupported.Count} not supported");
            foreach (var line in report.Unsupported)
                console.WriteLine($"  {line}");
            return;
        }
        var table = new Table().Border(TableBorder.Rounded).Title($"{Markup.Escape(report.Model)}: {(report.IsWithinLimits ? "within the limits" : "[red]beyond the limits[/]")}");
        table.AddColumns("compared", "relative error", "limit");
        if (report.Forward is { MaxRelativeError: { } forward })
            Row("import against the file, ONNX Runtime", forward, VerificationReport.Limits.Forward);
        else if (report.Forward is not null)
            table.AddRow("import against the file", "–", Markup.Escape(report.Forward.Reason ?? ""));
        if (report.Forward?.HalfPrecisionError is { } half)
            Row("import against the 16-bit file as it stands", half, VerificationReport.Limits.HalfPrecision);
        if (report.Torch is { } torch)
            Row("TorchSharp against the import", torch.MaxRelativeError, VerificationReport.Limits.Forward);
        if (report.Gradient is { } gradient)
            Row($"gradient graph against autograd in float64 (worst: {gradient.Worst})", gradient.MaxRelativeError, VerificationReport.Limits.OfGradient(gradient.Noise));
        console.Write(table);
        if (report.Shapes is { } shapes)
        {
            console.WriteLine(string.Create(CultureInfo.InvariantCulture, $"types and shapes of {shapes.Values} values as inferred, {shapes.Open} of them with an open extent, {shapes.Wrong.Count} wrong"));
            foreach (var line in shapes.Wrong)
                console.WriteLine($"  {line}");
        }
        console.WriteLine(string.Create(CultureInfo.InvariantCulture, $"{report.Parameters:N0} numbers in {report.Trainable} tensors; inputs {string.Join(", ", report.Inputs.Select(i => $"{i.Key} [{string.Join(", ", i.Value)}]"))}"));
        console.WriteLine($"operators: {string.Join(", ", report.Operators.Select(o => $"{o.Key} {o.Value.ToString(CultureInfo.InvariantCulture)}"))}");

        void Row(string what, double error, double limit) => table.AddRow(
            Markup.Escape(what),
            error <= limit ? error.ToString("0.0e+00", CultureInfo.InvariantCulture) : $"[red]{error.ToString("0.0e+00", CultureInfo.InvariantCulture)}[/]",
            limit.ToString("0.0e+00", CultureInfo.InvariantCulture));
    }
}
