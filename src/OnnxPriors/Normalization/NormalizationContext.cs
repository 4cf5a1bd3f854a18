using System.Collections.Immutable;
using OnnxPriors.Graphs;

namespace OnnxPriors.Normalization;

/// <summary>What the passes of one run share: the options, the file's opset, what could not be done, and what became of each name.</summary>
public sealed class NormalizationContext
{
    private readonly List<UnsupportedNode> unsupported = [];
    private readonly List<string> notes = [];
    private Dictionary<string, Value> names = new(StringComparer.Ordinal);

    internal NormalizationContext(Onnx.Model model, NormalizationOptions options)
    {
        Opset = model.Opset;
        Options = options;
        Opsets = model.Opsets;
        foreach (var value in model.Graph.Inputs.Concat(model.Graph.Initializers).Concat(model.Graph.Nodes.SelectMany(n => n.Outputs).OfType<Value>()))
            names[value.Name] = value;
        foreach (var node in model.Graph.Nodes)
            if (node.Name.Length > 0 && node.Outputs.FirstOrDefault(o => o is not null) is { } output)
                NodeOutputs.TryAdd(node.Name, output.Name);
    }

    /// <summary>The options.</summary>
    public NormalizationOptions Options { get; }

    /// <summary>The version of the standard operators in the file.</summary>
    public long Opset { get; }

    /// <summary>The version of each domain in the file.</summary>
    public ImmutableSortedDictionary<string, long> Opsets { get; }

    /// <summary>The nodes that could not be brought to the canonical form.</summary>
    public IReadOnlyList<UnsupportedNode> Unsupported => unsupported;

    /// <summary>For each name of a value in the file, the value that stands for it now; folded and dead values are absent.</summary>
    public IReadOnlyDictionary<string, Value> Names => names;

    /// <summary>Where the batch lies, where the file fixed it and it is to be dynamic.</summary>
    internal Upgrades.BatchFolds? Batch { get; set; }

    /// <summary>What the sequences and optional values of the file stand for while its nodes are written anew.</summary>
    internal Dictionary<Value, ControlFlow.Item> Structures { get; } = [];

    /// <summary>The nodes that loops have been written out to so far.</summary>
    internal long UnrolledNodes { get; set; }

    /// <summary>The first output of each named node in the file.</summary>
    internal Dictionary<string, string> NodeOutputs { get; } = new(StringComparer.Ordinal);

    /// <summary>Says something about this model in the report of the pass that runs.</summary>
    /// <param name="note">A sentence.</param>
    public void Note(string note) => notes.Add(note);

    internal void Refuse(UnsupportedNode node) => unsupported.Add(node);

    internal void Follow(IReadOnlyDictionary<Value, Value> replaced)
    {
        var next = new Dictionary<string, Value>(names.Count, StringComparer.Ordinal);
        foreach (var (name, value) in names)
            if (replaced.TryGetValue(value, out var now))
                next[name] = now;
        names = next;
    }

    internal IReadOnlyList<string> TakeNotes()
    {
        string[] taken = [.. notes];
        notes.Clear();
        return taken;
    }
}
