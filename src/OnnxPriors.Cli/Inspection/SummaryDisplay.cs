using System.Globalization;
using Spectre.Console;

namespace OnnxPriors.Cli.Inspection;

/// <summary>Summaries for people: the long tables first, what matters last, where the eye is when the command ends.</summary>
internal static class SummaryDisplay
{
    public static void Show(IAnsiConsole console, ModelSummary model)
    {
        Tensors(console, model.Tensors);
        Unsupported(console, "not supported", model.Unsupported);
        Unsupported(console, "without a gradient", model.Training?.WithoutGradient ?? []);
        var facts = Facts();
        Row(facts, "file", $"{model.Model}, {model.Producer}, IR version {model.IrVersion}");
        Row(facts, "opsets", string.Join(", ", model.Opsets.Select(o => $"{o.Key} {o.Value}")));
        Values(facts, "input", model.Inputs);
        Values(facts, "output", model.Outputs);
        Row(facts, "operators", Operators(model.Operators));
        Row(facts, "parameters", Number(model.Parameters));
        Roles(facts, model.Tensors);
        Split(facts, model.Split, model.SplitProblem);
        Memory(facts, model.Training);
        if (model.Problem is { } problem && model.Unsupported.Count == 0)
            Row(facts, "problem", problem);
        console.Write(facts);
    }

    public static void Show(IAnsiConsole console, ImportSummary import)
    {
        var facts = Facts();
        foreach (var pass in import.Passes.Where(p => p.Changed))
            Row(facts, pass.Pass, pass.Notes.Count > 0 ? string.Join("; ", pass.Notes) : $"{pass.NodesBefore} nodes became {pass.NodesAfter}");
        Values(facts, "input", import.Inputs);
        Values(facts, "output", import.Outputs);
        Row(facts, "operators", Operators(import.Operators));
        Roles(facts, import.Tensors);
        Split(facts, import.Split, import.SplitProblem);
        Row(facts, "written", import.Output);
        console.Write(facts);
    }

    private static Grid Facts() => new Grid().AddColumn(new GridColumn().NoWrap().PadRight(2)).AddColumn();

    private static void Row(Grid grid, string name, string text) => grid.AddRow(new Text(name, new Style(decoration: Decoration.Dim)), new Text(text));

    private static void Values(Grid grid, string name, IReadOnlyList<TensorSummary> values)
    {
        foreach (var value in values)
            Row(grid, name, $"{value.Name}: {value.Type} {(value.Shape is { } shape ? $"[{string.Join(", ", shape)}]" : "of unknown rank")}");
    }

    private static void Roles(Grid grid, IReadOnlyList<RoleSummary> tensors)
    {
        foreach (var role in tensors.GroupBy(t => t.Role))
            Row(grid, role.Key, $"{Number(role.Sum(t => t.Count))} in {role.Count()} tensors");
    }

    private static void Split(Grid grid, SplitSummary? split, string? problem)
    {
        if (split is not null)
            Row(grid, "features", $"{split.Features} [{string.Join(", ", split.Shape ?? [])}]{(split.Layer is { } layer ? $", before {layer}" : "")}");
        else if (problem is not null)
            Row(grid, "features", problem);
    }

    private static string Operators(IReadOnlyDictionary<string, int> operators) =>
        string.Join(", ", operators.Select(o => o.Value == 1 ? o.Key : string.Create(CultureInfo.InvariantCulture, $"{o.Value} {o.Key}")));

    private static void Tensors(IAnsiConsole console, IReadOnlyList<RoleSummary> tensors)
    {
        if (tensors.Count == 0)
            return;
        var table = new Table().Border(TableBorder.Simple).AddColumns("tensor", "shape", "role", "part", "why");
        foreach (var tensor in tensors)
            table.AddRow(new Text(tensor.Name), new Text($"[{string.Join(", ", tensor.Shape)}]"), new Text(tensor.Role, Colour(tensor.Role)), new Text(tensor.Part), new Text(tensor.Reason));
        console.Write(table);
    }

    private static void Unsupported(IAnsiConsole console, string title, IReadOnlyList<UnsupportedSummary> operators)
    {
        if (operators.Count == 0)
            return;
        var table = new Table().Title(title).Border(TableBorder.Simple).AddColumns("operator", "nodes", "", "why", "what to do");
        foreach (var op in operators)
            table.AddRow(
                new Text(op.Operator, new Style(Color.Red)), new Text(Number(op.Count)), new Text(string.Join(", ", op.Nodes)), new Text(op.Reason), new Text(op.Advice));
        console.Write(table);
    }

    private static void Memory(Grid grid, TrainingOutlook? training)
    {
        if (training?.Problem is { } problem)
            Row(grid, "training", problem);
        if (training?.Memory is not { } memory)
            return;
        Row(grid, "memory", string.Create(
            CultureInfo.InvariantCulture, $"{Size(memory.Total)} for a step of {memory.Batch} with {memory.Optimizer} and a prior of rank {memory.Rank}, beside the process itself"));
        Row(grid, "", string.Create(
            CultureInfo.InvariantCulture,
            $"weights {Size(memory.Weights)}, gradients {Size(memory.Gradients)}, optimizer {Size(memory.State)}, prior {Size(memory.Prior)}, batch {Size(memory.Inputs)}, activations {Size(memory.Activations)}, update {Size(memory.Update)}"));
        if (memory.Unknown > 0)
            Row(grid, "", $"{memory.Unknown} values are of unknown size and not counted; fix the inputs' sizes with --shape");
    }

    private static string Size(long bytes) => bytes switch
    {
        >= 1_000_000_000 => string.Create(CultureInfo.InvariantCulture, $"{bytes / 1e9:F2} GB"),
        >= 1_000_000 => string.Create(CultureInfo.InvariantCulture, $"{bytes / 1e6:F1} MB"),
        _ => string.Create(CultureInfo.InvariantCulture, $"{bytes / 1e3:F1} kB"),
    };

    private static Style Colour(string role) => role switch
    {
        "trainable" => new Style(Color.Green),
        "frozen" => new Style(Color.Blue),
        "buffer" => new Style(Color.Yellow),
        _ => new Style(decoration: Decoration.Dim),
    };

    private static string Number(long number) => number.ToString("N0", CultureInfo.InvariantCulture);
}
