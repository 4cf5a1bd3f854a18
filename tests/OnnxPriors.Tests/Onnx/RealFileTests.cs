using Google.Protobuf;
using OnnxPriors.Graphs;
using OnnxPriors.Importing;
using OnnxPriors.Onnx;
using OnnxPriors.Onnx.Protobuf;
using OnnxPriors.Tests.Engines;

namespace OnnxPriors.Tests.Onnx;

/// <summary>What exporters write and ONNX Runtime reads is read too, and computes the same: the runtime runs the file and its import.</summary>
[TestClass]
public sealed class RealFileTests
{
    private static readonly Dictionary<string, TensorData> Inputs = new() { ["x"] = OnnxRuntime.Normal(Shape.Of(3, 4), 1) };

    [TestMethod]
    public void Nodes_in_any_order() => Check(proto => Reorder(proto.Graph));

    [TestMethod]
    public void Imports_of_domains_that_nobody_uses() => Check(proto =>
    {
        proto.OpsetImport.Add(new OperatorSetIdProto { Domain = "com.nobody.knows", Version = 7 });
        proto.OpsetImport.Add(new OperatorSetIdProto { Domain = "ai.onnx.ml", Version = 3 });
    });

    [TestMethod]
    public void The_standard_domain_under_its_long_name() => Check(proto =>
    {
        proto.OpsetImport[0].Domain = "ai.onnx";
        foreach (var node in proto.Graph.Node)
            node.Domain = "ai.onnx";
    });

    [TestMethod]
    [DataRow(3)]
    [DataRow(4)]
    [DataRow(6)]
    [DataRow(7)]
    [DataRow(9)]
    [DataRow(10)]
    [DataRow(11)]
    [DataRow(12)]
    public void Every_version_of_the_file_format(int version) => Check(proto =>
    {
        proto.IrVersion = version;
        // Before version 4 every initializer is an input too.
        if (version < 4)
            foreach (var tensor in proto.Graph.Initializer)
                proto.Graph.Input.Add(Info(tensor.Name, tensor.DataType, [.. tensor.Dims]));
    });

    [TestMethod]
    public void A_weight_shared_through_Identity_is_one_weight()
    {
        var graph = Check(proto =>
        {
            proto.Graph.Node.Insert(0, Node("Identity", "w", "w_again"));
            proto.Graph.Node.Insert(1, Node("Identity", "w_again", "w_third"));
            proto.Graph.Node.Single(n => n.Name == "second").Input[1] = "w_third";
        });
        CollectionAssert.AreEqual(new[] { "w" }, graph.Parameters.Select(p => p.Name).Where(n => n.StartsWith('w')).ToArray());
    }

    [TestMethod]
    public void An_initializer_defined_twice_is_the_later_one() => Check(proto =>
    {
        var second = proto.Graph.Initializer.Single(i => i.Name == "w").Clone();
        second.RawData = ByteString.CopyFrom(OnnxRuntime.Normal(Shape.Of(4, 4), 9).Bytes.Span);
        proto.Graph.Initializer.Add(second);
    });

    [TestMethod]
    public void Shapes_and_names_of_sizes_stated_wrongly_inside() => Check(proto =>
    {
        proto.Graph.ValueInfo.Add(Info("first_out", (int)ElementType.Float, 3, 99));
        proto.Graph.ValueInfo.Add(Info("nobody", (int)ElementType.Int64, 1));
        foreach (var dimension in proto.Graph.Input[0].Type.TensorType.Shape.Dim)
            dimension.DimParam = "same";
        proto.Graph.Output[0].Type = Info("y", (int)ElementType.Float, 5, 4).Type;
        proto.Graph.Output[0].Type.TensorType.Shape.Dim[0].DimParam = "other";
        proto.Graph.Output[0].Type.TensorType.Shape.Dim[1].DimParam = "same";
    });

    [TestMethod]
    public void Equal_names_for_sizes_that_differ_at_run_time() => Check(proto =>
    {
        // Both axes are called 'n' though they are 3 and 4; a Reshape that keeps both must not rely on it.
        foreach (var dimension in proto.Graph.Input[0].Type.TensorType.Shape.Dim)
            dimension.DimParam = "n";
        proto.Graph.Node.Insert(0, Node("Shape", "x", "shape"));
        proto.Graph.Node.Insert(1, Node("Reshape", "x shape", "same"));
        proto.Graph.Node.Insert(2, Node("Transpose", "same", "turned"));
        proto.Graph.Node.Insert(3, Node("Transpose", "turned", "back"));
        proto.Graph.Node.Single(n => n.Name == "first").Input[0] = "back";
    });

    [TestMethod]
    public void Left_out_inputs_and_outputs_with_empty_names() => Check(proto =>
    {
        proto.Graph.Node.Add(Node("Clip", "y0 _ _", "clipped"));
        proto.Graph.Node.Add(Node("Dropout", "clipped", "dropped _"));
        proto.Graph.Node.Add(Node("Clip", "dropped _ top", "y"));
        proto.Graph.Initializer.Add(new TensorProto { Name = "top", DataType = (int)ElementType.Float, FloatData = { 0.5f } });
        proto.Graph.Node.Single(n => n.Name == "second").Output[0] = "y0";
    });

    [TestMethod]
    public void Names_that_inner_graphs_use_again() => Check(proto =>
    {
        var node = Node("If", "flag", "y");
        foreach (var (name, op) in new[] { ("then_branch", "Neg"), ("else_branch", "Abs") })
        {
            var branch = new GraphProto { Name = name };
            branch.Node.Add(Node("Constant", "", "offset"));
            branch.Node[0].Attribute.Add(new AttributeProto { Name = "value", Type = AttributeProto.Types.AttributeType.Tensor, T = new TensorProto { DataType = (int)ElementType.Float, FloatData = { 2f } } });
            branch.Node.Add(Node("Add", "y0 offset", "inner"));
            branch.Node.Add(Node(op, "inner", "result"));
            branch.Output.Add(Info("result", (int)ElementType.Float, 3, 4));
            node.Attribute.Add(new AttributeProto { Name = name, Type = AttributeProto.Types.AttributeType.Graph, G = branch });
        }
        proto.Graph.Node.Single(n => n.Name == "second").Output[0] = "y0";
        proto.Graph.Initializer.Add(new TensorProto { Name = "flag", DataType = (int)ElementType.Bool, Int32Data = { 1 } });
        proto.Graph.Node.Add(node);
        // Behind the branch the outer graph has a name that both branches have, too.
        proto.Graph.Node.Add(Node("Relu", "y", "inner"));
        proto.Graph.Output[0] = new ValueInfoProto { Name = "inner", Type = Info("", (int)ElementType.Float, 3, 4).Type };
    }, output: "inner");

    [TestMethod]
    [DataRow(false)]
    [DataRow(true)]
    public void Sparse_tensors(bool byAxis) => Check(proto =>
    {
        long[] places = byAxis ? [0, 1, 2, 3, 3, 0] : [1, 11, 12];
        var sparse = new SparseTensorProto
        {
            Values = new TensorProto { Name = "s", DataType = (int)ElementType.Float, FloatData = { 1.5f, -2f, 0.25f }, Dims = { 3 } },
            Indices = new TensorProto { DataType = (int)ElementType.Int64, Int64Data = { places } },
        };
        sparse.Indices.Dims.Add(byAxis ? [3, 2] : [3]);
        sparse.Dims.Add([4L, 4L]);
        var constant = Node("Constant", "", "c");
        var copy = sparse.Clone();
        copy.Values.Name = "";
        constant.Attribute.Add(new AttributeProto { Name = "sparse_value", Type = AttributeProto.Types.AttributeType.SparseTensor, SparseTensor = copy });
        proto.Graph.SparseInitializer.Add(sparse);
        proto.Graph.Node.Insert(0, constant);
        proto.Graph.Node.Insert(1, Node("Add", "s c", "sum"));
        proto.Graph.Node.Single(n => n.Name == "second").Input[1] = "sum";
    });

    [TestMethod]
    public void A_sparse_tensor_far_larger_than_what_is_stored_is_refused()
    {
        var proto = Base();
        proto.Graph.SparseInitializer.Add(new SparseTensorProto
        {
            Values = new TensorProto { Name = "s", DataType = (int)ElementType.Float, FloatData = { 1f }, Dims = { 1 } },
            Indices = new TensorProto { DataType = (int)ElementType.Int64, Int64Data = { 0 }, Dims = { 1 } },
            Dims = { 100_000, 100_000 },
        });
        var error = Assert.ThrowsExactly<ModelFormatException>(() => OnnxFile.Load(proto.ToByteArray()));
        StringAssert.Contains(error.Message, "'s'");
    }

    [TestMethod]
    public void Functions_that_call_functions_with_attributes_branches_and_inputs_left_out() => Check(proto =>
    {
        proto.OpsetImport.Add(new OperatorSetIdProto { Domain = "local", Version = 1 });
        var clamp = new FunctionProto { Name = "Clamp", Domain = "local", Input = { "a", "low", "high" }, Output = { "b" }, OpsetImport = { new OperatorSetIdProto { Version = 17 } } };
        clamp.Node.Add(Node("Clip", "a low high", "b"));
        var outer = new FunctionProto { Name = "Scaled", Domain = "local", Input = { "a", "high" }, Output = { "c" }, Attribute = { "slope" }, OpsetImport = { new OperatorSetIdProto { Version = 17 }, new OperatorSetIdProto { Domain = "local", Version = 1 } } };
        outer.AttributeProto.Add(new AttributeProto { Name = "shift", Type = AttributeProto.Types.AttributeType.Float, F = 0.125f });
        outer.Node.Add(Node("LeakyRelu", "a", "t"));
        outer.Node[0].Attribute.Add(new AttributeProto { Name = "alpha", RefAttrName = "slope", Type = AttributeProto.Types.AttributeType.Float });
        outer.Node.Add(Node("Constant", "", "s"));
        outer.Node[1].Attribute.Add(new AttributeProto { Name = "value_float", RefAttrName = "shift", Type = AttributeProto.Types.AttributeType.Float });
        outer.Node.Add(Node("Add", "t s", "u"));
        outer.Node.Add(Node("Clamp", "u _ high", "v", "local"));
        outer.Node.Add(Node("Cast", "s", "flag"));
        outer.Node[^1].Attribute.Add(new AttributeProto { Name = "to", Type = AttributeProto.Types.AttributeType.Int, I = (int)ElementType.Bool });
        var choose = Node("If", "flag", "c");
        foreach (var (name, op) in new[] { ("then_branch", "Neg"), ("else_branch", "Abs") })
        {
            var branch = new GraphProto { Name = name, Node = { Node(op, "v", "r") }, Output = { Info("r", (int)ElementType.Float, 3, 4) } };
            choose.Attribute.Add(new AttributeProto { Name = name, Type = AttributeProto.Types.AttributeType.Graph, G = branch });
        }
        outer.Node.Add(choose);
        proto.Functions.Add([outer, clamp]);
        proto.Graph.Initializer.Add(new TensorProto { Name = "top", DataType = (int)ElementType.Float, FloatData = { 0.5f } });
        proto.Graph.Node.Single(n => n.Name == "second").Output[0] = "y0";
        foreach (var (from, to, slope) in new[] { ("y0", "y1", 0.25f), ("y1", "y", 0.75f) })
        {
            var call = Node("Scaled", $"{from} top", to, "local");
            call.Attribute.Add(new AttributeProto { Name = "slope", Type = AttributeProto.Types.AttributeType.Float, F = slope });
            proto.Graph.Node.Add(call);
        }
    });

    [TestMethod]
    public void A_model_that_leaves_the_opset_to_its_functions() => Check(proto =>
    {
        var function = new FunctionProto { Name = "All", Domain = "local", Input = { "x", "w", "bias" }, Output = { "y" }, Node = { proto.Graph.Node }, OpsetImport = { new OperatorSetIdProto { Version = 17 } } };
        proto.Functions.Add(function);
        proto.OpsetImport.Clear();
        proto.OpsetImport.Add(new OperatorSetIdProto { Domain = "local", Version = 1 });
        proto.Graph.Node.Clear();
        proto.Graph.Node.Add(Node("All", "x w bias", "y", "local"));
    });

    [TestMethod]
    public void Text_that_no_output_needs() => Check(proto =>
    {
        proto.Graph.Initializer.Add(new TensorProto { Name = "labels", DataType = (int)ElementType.String, Dims = { 2 }, StringData = { ByteString.CopyFromUtf8("cat"), ByteString.CopyFromUtf8("dog") } });
        var constant = Node("Constant", "", "words");
        constant.Attribute.Add(new AttributeProto { Name = "value_string", Type = AttributeProto.Types.AttributeType.String, S = ByteString.CopyFromUtf8("cat") });
        proto.Graph.Node.Add(constant);
        proto.Graph.Node.Add(Node("Identity", "labels", "unused"));
    });

    [TestMethod]
    public void Text_that_a_node_needs_is_refused_with_the_node()
    {
        var proto = Base();
        proto.Graph.Initializer.Single(i => i.Name == "bias").DataType = (int)ElementType.String;
        var error = Assert.ThrowsExactly<OnnxPriors.Normalization.UnsupportedModelException>(() => ModelImporter.Import(OnnxFile.Load(proto.ToByteArray())));
        StringAssert.Contains(error.Message, "Gemm ('first'");
    }

    [TestMethod]
    public void Outputs_that_are_inputs_initializers_or_named_twice_over()
    {
        var proto = Base();
        proto.Graph.Node.Add(Node("Identity", "w", "copy"));
        proto.Graph.Output.Add(Info("copy", (int)ElementType.Float, 4, 4));
        proto.Graph.Output.Add(Info("bias", (int)ElementType.Float, 4));
        Compare(proto.ToByteArray(), OnnxFile.Load(proto.ToByteArray()), "copy");
        Compare(proto.ToByteArray(), OnnxFile.Load(proto.ToByteArray()), "bias");
    }

    [TestMethod]
    public void Tensors_in_many_files_at_offsets_with_and_without_lengths()
    {
        var folder = Directory.CreateTempSubdirectory("onnxpriors-").FullName;
        try
        {
            var proto = Base();
            Directory.CreateDirectory(Path.Combine(folder, "parts"));
            foreach (var (tensor, location, offset, length) in new[] { (proto.Graph.Initializer[0], "parts/one.bin", 4096, true), (proto.Graph.Initializer[1], "two.bin", 0, false) })
            {
                File.WriteAllBytes(Path.Combine(folder, location), [.. new byte[offset], .. tensor.RawData.ToByteArray(), .. length ? new byte[100] : []]);
                tensor.ExternalData.Add(new StringStringEntryProto { Key = "location", Value = location });
                if (offset > 0)
                    tensor.ExternalData.Add(new StringStringEntryProto { Key = "offset", Value = "4096" });
                if (length)
                    tensor.ExternalData.Add(new StringStringEntryProto { Key = "length", Value = $"{tensor.RawData.Length}" });
                tensor.ExternalData.Add(new StringStringEntryProto { Key = "checksum", Value = "0" });
                tensor.DataLocation = TensorProto.Types.DataLocation.External;
            }
            foreach (var tensor in proto.Graph.Initializer)
                tensor.ClearRawData();
            var path = Path.Combine(folder, "m.onnx");
            File.WriteAllBytes(path, proto.ToByteArray());
            Compare(Base().ToByteArray(), OnnxFile.Load(path), "y");
        }
        finally
        {
            Directory.Delete(folder, recursive: true);
        }
    }

    // y = (relu(x·w + bias))·w + bias
    private static ModelProto Base() => ModelProto.Parser.ParseFrom(OnnxFile.ToBytes(new RawModel(17)
        .Input("x", ElementType.Float, Dimension.Symbolic("n"), 4)
        .Initializer("w", OnnxRuntime.Normal(Shape.Of(4, 4), 2)).Initializer("bias", OnnxRuntime.Normal(Shape.Of(4), 3))
        .Node("Gemm", "x w bias", "first_out", name: "first").Node("Relu", "first_out", "kept").Node("Gemm", "kept w bias", "y", name: "second").ToModel("y")));

    private static Graph Check(Action<ModelProto> change, string output = "y")
    {
        var proto = Base();
        change(proto);
        var bytes = proto.ToByteArray();
        return Compare(bytes, OnnxFile.Load(bytes), output);
    }

    private static Graph Compare(byte[] original, Model read, string output)
    {
        var expected = OnnxRuntime.Run(original, Inputs)[output];
        var imported = ModelImporter.Import(read);
        var actual = OnnxRuntime.Run(imported.ToModel(), Inputs)[output];
        // Float32 in another order of operations.
        Assert.IsLessThan(1e-6, OnnxRuntime.RelativeError(actual, expected));
        return imported.Graph;
    }

    private static void Reorder(GraphProto graph)
    {
        var nodes = graph.Node.Reverse().ToList();
        graph.Node.Clear();
        graph.Node.Add(nodes);
    }

    private static NodeProto Node(string op, string reads, string writes, string domain = "")
    {
        var node = new NodeProto { OpType = op, Domain = domain };
        node.Input.Add(reads.Split(' ', StringSplitOptions.RemoveEmptyEntries).Select(n => n == "_" ? "" : n));
        node.Output.Add(writes.Split(' ', StringSplitOptions.RemoveEmptyEntries).Select(n => n == "_" ? "" : n));
        return node;
    }

    private static ValueInfoProto Info(string name, int type, params long[] dimensions)
    {
        var shape = new TensorShapeProto();
        shape.Dim.Add(dimensions.Select(d => new TensorShapeProto.Types.Dimension { DimValue = d }));
        return new ValueInfoProto { Name = name, Type = new TypeProto { TensorType = new TypeProto.Types.Tensor { ElemType = type, Shape = shape } } };
    }
}
