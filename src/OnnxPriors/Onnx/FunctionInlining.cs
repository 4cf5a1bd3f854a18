using System.Globalization;
using OnnxPriors.Onnx.Protobuf;

namespace OnnxPriors.Onnx;

/// <summary>Replaces calls of a model's own functions by their bodies (ONNX IR specification, 'Model-local functions').</summary>
internal static class FunctionInlining
{
    // Bodies can call bodies; a hostile file could grow without end.
    private const int MaxNodes = 2_000_000;

    private const long MaxBytes = 1 << 30;

    private const int MaxDepth = 32;

    public static GraphProto Inline(ModelProto model, string name)
    {
        var functions = new Dictionary<(string, string, string), FunctionProto>();
        foreach (var function in model.Functions)
            functions[(GraphReader.Domain(function.Domain), function.Name, function.Overload)] = function;
        var inliner = new Inliner(functions, name);
        var graph = model.Graph.Clone();
        inliner.Expand(graph, 0);
        return graph;
    }

    private sealed class Inliner(Dictionary<(string, string, string), FunctionProto> functions, string model)
    {
        private int calls;
        private int nodes;
        private long bytes;

        public void Expand(GraphProto graph, int depth)
        {
            var expanded = new List<NodeProto>();
            foreach (var node in graph.Node)
                Expand(node, expanded, depth);
            graph.Node.Clear();
            graph.Node.Add(expanded);
        }

        private void Expand(NodeProto node, List<NodeProto> into, int depth)
        {
            if (depth > MaxDepth || ++nodes > MaxNodes)
                throw new ModelFormatException($"The functions of '{model}' call each other too deeply or grow too large.");
            foreach (var attribute in node.Attribute)
            {
                foreach (var graph in Graphs(attribute))
                    Expand(graph, depth + 1);
            }
            if (!functions.TryGetValue((GraphReader.Domain(node.Domain), node.OpType, node.Overload), out var function))
            {
                into.Add(node);
                return;
            }
            var prefix = string.Create(CultureInfo.InvariantCulture, $"{(node.Name.Length > 0 ? node.Name : function.Name)}_{calls++}/");
            var names = new Dictionary<string, string>(StringComparer.Ordinal);
            for (var i = 0; i < function.Input.Count; i++)
                names[function.Input[i]] = i < node.Input.Count ? node.Input[i] : "";
            for (var i = 0; i < function.Output.Count; i++)
                if (i < node.Output.Count && node.Output[i].Length > 0)
                    names[function.Output[i]] = node.Output[i];
            bytes += function.CalculateSize();
            if (bytes > MaxBytes)
                throw new ModelFormatException($"The functions of '{model}' grow too large where they are called.");
            foreach (var inner in function.Node)
                Expand(Bind(inner, names, prefix, node, function), into, depth + 1);
        }

        private static IEnumerable<GraphProto> Graphs(AttributeProto attribute) => attribute.G is null ? attribute.Graphs : attribute.Graphs.Prepend(attribute.G);

        private static NodeProto Bind(NodeProto inner, Dictionary<string, string> names, string prefix, NodeProto call, FunctionProto function)
        {
            var node = inner.Clone();
            node.Name = prefix + (node.Name.Length > 0 ? node.Name : node.OpType);
            Rename(node, names, prefix);
            BindAttributes(node, call, function);
            return node;
        }

        private static void BindAttributes(NodeProto node, NodeProto call, FunctionProto function)
        {
            for (var i = node.Attribute.Count - 1; i >= 0; i--)
            {
                var attribute = node.Attribute[i];
                foreach (var inner in Graphs(attribute).SelectMany(g => g.Node))
                    BindAttributes(inner, call, function);
                if (attribute.RefAttrName.Length == 0)
                    continue;
                var given = call.Attribute.FirstOrDefault(a => a.Name == attribute.RefAttrName)
                    ?? function.AttributeProto.FirstOrDefault(a => a.Name == attribute.RefAttrName);
                node.Attribute.RemoveAt(i);
                if (given is null)
                    continue;
                var bound = given.Clone();
                bound.Name = attribute.Name;
                node.Attribute.Insert(i, bound);
            }
        }

        private static void Rename(NodeProto node, Dictionary<string, string> names, string prefix)
        {
            for (var i = 0; i < node.Input.Count; i++)
                node.Input[i] = Name(node.Input[i]);
            for (var i = 0; i < node.Output.Count; i++)
                node.Output[i] = Name(node.Output[i]);
            foreach (var attribute in node.Attribute)
                foreach (var graph in Graphs(attribute))
                    RenameGraph(graph);

            void RenameGraph(GraphProto graph)
            {
                foreach (var item in graph.Input.Concat(graph.Output))
                    item.Name = Name(item.Name);
                foreach (var tensor in graph.Initializer.Concat(graph.SparseInitializer.Select(s => s.Values).OfType<TensorProto>()))
                    tensor.Name = Name(tensor.Name);
                foreach (var inner in graph.Node)
                    Rename(inner, names, prefix);
            }

            string Name(string name)
            {
                if (name.Length == 0)
                    return name;
                if (!names.TryGetValue(name, out var renamed))
                    names.Add(name, renamed = prefix + name);
                return renamed;
            }
        }
    }
}
