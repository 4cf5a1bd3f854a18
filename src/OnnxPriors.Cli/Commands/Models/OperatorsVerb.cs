using System.CommandLine;
using System.Globalization;
using System.Text;
using System.Text.Json.Serialization;
using OnnxPriors.Catalogue;
using OnnxPriors.Cli.Display;
using OnnxPriors.Torch;
using Spectre.Console;

namespace OnnxPriors.Cli.Commands.Models;

/// <summary><c>onnxpriors operators</c>: every operator of the ONNX specification, and whether it is read and differentiated.</summary>
internal sealed class OperatorsVerb : IVerb
{
    private readonly Option<bool> markdown = new("--markdown") { Description = "Prints Markdown, as docs/operators.md holds it." };

    /// <inheritdoc/>
    public string Name => "operators";

    /// <inheritdoc/>
    public string Summary => "Lists every operator: the opsets that have it, whether it is imported and differentiated, and what of it is refused.";

    /// <inheritdoc/>
    public IReadOnlyList<Example> Examples { get; } =
    [
        new("operators", "List the operators"),
        new("operators --markdown > docs/operators.md", "Write the page of the documentation"),
    ];

    /// <inheritdoc/>
    public void Declare(Command command) => command.Add(markdown);

    /// <inheritdoc/>
    public int Run(ParseResult given, Terminal terminal, CancellationToken cancellation)
    {
        OperatorSupport[] operators = [.. OperatorCatalogue.List(ForwardOperators.Names)];
        // A page is for files: no colours, no wrapping.
        terminal.Show(operators, OperatorsJson.Default.OperatorSupportArray, console =>
        {
            if (given.GetValue(markdown))
                console.Profile.Out.Writer.Write(Markdown(operators));
            else
                Print(operators, console);
        });
        return ExitCode.Done;
    }

    /// <summary>The page of the documentation.</summary>
    internal static string Markdown(IReadOnlyList<OperatorSupport> operators)
    {
        var text = new StringBuilder();
        text.Append("# Operators\n\nWritten by `onnxpriors operators --markdown`; a test fails where it is stale. *Forward*: the operator is imported, its shapes are inferred,\n");
        text.Append("and both engines compute it. *Gradient*: it has a derivative other than zero, and a rule for it or a form in operators that have one.\n");
        foreach (var domain in operators.GroupBy(o => o.Domain))
        {
            text.Append(CultureInfo.InvariantCulture, $"\n## {domain.Key}\n\n{domain.Count()} operators, {domain.Count(o => o.Forward)} forward, {domain.Count(o => o.Gradient)} with a gradient.\n\n");
            text.Append("| operator | opsets | forward | gradient | restrictions |\n| --- | --- | --- | --- | --- |\n");
            foreach (var op in domain)
                text.Append(CultureInfo.InvariantCulture, $"| {op.Operator} | {op.Opsets} | {Word(op.Forward)} | {Word(op.Gradient)} | {op.Restrictions} |\n");
        }
        return text.ToString();
    }

    private static void Print(OperatorSupport[] operators, IAnsiConsole console)
    {
        var table = new Table().Border(TableBorder.Simple).AddColumns("operator", "domain", "opsets", "forward", "gradient", "restrictions");
        foreach (var op in operators)
            table.AddRow(new Text(op.Operator), new Text(op.Domain), new Text(op.Opsets), new Text(Word(op.Forward)), new Text(Word(op.Gradient)), new Text(op.Restrictions));
        console.Write(table);
        console.WriteLine(string.Create(
            CultureInfo.InvariantCulture, $"{operators.Length} operators, {operators.Count(o => o.Forward)} forward, {operators.Count(o => o.Gradient)} with a gradient."));
    }

    private static string Word(bool value) => value ? "yes" : "";
}

[JsonSourceGenerationOptions(PropertyNamingPolicy = JsonKnownNamingPolicy.CamelCase)]
[JsonSerializable(typeof(OperatorSupport[]))]
internal sealed partial class OperatorsJson : JsonSerializerContext;
