using System.Text;
using System.Text.RegularExpressions;
using OnnxPriors.Graphs;

namespace OnnxPriors.Importing;

/// <summary>
/// Which of the tensors that may train do: <c>all</c>, <c>head</c>, <c>from:NAME</c> (from a node, value or tensor on, in the order of
/// execution), or name patterns with commas between them, in which <c>*</c> and <c>?</c> stand for any text and any character.
/// </summary>
public sealed class TrainSelection
{
    private const string FromPrefix = "from:";

    private readonly string text;
    private readonly Func<Value, ModelPart, int, bool> selects;

    private TrainSelection(string text, Func<Value, ModelPart, int, bool> selects)
    {
        this.text = text;
        this.selects = selects;
    }

    /// <summary>Reads a selection for a graph.</summary>
    /// <param name="text">One of the forms above.</param>
    /// <param name="graph">The graph it selects from.</param>
    /// <param name="names">What stands for the names of values in the file; null uses the graph's alone.</param>
    /// <param name="nodeOutputs">The first output of each named node in the file.</param>
    /// <exception cref="ImportException">The text is empty, or the name after <c>from:</c> is nowhere in the graph.</exception>
    public static TrainSelection Parse(
        string text,
        Graph graph,
        IReadOnlyDictionary<string, Value>? names = null,
        IReadOnlyDictionary<string, string>? nodeOutputs = null)
    {
        ArgumentNullException.ThrowIfNull(text);
        ArgumentNullException.ThrowIfNull(graph);
        if (text == "all")
            return new(text, (_, _, _) => true);
        if (text == "head")
            return new(text, (_, part, _) => part == ModelPart.Head);
        if (text.StartsWith(FromPrefix, StringComparison.Ordinal))
        {
            var first = Place(text[FromPrefix.Length..], graph, names, nodeOutputs);
            return new(text, (_, _, place) => place >= first);
        }
        Regex[] patterns = [.. text.Split(',', StringSplitOptions.TrimEntries | StringSplitOptions.RemoveEmptyEntries).Select(Pattern)];
        if (patterns.Length == 0)
            throw new ImportException("--train is empty; write all, head, from:NAME, or a pattern such as 'layer4.*'.");
        return new(text, (tensor, _, _) => patterns.Any(p => p.IsMatch(tensor.Name)));
    }

    /// <summary>Whether a tensor trains.</summary>
    /// <param name="tensor">The tensor.</param>
    /// <param name="part">The part it belongs to.</param>
    /// <param name="place">The place of its first use among the nodes.</param>
    public bool Selects(Value tensor, ModelPart part, int place) => selects(tensor, part, place);

    /// <inheritdoc/>
    public override string ToString() => text;

    private static int Place(string name, Graph graph, IReadOnlyDictionary<string, Value>? names, IReadOnlyDictionary<string, string>? nodeOutputs)
    {
        for (var i = 0; i < graph.Nodes.Length; i++)
            if (graph.Nodes[i].Name == name)
                return i;
        var value = graph.Find(name) ?? names?.GetValueOrDefault(name)
            ?? (nodeOutputs is not null && nodeOutputs.TryGetValue(name, out var output) ? graph.Find(output) ?? names?.GetValueOrDefault(output) : null);
        if (value is not null)
            for (var i = 0; i < graph.Nodes.Length; i++)
                if (graph.Nodes[i].Outputs.Contains(value) || graph.Nodes[i].Inputs.Contains(value))
                    return i;
        throw new ImportException($"--train from:{name} names no node, value or tensor of the model; `inspect` lists them.");
    }

    private static Regex Pattern(string glob)
    {
        var text = new StringBuilder("^");
        foreach (var c in glob)
            text.Append(c switch { '*' => ".*", '?' => ".", _ => Regex.Escape(c.ToString()) });
        return new(text.Append('$').ToString(), RegexOptions.CultureInvariant | RegexOptions.NonBacktracking);
    }
}
