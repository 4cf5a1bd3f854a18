using System.Collections.Immutable;
using Google.Protobuf;
using OnnxPriors.Graphs;
using OnnxPriors.Importing;
using OnnxPriors.Onnx;
using OnnxPriors.Onnx.Protobuf;
using OnnxPriors.Tests.Engines;

namespace OnnxPriors.Tests.Onnx;

[TestClass]
public sealed class OnnxFileTests
{
    private readonly string folder = Directory.CreateTempSubdirectory("onnxpriors-").FullName;

    [TestCleanup]
    public void RemoveFolder() => Directory.Delete(folder, recursive: true);

    private string File(string name) => Path.Combine(folder, name);

    private static Model Sample() => new RawModel(13)
        .Input("x", ElementType.Float, Dimension.Symbolic("n"), 4)
        .Initializer("w", OnnxRuntime.Normal(Shape.Of(4, 300), 1))
        .Initializer("b", OnnxRuntime.Normal(Shape.Of(300), 2))
        .Initializer("shape", TensorData.Vector(0, 3, 100))
        .Node("Gemm", "x w b", "g", Attributes.None.With("alpha", 0.5).With("transB", 0), "product")
        .Node("Clip", "g _ _", "c")
        .Node("Reshape", "c shape", "y").ToModel("y") with
    { Metadata = ImmutableSortedDictionary<string, string>.Empty.Add("key", "value") };

    [TestMethod]
    [DataRow(false)]
    [DataRow(true)]
    public void A_model_is_the_same_after_it_was_written_and_read(bool external)
    {
        var model = Sample();
        OnnxFile.Save(model, File("m.onnx"), external);
        Assert.AreEqual(external, System.IO.File.Exists(File("m.onnx.data")));
        var read = OnnxFile.Load(File("m.onnx"));
        Assert.AreEqual("value", read.Metadata["key"]);
        Assert.AreEqual(13, read.Opset);
        CollectionAssert.AreEqual(new[] { "g = Gemm(x, w, b)", "c = Clip(g)", "y = Reshape(c, shape)" }, read.Graph.Nodes.Select(n => n.ToString()).ToArray());
        foreach (var (before, after) in model.Graph.Initializers.Zip(read.Graph.Initializers))
        {
            Assert.AreEqual(before.Name, after.Name);
            Assert.IsTrue(before.Data!.Bytes.Span.SequenceEqual(after.Data!.Bytes.Span));
        }
        Assert.AreEqual("[n, 4]", read.Graph.Inputs[0].Shape!.ToString());
        Assert.AreEqual(0.5f, read.Graph.Nodes[0].Attributes.Float("alpha"));
        Assert.AreEqual(64, read.Sha256.Length);
    }

    [TestMethod]
    public void Nodes_out_of_order_are_put_in_order()
    {
        var proto = Proto();
        var nodes = proto.Graph.Node.Reverse().ToList();
        proto.Graph.Node.Clear();
        proto.Graph.Node.Add(nodes);
        CollectionAssert.AreEqual(new[] { "Gemm", "Clip", "Reshape" }, Load(proto).Graph.Nodes.Select(n => n.Op).ToArray());
    }

    [TestMethod]
    public void Initializers_that_are_inputs_too_are_no_inputs()
    {
        var proto = Proto();
        proto.Graph.Input.Add(new ValueInfoProto { Name = "w" });
        Assert.AreEqual("x", Load(proto).Graph.Inputs.Single().Name);
    }

    [TestMethod]
    public void Weights_in_Constant_nodes_have_the_name_of_the_output()
    {
        var proto = Proto();
        var tensor = proto.Graph.Initializer.Single(i => i.Name == "b");
        proto.Graph.Initializer.Remove(tensor);
        var node = new NodeProto { OpType = "Constant", Name = "constant", Domain = "ai.onnx" };
        node.Output.Add("b");
        node.Attribute.Add(new AttributeProto { Name = "value", T = tensor, Type = AttributeProto.Types.AttributeType.Tensor });
        proto.Graph.Node.Add(node);
        var parameter = Load(proto).Graph.Parameters.Single(p => p.Name == "b");
        Assert.IsTrue(parameter.IsLiteral);
        Assert.AreEqual(300, parameter.Data!.Count);
    }

    [TestMethod]
    public void Functions_of_the_model_are_inlined_with_their_attributes()
    {
        var proto = Proto();
        var function = new FunctionProto { Name = "Twice", Domain = "local" };
        function.Input.Add("a");
        function.Output.Add("c");
        function.Attribute.Add("slope");
        foreach (var (from, to) in new[] { ("a", "b"), ("b", "c") })
        {
            var inner = new NodeProto { OpType = "LeakyRelu" };
            inner.Input.Add(from);
            inner.Output.Add(to);
            inner.Attribute.Add(new AttributeProto { Name = "alpha", RefAttrName = "slope", Type = AttributeProto.Types.AttributeType.Float });
            function.Node.Add(inner);
        }
        proto.Functions.Add(function);
        proto.OpsetImport.Add(new OperatorSetIdProto { Domain = "local", Version = 1 });
        var call = proto.Graph.Node.Single(n => n.OpType == "Clip");
        (call.OpType, call.Domain) = ("Twice", "local");
        call.Attribute.Add(new AttributeProto { Name = "slope", F = 0.25f, Type = AttributeProto.Types.AttributeType.Float });
        var graph = Load(proto).Graph;
        CollectionAssert.AreEqual(new[] { "Gemm", "LeakyRelu", "LeakyRelu", "Reshape" }, graph.Nodes.Select(n => n.Op).ToArray());
        Assert.IsTrue(graph.Nodes.Skip(1).Take(2).All(n => n.Attributes.Float("alpha") == 0.25f));
    }

    [TestMethod]
    public void A_function_that_calls_itself_is_refused()
    {
        var proto = Proto();
        var function = new FunctionProto { Name = "Clip", Domain = "" };
        function.Node.Add(new NodeProto { OpType = "Clip" });
        function.Node.Add(new NodeProto { OpType = "Clip" });
        proto.Functions.Add(function);
        Assert.ThrowsExactly<ModelFormatException>(() => Load(proto));
    }

    [TestMethod]
    [DataRow("../secret.bin")]
    [DataRow("/etc/hostname")]
    [DataRow("a/../../secret.bin")]
    [DataRow("..\\secret.bin")]
    [DataRow("link.bin")]
    [DataRow("linked/secret.bin")]
    [DataRow("missing.bin")]
    [DataRow("")]
    public void Tensors_are_read_from_the_models_own_folder_and_nowhere_else(string location)
    {
        var inner = Directory.CreateDirectory(File("model")).FullName;
        System.IO.File.WriteAllBytes(File("secret.bin"), new byte[4800]);
        System.IO.File.CreateSymbolicLink(Path.Combine(inner, "link.bin"), File("secret.bin"));
        Directory.CreateSymbolicLink(Path.Combine(inner, "linked"), folder);
        var proto = Proto();
        var tensor = proto.Graph.Initializer.Single(i => i.Name == "w");
        tensor.ClearRawData();
        tensor.DataLocation = TensorProto.Types.DataLocation.External;
        tensor.ExternalData.Add(new StringStringEntryProto { Key = "location", Value = location });
        var path = Path.Combine(inner, "m.onnx");
        System.IO.File.WriteAllBytes(path, proto.ToByteArray());
        var problem = Assert.ThrowsExactly<ModelFormatException>(() => OnnxFile.Load(path));
        StringAssert.Contains(problem.Message, "'w'", StringComparison.Ordinal);
    }

    [TestMethod]
    [DataRow("offset", "9999999")]
    [DataRow("offset", "-4")]
    [DataRow("length", "12")]
    [DataRow("length", "many")]
    public void External_tensors_lie_within_their_file(string key, string value)
    {
        OnnxFile.Save(Sample(), File("m.onnx"), externalData: true);
        var proto = ModelProto.Parser.ParseFrom(System.IO.File.ReadAllBytes(File("m.onnx")));
        proto.Graph.Initializer.Single(i => i.Name == "w").ExternalData.Single(e => e.Key == key).Value = value;
        System.IO.File.WriteAllBytes(File("m.onnx"), proto.ToByteArray());
        Assert.ThrowsExactly<ModelFormatException>(() => OnnxFile.Load(File("m.onnx")));
    }

    [TestMethod]
    public void What_is_no_model_is_said_to_be_none()
    {
        System.IO.File.WriteAllText(File("text.onnx"), "Not a model, only words.");
        System.IO.File.WriteAllBytes(File("empty.onnx"), []);
        var whole = OnnxFile.ToBytes(Sample());
        System.IO.File.WriteAllBytes(File("cut.onnx"), whole[..(whole.Length / 2)]);
        foreach (var name in new[] { "text.onnx", "empty.onnx", "cut.onnx", "absent.onnx" })
            StringAssert.Contains(Assert.ThrowsExactly<ModelFormatException>(() => OnnxFile.Load(File(name))).Message, name, StringComparison.Ordinal);
        StringAssert.Contains(Assert.ThrowsExactly<ModelFormatException>(() => OnnxFile.Load(folder)).Message, "folder", StringComparison.Ordinal);
    }

    [TestMethod]
    public void Contradictions_in_a_file_are_refused()
    {
        foreach (var spoil in new Action<ModelProto>[]
        {
            p => p.Graph.Initializer[0].Dims[0] = 5,
            p => p.Graph.Initializer[0].Dims[0] = -4,
            p => p.Graph.Initializer[0].Dims.Add(long.MaxValue),
            p => p.Graph.Initializer[0].DataType = 99,
            p => p.Graph.Node[1].Input[0] = "nowhere",
            p => p.Graph.Node[0].Input[0] = "y",
            p => p.Graph.Node[1].Output[0] = "g",
            p => p.Graph.Output[0].Name = "nowhere",
            p => p.OpsetImport.Clear(),
            p => p.Graph.Node.Add(new NodeProto { OpType = "Constant" }),
        })
        {
            var proto = Proto();
            spoil(proto);
            Assert.ThrowsExactly<ModelFormatException>(() => Load(proto));
        }
    }

    // A long run over mutated files is a tool of its own; this short one keeps the promise honest: whatever the bytes, the documented errors.
    [TestMethod]
    [Timeout(60_000)]
    public void Whatever_the_bytes_the_errors_are_the_documented_ones()
    {
        var whole = OnnxFile.ToBytes(Sample());
        var random = new Random(5);
        for (var round = 0; round < 3_000; round++)
        {
            var bytes = (byte[])whole.Clone();
            // The weights lie in the middle; changes at both ends hit the structure.
            for (var changes = random.Next(1, 6); changes > 0; changes--)
                bytes[random.Next(2) == 0 ? random.Next(200) : bytes.Length - 1 - random.Next(200)] = (byte)random.Next(256);
            try
            {
                ModelImporter.Import(OnnxFile.Load(bytes));
            }
            catch (OnnxPriorsException)
            {
                // As documented.
            }
        }
    }

    private static ModelProto Proto() => ModelProto.Parser.ParseFrom(OnnxFile.ToBytes(Sample()));

    private static Model Load(ModelProto proto) => OnnxFile.Load(proto.ToByteArray());
}
