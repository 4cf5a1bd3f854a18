using OnnxPriors.Graphs;

namespace OnnxPriors.Artifacts;

/// <summary>
/// The most memory that the values of a graph take at once while its nodes run in ONNX Runtime's order: a value lives from the node that computes
/// it to the last that reads it. What only names other bytes (Reshape and its like) takes none, and an element-wise node writes into an
/// input of its size that nothing reads any more, as runtimes do.
/// </summary>
internal sealed class LiveMemory
{
    private static readonly HashSet<string> Views = new(StringComparer.Ordinal) { "Identity", "Reshape", "Flatten", "Squeeze", "Unsqueeze" };

    private static readonly HashSet<string> InPlace = new(StringComparer.Ordinal)
    {
        "Abs", "Add", "Clip", "Div", "Elu", "Erf", "Exp", "HardSigmoid", "HardSwish", "LeakyRelu", "Log", "Max", "Min", "Mul", "Neg", "PRelu", "Reciprocal",
        "Relu", "Selu", "Sigmoid", "Softmax", "Softplus", "Softsign", "Sqrt", "Sub", "Sum", "Tanh", "Where", "BatchNormalization", "Dropout", "Not", "And", "Or",
    };

    private readonly Dictionary<Value, Value> places = [];
    private readonly Dictionary<string, Dimension> extents;

    private LiveMemory(Dictionary<string, Dimension> extents) => this.extents = extents;

    /// <summary>The largest sum of live values, in bytes.</summary>
    public long Peak { get; private set; }

    /// <summary>The values whose size does not follow from the extents given.</summary>
    public int Unknown { get; private set; }

    /// <summary>Walks a graph.</summary>
    /// <param name="graph">The graph.</param>
    /// <param name="extents">Numbers for the names of open extents.</param>
    /// <param name="bound">The outputs that a host gives memory for, and counts itself.</param>
    public static LiveMemory Of(Graph graph, IReadOnlyDictionary<string, long> extents, IReadOnlySet<Value> bound)
    {
        var memory = new LiveMemory(extents.ToDictionary(e => e.Key, e => (Dimension)e.Value, StringComparer.Ordinal));
        memory.Walk(graph, RuntimeOrder(graph), bound);
        return memory;
    }

    /// <summary>A value's bytes; null where an extent is not known.</summary>
    public static long? Bytes(Value value, IReadOnlyDictionary<string, Dimension> extents)
    {
        if (value.Shape is not { } shape)
            return null;
        long count = 1;
        foreach (var dimension in shape)
        {
            if (dimension.Substitute(extents).Value is not { } extent)
                return null;
            count *= extent;
        }
        return count * Math.Max(1, value.Type.Size());
    }

    // ONNX Runtime's order: back from the nodes that nothing reads, the last of the file first, inputs of the highest place first.
    private static Node[] RuntimeOrder(Graph graph)
    {
        var places = graph.Nodes.Select((n, i) => (n, i)).ToDictionary(p => p.n, p => p.i);
        var read = graph.Nodes.SelectMany(Read).ToHashSet();
        var stack = new Stack<(Node Node, bool Leaves)>(graph.Nodes.Where(n => !n.Outputs.Any(o => o is not null && read.Contains(o))).Select(n => (n, false)));
        var seen = new HashSet<Node>();
        var order = new List<Node>(graph.Nodes.Length);
        while (stack.TryPop(out var next))
        {
            if (next.Leaves)
                order.Add(next.Node);
            else if (seen.Add(next.Node))
            {
                stack.Push((next.Node, true));
                foreach (var before in Read(next.Node).Select(v => v.Producer).OfType<Node>().Where(places.ContainsKey).Distinct().OrderBy(n => places[n]))
                    if (!seen.Contains(before))
                        stack.Push((before, false));
            }
        }
        return [.. order];
    }

    private void Walk(Graph graph, Node[] nodes, IReadOnlySet<Value> bound)
    {
        var last = new Dictionary<Value, int>();
        for (var i = 0; i < nodes.Length; i++)
            foreach (var input in Read(nodes[i]))
                last[Place(input, nodes[i])] = i;
        foreach (var output in graph.Outputs)
            last[places.GetValueOrDefault(output, output)] = int.MaxValue;
        var live = new Dictionary<Value, long>();
        long sum = 0;
        for (var i = 0; i < nodes.Length; i++)
        {
            var node = nodes[i];
            long added = 0;
            foreach (var output in node.Outputs)
            {
                if (output is null || Views.Contains(node.Op) || (!last.ContainsKey(output) && !graph.Outputs.Contains(output)) || bound.Contains(output))
                    continue;
                if (Bytes(output, extents) is not { } bytes)
                {
                    Unknown++;
                    continue;
                }
                live[output] = bytes;
                sum += bytes;
                added += bytes;
            }
            var ending = Read(node).Select(v => places.GetValueOrDefault(v, v)).Distinct().Where(v => last.GetValueOrDefault(v) == i && live.ContainsKey(v)).ToList();
            var reused = InPlace.Contains(node.Op) ? ending.Select(v => live[v]).FirstOrDefault(bytes => bytes == added) : 0;
            Peak = Math.Max(Peak, sum - reused);
            foreach (var value in ending)
            {
                sum -= live[value];
                live.Remove(value);
            }
        }
    }

    private Value Place(Value value, Node reader)
    {
        var place = places.GetValueOrDefault(value, value);
        if (Views.Contains(reader.Op) && reader.Outputs[0] is { } view && reader.Inputs[0] == value)
            places[view] = place;
        return place;
    }

    /// <summary>What a node reads; a graph inside it may read values from outside of it.</summary>
    internal static IEnumerable<Value> Read(Node node) => node.Inputs.OfType<Value>()
        .Concat(node.Attributes.Select(a => a.Value).OfType<Graph>().SelectMany(g => g.Nodes.SelectMany(Read).Concat(g.Outputs)));
}
