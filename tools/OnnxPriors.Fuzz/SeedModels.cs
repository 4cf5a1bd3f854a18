using Google.Protobuf;
using OnnxPriors.Graphs;
using OnnxPriors.Onnx;
using OnnxPriors.Onnx.Protobuf;

namespace OnnxPriors.Fuzz;

/// <summary>Small sound models to begin from, with every part of the format that the reader knows.</summary>
internal static class SeedModels
{
    public static IEnumerable<byte[]> All()
    {
        yield return Network().ToByteArray();
        yield return Recurrent().ToByteArray();
        yield return Shapes().ToByteArray();
        yield return Control().ToByteArray();
        yield return Functions().ToByteArray();
    }

    private static ModelProto Network()
    {
        var b = new GraphBuilder();
        var x = b.Input("x", ElementType.Float, [Dimension.Symbolic("batch"), 3, 8, 8]);
        var conv = b.Emit("Conv", [x, Weight(b, "w", 4, 3, 3, 3), Weight(b, "c", 4)], Attributes.None.With("pads", (long[])[1, 1, 1, 1]), nodeName: "conv")[0];
        var norm = b.Emit("BatchNormalization", [conv, Weight(b, "scale", 4), Weight(b, "shift", 4), Weight(b, "mean", 4), Weight(b, "var", 4)], nodeName: "norm")[0];
        var pool = b.Apply("MaxPool", [b.Apply("Relu", [norm])], Attributes.None.With("kernel_shape", (long[])[2, 2]).With("strides", (long[])[2, 2]));
        var features = b.Flatten(b.Apply("GlobalAveragePool", [pool]));
        var scores = b.Apply("Gemm", [features, Weight(b, "fc", 5, 4), Weight(b, "bias", 5)], Attributes.None.With("transB", 1L));
        return Message(b, b.Softmax(scores));
    }

    private static ModelProto Recurrent()
    {
        var model = Message(Node("Unsqueeze", "x front", "sequence"), Node("LSTM", "sequence lw lr lb", "all last cell"), Node("Squeeze", "last front", "state"), Node("MatMul", "state head", "y"));
        model.Graph.Initializer.Add([Floats("lw", 1, 16, 4), Floats("lr", 1, 16, 4), Floats("lb", 1, 32), Floats("head", 4, 4), new TensorProto { Name = "front", DataType = 7, Dims = { 1 }, Int64Data = { 0 } }]);
        model.Graph.Node[1].Attribute.Add(new AttributeProto { Name = "hidden_size", Type = AttributeProto.Types.AttributeType.Int, I = 4 });
        return model;
    }

    private static ModelProto Shapes()
    {
        var b = new GraphBuilder();
        var x = b.Input("x", ElementType.Float, [Dimension.Symbolic("batch"), 6, 4]);
        var turned = b.Reshape(b.Transpose(x, 0, 2, 1), b.Concat([b.ShapeOf(x, 0, 1), b.Ints(2, 12)], 0));
        var parts = b.Split(b.Slice(turned, 2, 1, 11, 3), [2, 2], 2);
        var padded = b.Pad(parts[0] + parts[1], b.Ints(0, 0, 1, 0, 0, 1));
        return Message(b, b.Apply("MatMul", [b.Flatten(b.Gather(padded, b.Ints(1, 0), 1)), Weight(b, "head", 8, 3)]));
    }

    private static ModelProto Control()
    {
        var model = Message(Node("Add", "x w", "s"), Node("If", "flag", "chosen"), Node("Loop", "n flag chosen", "last seen"), Node("Scan", "start last", "sum given"), Node("SequenceConstruct", "last given", "list"),
            Node("SequenceAt", "list zero", "first"), Node("Optional", "first", "maybe"), Node("OptionalGetElement", "maybe", "got"), Node("MatMul", "got w", "y"));
        model.Graph.Initializer.Add([Floats("w", 4, 4), Floats("start", 4), Ints("n", 3), Ints("zero", 0), new TensorProto { Name = "flag", DataType = (int)ElementType.Bool, Int32Data = { 1 } }]);
        Graph(model.Graph.Node[1], "then_branch", [], ["a"], Node("Neg", "s", "a"));
        Graph(model.Graph.Node[1], "else_branch", [], ["b"], Node("Abs", "s", "b"));
        Graph(model.Graph.Node[2], "body", ["i", "go", "v"], ["go2", "v2", "out"], Node("Identity", "go", "go2"), Node("Tanh", "v", "v2"), Node("Mul", "v2 s", "out"));
        Graph(model.Graph.Node[3], "body", ["state", "slice"], ["next", "each"], Node("Add", "state slice", "next"), Node("Relu", "next", "each"));
        model.Graph.Node[3].Attribute.Add(new AttributeProto { Name = "num_scan_inputs", Type = AttributeProto.Types.AttributeType.Int, I = 1 });
        return model;
    }

    private static ModelProto Functions()
    {
        var model = Message(Node("Block", "x w", "h", "local"), Node("Block", "h w", "y", "local"));
        model.Graph.Initializer.Add(Floats("w", 4, 4));
        model.Graph.SparseInitializer.Add(new SparseTensorProto { Dims = { 4, 4 }, Values = new TensorProto { Name = "sp", DataType = 1, Dims = { 1 }, FloatData = { 1 } }, Indices = new TensorProto { DataType = 7, Dims = { 1 }, Int64Data = { 5 } } });
        model.OpsetImport.Add(new OperatorSetIdProto { Domain = "local", Version = 1 });
        var block = new FunctionProto { Name = "Block", Domain = "local", Input = { "a", "m" }, Output = { "r" }, Attribute = { "alpha" }, Node = { Node("MatMul", "a m", "p"), Node("LeakyRelu", "p", "r") } };
        block.Node[1].Attribute.Add(new AttributeProto { Name = "alpha", RefAttrName = "alpha", Type = AttributeProto.Types.AttributeType.Float });
        model.Functions.Add(block);
        return model;
    }

    private static Value Weight(GraphBuilder b, string name, params long[] shape) => b.Parameter(name, TensorData.Of([.. Enumerable.Range(1, (int)shape.Aggregate(1L, (p, d) => p * d)).Select(i => 1f / i)], [.. shape]));

    private static ModelProto Message(GraphBuilder b, Value output) => ModelProto.Parser.ParseFrom(OnnxFile.ToBytes(Model.Canonical(b.Build([("y", output)]))));

    private static ModelProto Message(params NodeProto[] nodes)
    {
        var model = new ModelProto { IrVersion = 8, Graph = new GraphProto { Name = "g", Node = { nodes }, Input = { Info("x", 4, 4) }, Output = { Info("y", 4, 4) } } };
        model.OpsetImport.Add(new OperatorSetIdProto { Version = 17 });
        return model;
    }

    private static void Graph(NodeProto node, string name, string[] inputs, string[] outputs, params NodeProto[] nodes)
    {
        var graph = new GraphProto { Name = name, Node = { nodes } };
        graph.Input.Add(inputs.Select(i => new ValueInfoProto { Name = i }));
        graph.Output.Add(outputs.Select(o => new ValueInfoProto { Name = o }));
        node.Attribute.Add(new AttributeProto { Name = name, Type = AttributeProto.Types.AttributeType.Graph, G = graph });
    }

    private static NodeProto Node(string op, string reads, string writes, string domain = "")
    {
        var node = new NodeProto { OpType = op, Domain = domain, Name = writes };
        node.Input.Add(reads.Split(' '));
        node.Output.Add(writes.Split(' '));
        return node;
    }

    private static TensorProto Floats(string name, params long[] shape) =>
        new() { Name = name, DataType = 1, Dims = { shape }, RawData = ByteString.CopyFrom(new byte[4 * shape.Aggregate(1L, (p, d) => p * d)]) };

    private static TensorProto Ints(string name, long value) => new() { Name = name, DataType = 7, Int64Data = { value } };

    private static ValueInfoProto Info(string name, params long[] shape)
    {
        var dims = new TensorShapeProto();
        dims.Dim.Add(shape.Select(d => new TensorShapeProto.Types.Dimension { DimValue = d }));
        return new ValueInfoProto { Name = name, Type = new TypeProto { TensorType = new TypeProto.Types.Tensor { ElemType = 1, Shape = dims } } };
    }
}
