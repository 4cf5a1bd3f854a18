using OnnxPriors.Graphs;
using OnnxPriors.Onnx;
using OnnxPriors.Onnx.Protobuf;
using OnnxPriors.Tests.Engines;

namespace OnnxPriors.Tests.Onnx;

/// <summary>Large tensors stay on the disk until they are read, and pass through memory in pieces; what comes out is the same.</summary>
[TestClass]
public sealed class LargeTensorTests
{
    // Past the size from which a file is mapped, 32 MiB.
    private const int Rows = 3000, Columns = 3000;

    private readonly string folder = Directory.CreateTempSubdirectory("onnxpriors-").FullName;

    [TestCleanup]
    public void RemoveFolder() => Directory.Delete(folder, recursive: true);

    [TestMethod]
    public void A_large_file_is_mapped_and_its_tensors_in_initializers_constants_and_branches_are_the_same()
    {
        var weights = Ramp(Rows, Columns);
        var small = Ramp(200, 200);
        var model = new RawModel(17).Input("x", ElementType.Float, 2, Rows).Initializer("w", weights).Initializer("flag", TensorData.Of([true], []))
            .Node("MatMul", "x w", "h");
        model.Node("If", "flag", "y", Attributes.None
            .With("then_branch", model.Inner().Initializer("inner", Ramp(Columns, 40)).Node("MatMul", "h inner", "a").ToGraph("a"))
            .With("else_branch", model.Inner().Node("Neg", "h", "b").ToGraph("b")));
        var path = Path.Combine(folder, "m.onnx");
        OnnxFile.Save(model.ToModel("y"), path);
        // The large initializer follows the message's other fields; a reader that knows nothing of it must agree.
        var proto = ModelProto.Parser.ParseFrom(File.ReadAllBytes(path));
        Assert.IsTrue(proto.Graph.Initializer.Single(i => i.Name == "w").RawData.Span.SequenceEqual(weights.Bytes.Span));

        var constant = new NodeProto { OpType = "Constant", Output = { "c" } };
        constant.Attribute.Add(new AttributeProto { Name = "value", Type = AttributeProto.Types.AttributeType.Tensor, T = new TensorProto { DataType = 1, Dims = { 200, 200 }, RawData = Google.Protobuf.ByteString.CopyFrom(small.Bytes.Span) } });
        proto.Graph.Node.Insert(0, constant);
        proto.Graph.Output.Add(new ValueInfoProto { Name = "c" });
        using (var stream = File.Create(path))
            Google.Protobuf.MessageExtensions.WriteTo(proto, stream);

        var before = GC.GetAllocatedBytesForCurrentThread();
        var read = OnnxFile.Load(path).Graph;
        Assert.IsLessThan(8L << 20, GC.GetAllocatedBytesForCurrentThread() - before, "the tensors were not copied");
        Assert.IsTrue(read.Find("w")!.Data!.Bytes.Span.SequenceEqual(weights.Bytes.Span));
        Assert.IsTrue(read.Outputs[1].Data!.Bytes.Span.SequenceEqual(small.Bytes.Span));
        var inner = read.Nodes.Single(n => n.Op == "If").Attributes.Subgraph("then_branch")!.Parameters.Single(p => p.Name == "inner");
        Assert.IsTrue(inner.Data!.Bytes.Span.SequenceEqual(Ramp(Columns, 40).Bytes.Span));
    }

    [TestMethod]
    public void A_large_file_that_is_cut_short_is_refused()
    {
        var path = Path.Combine(folder, "m.onnx");
        OnnxFile.Save(new RawModel(17).Input("x", ElementType.Float, 2, Rows).Initializer("w", Ramp(Rows, Columns)).Node("MatMul", "x w", "y").ToModel("y"), path);
        using (var file = File.OpenWrite(path))
            file.SetLength(file.Length - 100);
        Assert.ThrowsExactly<ModelFormatException>(() => OnnxFile.Load(path));
    }

    [TestMethod]
    [DataRow(ElementType.Float16)]
    [DataRow(ElementType.BFloat16)]
    public void Sixteen_bit_tensors_are_widened_as_they_are_read_and_only_as_long_as_they_are_held(ElementType type)
    {
        var halves = Ramp(700, 700).ConvertTo(type);
        var before = GC.GetAllocatedBytesForCurrentThread();
        var wide = halves.ConvertTo(ElementType.Float);
        Assert.IsLessThan(100_000L, GC.GetAllocatedBytesForCurrentThread() - before, "nothing is made yet");
        var expected = halves.ToSingle();
        using var written = new MemoryStream();
        wide.WriteTo(written);
        Assert.IsTrue(written.ToArray().AsSpan().SequenceEqual(System.Runtime.InteropServices.MemoryMarshal.AsBytes(expected.AsSpan())));
        var part = new float[1000];
        wide.ReadSingles(123_456, part);
        Assert.AreSequenceEqual(expected[123_456..124_456], part);
        Assert.IsTrue(wide.Reshape(490, 1000).Span<float>().SequenceEqual(expected));
        Assert.AreSequenceEqual(expected, wide.ToSingle());
    }

    [TestMethod]
    public void Models_that_share_a_file_share_the_tensors_in_it()
    {
        var weights = Ramp(50, 50);
        using var stream = new MemoryStream();
        var writer = new ExternalDataWriter("shared.bin", stream);
        var first = writer.Append(weights);
        var other = writer.Append(Ramp(50, 50));
        Assert.AreEqual(first, writer.Append(weights));
        Assert.AreEqual(0, other % 4096);
        Assert.AreEqual(other + weights.Length, stream.Length);
    }

    private static TensorData Ramp(int rows, int columns)
    {
        var values = new float[rows * columns];
        for (var i = 0; i < values.Length; i++)
            values[i] = (i % 9973) / 9973f - 0.5f;
        return TensorData.Of(values, rows, columns);
    }
}
