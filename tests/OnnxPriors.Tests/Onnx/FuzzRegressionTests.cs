using OnnxPriors.Artifacts;
using OnnxPriors.Graphs;
using OnnxPriors.Importing;
using OnnxPriors.Normalization;
using OnnxPriors.Objectives;
using OnnxPriors.Tests.Engines;

namespace OnnxPriors.Tests.Onnx;

/// <summary>What tools/OnnxPriors.Fuzz found once, made small: each is refused, or read, as documented.</summary>
[TestClass]
public sealed class FuzzRegressionTests
{
    [TestMethod]
    public void An_operator_of_another_domain_that_reads_a_sequence_is_refused()
    {
        var model = new RawModel(17).Input("x", ElementType.Float, 3).Node("SequenceConstruct", "x x", "list").Node("Odd", "list", "y", domain: "elsewhere");
        Assert.ThrowsExactly<UnsupportedModelException>(() => ModelImporter.Import(model.ToModel("y")));
    }

    [TestMethod]
    public void A_number_that_is_an_output_itself_has_a_role()
    {
        var model = new RawModel(17).Input("x", ElementType.Float, 3).Initializer("w", TensorData.Of([2f], [])).Node("Mul", "x w", "y").Node("Identity", "w", "z");
        Assert.AreEqual(1, ModelImporter.Import(model.ToModel("y", "z")).Tensors.Length);
        Assert.AreEqual(1, ModelImporter.Import(new RawModel(17).Initializer("w", TensorData.Of([2f], [])).ToModel("w")).Tensors.Length);
    }

    [TestMethod]
    public void A_gradient_that_needs_a_rank_nobody_knows_is_refused_with_the_node()
    {
        var b = new GraphBuilder();
        var x = b.Input("x", ElementType.Float, null);
        var w = b.Parameter("w", TensorData.Of([1f, 2f, 3f], 3));
        var pooled = b.Emit("GlobalAveragePool", [x * w], nodeName: "pool")[0];
        var scores = b.Reshape(pooled, -1, 3);
        var graph = b.Build([("y", scores)]);
        var error = Assert.ThrowsExactly<OnnxPriors.Gradients.GradientException>(() => GradientModel.Build(graph, [.. graph.Parameters], new CrossEntropy()));
        Assert.AreEqual("pool", error.Nodes.Single().Node);
    }

    [TestMethod]
    public void An_attribute_with_a_list_of_tensors_is_written_again()
    {
        var model = new RawModel(17).Input("x", ElementType.Float, 3).Node("Relu", "x", "y", Attributes.None.With("odd", System.Collections.Immutable.ImmutableArray.Create(TensorData.Vector(1, 2))));
        Assert.AreNotEqual(0, OnnxPriors.Onnx.OnnxFile.ToBytes(ModelImporter.Import(model.ToModel("y")).ToModel()).Length);
    }

    [TestMethod]
    public void An_output_that_no_canonical_form_has_is_refused_by_name()
    {
        var model = new RawModel(17).Input("x", ElementType.Float, 1, 2, 4, 4).Node("Affine", "x", "y second");
        Assert.Contains("'second'", Assert.ThrowsExactly<UnsupportedModelException>(() => ModelImporter.Import(model.ToModel("y", "second"))).Message);
        model.Node("Neg", "second", "z", name: "reader");
        Assert.Contains("'reader'", Assert.ThrowsExactly<UnsupportedModelException>(() => ModelImporter.Import(model.ToModel("z"))).Message);
    }

    [TestMethod]
    public void A_number_beside_a_value_of_a_type_that_nothing_states_is_refused_with_the_node()
    {
        var model = new RawModel(24).Input("x", ElementType.Undefined, 3).Node("Swish", "x", "y", name: "act");
        Assert.Contains("'act'", Assert.ThrowsExactly<GraphException>(() => ModelImporter.Import(model.ToModel("y"))).Message);
        var quantised = new RawModel(17).Input("x", ElementType.Undefined, 3).Node("DynamicQuantizeLinear", "x", "q scale zero", name: "grid").Node("DequantizeLinear", "q scale zero", "y");
        Assert.Contains("'grid'", Assert.ThrowsExactly<GraphException>(() => ModelImporter.Import(quantised.ToModel("y"), new ImportOptions { Form = ImportForm.OwnHead })).Message);
    }

    [TestMethod]
    public void Extents_below_zero_are_refused_with_the_node()
    {
        var model = new RawModel(17).Input("x", ElementType.Float, 2, 3).Initializer("pads", TensorData.Vector(0, -9, 0, 0)).Node("Pad", "x pads", "y", name: "crop");
        var error = Assert.ThrowsExactly<GraphException>(() => ModelImporter.Import(model.ToModel("y")));
        StringAssert.Contains(error.Message, "'crop'");
    }

    [TestMethod]
    [DataRow(0L)]
    [DataRow(1L << 40)]
    public void Class_scores_of_no_class_or_of_more_than_memory_holds_are_refused(long classes)
    {
        var b = new GraphBuilder();
        var x = b.Input("x", ElementType.Float, [Dimension.Symbolic("batch"), 1]);
        var graph = b.Build([("y", b.Apply("Expand", [x * b.Parameter("w", TensorData.Of([1f], 1)), b.Ints(1, classes)]))]);
        if (classes > 0)
            Assert.ThrowsExactly<ObjectiveException>(() => GradientModel.Build(graph, [.. graph.Parameters], new CrossEntropy()));
        else
            Assert.Throws<OnnxPriorsException>(() => GradientModel.Build(graph, [.. graph.Parameters], new CrossEntropy()));
    }
}
