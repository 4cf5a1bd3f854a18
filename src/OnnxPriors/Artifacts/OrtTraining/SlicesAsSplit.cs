using OnnxPriors.Graphs;

namespace OnnxPriors.Artifacts.OrtTraining;

/// <summary>
/// Writes slices that together cut a value along one axis into all of its parts as one Split. ONNX Runtime does the same when it optimises a
/// graph, but up to 1.19 writes a Split without lengths or their number, which opset 18 does not allow, and then refuses its own work.
/// </summary>
internal static class SlicesAsSplit
{
    public static Graph Rewrite(Graph graph)
    {
        var cuts = graph.Nodes.Select(Cut.Of).OfType<Cut>().GroupBy(c => (c.Value, c.Axis)).Select(g => g.OrderBy(c => c.Start).ToArray()).Where(IsWhole).ToArray();
        if (cuts.Length == 0)
            return graph;
        var groups = cuts.SelectMany(group => group.Select(cut => (cut.Node, group))).ToDictionary(p => p.Node, p => p.group);
        var b = new GraphBuilder();
        var map = new Dictionary<Value, Value>();
        foreach (var input in graph.Inputs)
            map[input] = b.Input(input.Name, input.Type, input.Shape);
        foreach (var node in graph.Nodes)
            if (!groups.TryGetValue(node, out var group))
            {
                b.Copy(node, map);
            }
            else if (!map.ContainsKey(node.Outputs[0]!))
            {
                var parts = b.Split(b.Import(group[0].Value, map), [.. group.Select(c => c.End - c.Start)], group[0].Axis);
                for (var i = 0; i < parts.Length; i++)
                    map[group[i].Node.Outputs[0]!] = parts[i];
            }
        return b.Build(graph.Outputs.Select(o => (o.Name, b.Import(o, map))).ToArray(), graph.Name);
    }

    private static bool IsWhole(Cut[] cuts)
    {
        var end = 0L;
        foreach (var cut in cuts)
        {
            if (cut.Start != end)
                return false;
            end = cut.End;
        }
        return cuts.Length > 1 && end == cuts[0].Extent;
    }

    private sealed record Cut(Node Node, Value Value, int Axis, long Start, long End, long Extent)
    {
        public static Cut? Of(Node node)
        {
            if (node is not { Op: "Slice", Domain.Length: 0 } || node.Input(0).Shape is not { } shape
                || One(node, 1) is not { } start || One(node, 2) is not { } end || (One(node, 3) ?? (node.TryInput(3) is null ? 0 : null)) is not { } axis
                || (node.TryInput(4) is not null && One(node, 4) != 1) || shape[shape.Axis(axis)].Value is not { } extent)
                return null;
            long Place(long at) => Math.Clamp(at < 0 ? at + extent : at, 0, extent);
            return new(node, node.Input(0), shape.Axis(axis), Place(start), Place(end), extent);
        }

        private static long? One(Node node, int input) =>
            node.TryInput(input) is { Data: { Count: 1 } data } && data.Type.IsInteger() ? data.ToInt64()[0] : null;
    }
}
