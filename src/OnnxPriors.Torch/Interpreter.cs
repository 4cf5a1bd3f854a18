using System.Runtime.InteropServices;
using OnnxPriors.Graphs;
using OnnxPriors.Torch.Operators;
using static TorchSharp.torch;

namespace OnnxPriors.Torch;

/// <summary>Runs a graph node by node and releases each tensor after the last node that reads it.</summary>
internal sealed class Interpreter
{
    private readonly OperatorRegistry registry;
    private readonly Engine engine;
    private readonly IReadOnlyDictionary<Value, Tensor> leaves;
    private readonly Dictionary<Graph, ILookup<Node, Value>> lastReads = [];

    /// <summary>Prepares a graph and the graphs inside it.</summary>
    /// <param name="registry">The operators' rules.</param>
    /// <param name="engine">How to compute.</param>
    /// <param name="graph">The graph.</param>
    /// <param name="leaves">The tensors of parameters and constants; they outlive every run.</param>
    public Interpreter(OperatorRegistry registry, Engine engine, Graph graph, IReadOnlyDictionary<Value, Tensor> leaves)
    {
        this.registry = registry;
        this.engine = engine;
        this.leaves = leaves;
        Prepare(graph);
    }

    /// <summary>The tensors of one run of one graph; those of the graph around it are behind it.</summary>
    private sealed class Frame(Frame? outer) : Dictionary<Value, Tensor>
    {
        public Tensor? Find(Value value) => TryGetValue(value, out var tensor) ? tensor : outer?.Find(value);
    }

    /// <summary>Runs a graph.</summary>
    /// <param name="graph">A prepared graph.</param>
    /// <param name="arguments">Its inputs in their order; they stay the caller's.</param>
    /// <param name="outer">The run of the graph around it, or null.</param>
    /// <returns>New tensors in the caller's dispose scope, one for each output.</returns>
    public Tensor[] Run(Graph graph, IReadOnlyList<Tensor> arguments, object? outer)
    {
        var frame = new Frame((Frame?)outer);
        var borrowed = new HashSet<Value>();
        for (var i = 0; i < graph.Inputs.Length; i++)
        {
            frame[graph.Inputs[i]] = arguments[i];
            borrowed.Add(graph.Inputs[i]);
        }
        var released = lastReads[graph];
        foreach (var node in graph.Nodes)
        {
            Run(node, frame);
            foreach (var value in released[node])
                if (!borrowed.Contains(value) && frame.Remove(value, out var dead))
                    dead.Dispose();
        }
        // An output may be an input, a leaf, a value from around the graph, or twice the same: each caller gets a handle of its own.
        var results = new Tensor[graph.Outputs.Length];
        for (var i = 0; i < results.Length; i++)
        {
            var value = graph.Outputs[i];
            bool own = !borrowed.Contains(value) && frame.ContainsKey(value) && !graph.Outputs.Take(i).Contains(value);
            results[i] = own ? frame[value] : Read(value, frame).alias();
        }
        return results;
    }

    private void Run(Node node, Frame frame)
    {
        using var scope = NewDisposeScope();
        var inputs = new Tensor?[node.Inputs.Length];
        for (var i = 0; i < inputs.Length; i++)
            if (node.Inputs[i] is { } value)
                inputs[i] = Read(value, frame);
        Tensor?[] outputs;
        try
        {
            outputs = registry.Find(node)!(new Call(node, inputs, engine, (graph, arguments) => Run(graph, arguments, frame)));
        }
        catch (Exception error) when (error is ExternalException or ArgumentException or InvalidOperationException or IndexOutOfRangeException)
        {
            string shapes = string.Join(", ", inputs.Select(t => t is null ? "none" : $"{t.dtype}[{string.Join(", ", t.shape)}]"));
            throw new GraphException($"{node.Title} cannot be computed from {shapes}: {FirstLine(error.Message)}", error);
        }
        for (var i = 0; i < node.Outputs.Length; i++)
        {
            if (node.Outputs[i] is not { } value) continue;
            var result = (i < outputs.Length ? outputs[i] : null)
                ?? throw new UnsupportedOperatorException($"{node.Title}: the TorchSharp module does not compute its output '{value.Name}'.");
            // A rule may hand an input on; the frame's tensors each have one owner.
            bool shared = inputs.Contains(result) || outputs.Take(i).Contains(result);
            frame[value] = (shared ? result.alias() : result).MoveToOuterDisposeScope();
        }
    }

    private Tensor Read(Value value, Frame frame) =>
        leaves.TryGetValue(value, out var leaf) ? leaf
        : frame.Find(value) ?? throw new GraphException($"Nothing computes '{value.Name}' before it is read.");

    private void Prepare(Graph graph)
    {
        var last = new Dictionary<Value, Node>();
        foreach (var node in graph.Nodes)
        {
            foreach (var output in node.Outputs)
                if (output is not null)
                    last[output] = node;
            foreach (var input in Reads(node))
                if (last.ContainsKey(input))
                    last[input] = node;
            foreach (var inner in OperatorRegistry.Subgraphs(node)) Prepare(inner);
        }
        foreach (var output in graph.Outputs) last.Remove(output);
        lastReads[graph] = last.ToLookup(pair => pair.Value, pair => pair.Key);
    }

    private static IEnumerable<Value> Reads(Node node) => node.Inputs.OfType<Value>()
        .Concat(OperatorRegistry.Subgraphs(node).SelectMany(graph => graph.Nodes.SelectMany(Reads).Concat(graph.Outputs)));

    private static string FirstLine(string message)
    {
        int end = message.IndexOf('\n', StringComparison.Ordinal);
        return (end < 0 ? message : message[..end]).Trim();
    }
}
