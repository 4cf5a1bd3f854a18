using System.Collections.Immutable;
using OnnxPriors.Graphs;
using OnnxPriors.Importing;
using OnnxPriors.Normalization;
using OnnxPriors.Onnx;
using OnnxPriors.Testing;
using OnnxPriors.Tests.Engines;

namespace OnnxPriors.Tests.Normalization;

[TestClass]
public sealed class PassTests
{
    private static TensorData Weights(params long[] shape) => OnnxRuntime.Normal(Shape.Of(shape), shape.Length);

    private static Attributes With(params (string Name, object Value)[] all) => all.Aggregate(Attributes.None, (a, p) => a.With(p.Name, p.Value));

    [TestMethod]
    [RequiresShared]
    [DataRow("squeezenet-imagenet-caffe2-fp16.onnx", GraphForm.AsFile)]
    [DataRow("squeezenet-imagenet-caffe2-fp16.onnx", GraphForm.Training)]
    [DataRow("efficientnet-lite0-imagenet-pytorch.onnx", GraphForm.Training)]
    [DataRow("mnist-cnn-cntk.onnx", GraphForm.Training)]
    public void Every_pass_finds_what_it_requires_and_leaves_what_it_ensures(string file, GraphForm form)
    {
        var model = OnnxFile.Load(SharedFiles.Path("models/" + file));
        var context = new NormalizationContext(model, new() { Form = form });
        var graph = model.Graph;
        foreach (var pass in Normalizer.Passes)
        {
            Assert.IsTrue(pass.Requires.Holds(graph), $"{pass.Name} requires {pass.Requires.Text}");
            graph = pass.Run(graph, context);
            Assert.IsTrue(pass.Ensures.Holds(graph), $"{pass.Name} ensures {pass.Ensures.Text}");
        }
        foreach (var pass in Normalizer.Passes)
            Assert.IsTrue(pass.Ensures.Holds(graph), $"what {pass.Name} ensures is lost in the end: {pass.Ensures.Text}");
    }

    [TestMethod]
    public void The_conditions_of_passes_can_fail()
    {
        var half = new RawModel(13).Input("x", ElementType.Float16, 2, 3).Node("Dropout", "x", "y").ToModel("y");
        var context = new NormalizationContext(half, new());
        Assert.IsFalse(GraphCondition.Canonical.Holds(half.Graph));
        var graph = Normalizer.Passes.Single(p => p.Name == "upgrade-operators").Run(half.Graph, context);
        Assert.IsTrue(GraphCondition.Canonical.Holds(graph));
        Assert.IsFalse(Normalizer.Passes.Single(p => p.Name == "widen-half").Ensures.Holds(graph));
        Assert.IsFalse(Normalizer.Passes.Single(p => p.Name == "drop-dropout").Ensures.Holds(graph));
    }

    [TestMethod]
    public void Passes_have_names_of_their_own_and_say_whether_they_changed_anything()
    {
        Assert.AreEqual(Normalizer.Passes.Length, Normalizer.Passes.Select(p => p.Name).Distinct().Count());
        var model = new RawModel(13).Input("x", ElementType.Float, 2, 3).Node("Dropout", "x", "d").Node("Relu", "d", "y").ToModel("y");
        var reports = Normalizer.Run(model).Passes;
        Assert.IsTrue(reports.Single(r => r.Pass == "drop-dropout").Changed);
        Assert.IsFalse(reports.Single(r => r.Pass == "widen-half").Changed);
        Assert.AreEqual(1, reports[^1].NodesAfter);
    }

    [TestMethod]
    public void The_documentation_lists_the_passes_in_their_order()
    {
        var rows = File.ReadLines(Path.Combine(SharedFiles.Checkout, "docs", "import.md")).Where(l => l.StartsWith("| ", StringComparison.Ordinal))
            .Select(l => l.Split('|')[1].Trim()).Where(n => n.Contains('-', StringComparison.Ordinal) && !n.StartsWith('-'));
        CollectionAssert.AreEqual(Normalizer.Passes.Select(p => p.Name).ToArray(), rows.ToArray());
    }

    [TestMethod]
    public void All_unsupported_nodes_are_named_at_once_with_what_to_do()
    {
        var model = new RawModel(13).Input("x", ElementType.Float, 2, 3)
            .Node("Custom", "x", "a", null, "one", "my.domain").Node("Custom", "a", "b", null, "two", "my.domain")
            .Node("StringNormalizer", "b", "c", null, "three").Node("MatMul", "c x", "d").Node("Frobnicate", "d", "e", null, "four")
            .Node("Relu", "e", "y").ToModel("y");
        var problem = Assert.ThrowsExactly<UnsupportedModelException>(() => Normalizer.Run(model));
        CollectionAssert.AreEqual(new[] { "one", "two", "three", "four" }, problem.Nodes.Select(n => n.Node).ToArray());
        foreach (var part in new[] { "4 nodes", "my.domain.Custom ('one', 'two')", "StringNormalizer ('three')", "Frobnicate ('four')", "text is not numbers" })
            StringAssert.Contains(problem.Message, part, StringComparison.Ordinal);
        Assert.IsTrue(problem.Nodes.All(n => n.Advice.Length > 10));
        var survey = ModelSurvey.Of(model);
        Assert.IsNull(survey.Imported);
        Assert.HasCount(4, survey.Unsupported);
        Assert.AreEqual(2, survey.Operators.Single(o => o.Op == "my.domain.Custom").Count);
    }

    [TestMethod]
    [DataRow(-1L, "oldest")]
    [DataRow(29L, "newest")]
    [DataRow(0L, "does not say")]
    public void Opsets_outside_of_what_is_read_are_refused(long opset, string part)
    {
        var model = new RawModel(opset).Input("x", ElementType.Float, 2, 3).Node("Relu", "x", "y").ToModel("y");
        StringAssert.Contains(Assert.ThrowsExactly<NormalizationException>(() => Normalizer.Run(model)).Message, part, StringComparison.Ordinal);
    }

    [TestMethod]
    public void A_bound_input_is_a_constant_and_what_follows_from_it_folds()
    {
        var model = new RawModel(13).Input("x", ElementType.Float, Dimension.Symbolic("n"), 6).Input("parts", ElementType.Int64)
            .Initializer("rest", TensorData.Vector(-1)).Initializer("axis", TensorData.Vector(0)).Initializer("zero", TensorData.Vector(0))
            .Node("Unsqueeze", "parts axis", "p").Node("Concat", "zero p rest", "t", With(("axis", 0))).Node("Reshape", "x t", "y").ToModel("y");
        var graph = Normalizer.Run(model, new() { Bindings = [InputBinding.Parse("parts=3")] }).Graph;
        Assert.AreEqual("x", graph.Inputs.Single().Name);
        Assert.AreEqual("[n, 3, 2]", graph.Outputs[0].Shape!.ToString());
        CollectionAssert.AreEqual(new[] { "Reshape" }, graph.Nodes.Select(n => n.Op).ToArray());
        StringAssert.Contains(
            Assert.ThrowsExactly<NormalizationException>(() => Normalizer.Run(model, new() { Bindings = [InputBinding.Parse("other=3")] })).Message, "'parts'", StringComparison.Ordinal);
        foreach (var text in new[] { "parts", "=3", "parts=many" })
            Assert.ThrowsExactly<NormalizationException>(() => InputBinding.Parse(text), text);
        Assert.ThrowsExactly<NormalizationException>(() => Normalizer.Run(model, new() { Bindings = [InputBinding.Parse("parts=3,4")] }));
    }

    [TestMethod]
    [DataRow("true", "Relu")]
    [DataRow("false", "Tanh")]
    public void A_branch_with_a_known_condition_is_taken(string condition, string op)
    {
        var x = new RawModel(13).Input("x", ElementType.Float, 2, 3).Input("flag", ElementType.Bool);
        var outer = x.ToGraph("x", "flag");
        var model = x.Node("If", "flag", "b", With(("then_branch", Branch("Relu")), ("else_branch", Branch("Tanh")))).Node("Neg", "b", "y").ToModel("y");
        var graph = Normalizer.Run(model, new() { Bindings = [InputBinding.Parse($"flag={condition}")] }).Graph;
        CollectionAssert.AreEqual(new[] { op, "Neg" }, graph.Nodes.Select(n => n.Op).ToArray());
        var problem = Assert.ThrowsExactly<UnsupportedModelException>(() => Normalizer.Run(model));
        StringAssert.Contains(problem.Message, "--bind", StringComparison.Ordinal);

        Graph Branch(string name)
        {
            var result = new Value($"{name}_out", ValueKind.Computed, ElementType.Undefined, null);
            return new("branch", [], [result], [new Node(name, "", "", [outer.Inputs[0]], [result], Attributes.None)]);
        }
    }

    [TestMethod]
    [DataRow(ElementType.Float16)]
    [DataRow(ElementType.BFloat16)]
    public void Half_precision_becomes_float32_and_casts_vanish(ElementType half)
    {
        var weights = Weights(3, 4);
        var model = new RawModel(13).Input("x", half, 2, 3).Initializer("w", weights.ConvertTo(half)).Initializer("b", Weights(4))
            .Node("MatMul", "x w", "m").Node("Cast", "m", "f", With(("to", ElementType.Float))).Node("Add", "f b", "s").Node("Cast", "s", "y", With(("to", half))).ToModel("y");
        var training = Normalizer.Run(model, new() { Form = GraphForm.Training }).Graph;
        CollectionAssert.AreEqual(new[] { "MatMul", "Add" }, training.Nodes.Select(n => n.Op).ToArray());
        CollectionAssert.AreEqual(new[] { "w", "b" }, training.Parameters.Select(p => p.Name).ToArray());
        CollectionAssert.AreEqual(weights.ConvertTo(half).ToSingle(), training.Parameters.First().Data!.ToSingle());
        Assert.IsTrue(training.Inputs.Concat(training.Outputs).All(v => v.Type == ElementType.Float));
        var asFile = Normalizer.Run(model).Graph;
        // Arrays on disk have no bfloat16: there the edge is float32 too.
        var edge = half == ElementType.Float16 ? ElementType.Float16 : ElementType.Float;
        Assert.IsTrue(asFile.Inputs.Concat(asFile.Outputs).All(v => v.Type == edge));
    }

    [TestMethod]
    public void Normalisation_training_statistics_are_left_for_comparison_and_frozen_for_training()
    {
        var model = new RawModel(14).Input("x", ElementType.Float, 4, 3, 2, 2);
        foreach (var name in new[] { "s", "b", "m" })
            model.Initializer(name, Weights(3));
        var file = model.Initializer("v", TensorData.Of([1f, 2, 3], 3))
            .Node("BatchNormalization", "x s b m v", "y rm rv", With(("training_mode", 1))).ToModel("y");
        Assert.IsTrue(Normalizer.Run(file).Graph.Nodes[0].Attributes.Flag("training_mode"));
        var frozen = Normalizer.Run(file, new() { Form = GraphForm.Training }).Graph;
        Assert.IsFalse(frozen.Nodes[0].Attributes.Flag("training_mode"));
        Assert.HasCount(1, frozen.Nodes[0].Outputs);
    }

    [TestMethod]
    public void Running_statistics_that_share_a_tensor_are_told_apart()
    {
        // As an exporter writes an untrained network: all zeros are one tensor, all ones another.
        var file = new RawModel(14).Input("x", ElementType.Float, 1, 3, 2, 2)
            .Initializer("zeros", TensorData.Of([0f, 0, 0], 3)).Initializer("ones", TensorData.Of([1f, 1, 1], 3))
            .Node("BatchNormalization", "x ones zeros zeros ones", "h").Node("BatchNormalization", "h ones zeros zeros ones", "y").ToModel("y");
        var roles = ModelImporter.Import(file).Tensors;
        Assert.AreSequenceEqual(["zeros", "ones"], roles.Where(role => role.Use == TensorUse.Trainable).Select(role => role.Name).OrderDescending());
        Assert.HasCount(6, roles);
        var graph = Normalizer.Run(file, new() { Form = GraphForm.Training }).Graph;
        CollectionAssert.AreEquivalent(
            new[] { "zeros", "ones", "zeros.mean", "ones.variance", "zeros.mean_1", "ones.variance_1" }, graph.Parameters.Select(p => p.Name).ToArray());
        var statistics = graph.Nodes.SelectMany(n => n.Inputs.Skip(3)).ToList();
        Assert.AreEqual(4, statistics.Distinct().Count());
        Assert.IsTrue(graph.Nodes.All(n => n.Input(1).Name == "ones" && n.Input(2).Name == "zeros"));
    }

    [TestMethod]
    public void Sizes_of_images_and_shapes_of_inputs_can_be_given()
    {
        var model = new RawModel(13).Input("x", ElementType.Float, Dimension.Symbolic("n"), 3, Dimension.Symbolic("h"), Dimension.Unknown)
            .Initializer("w", Weights(4, 3, 3, 3)).Node("Conv", "x w", "y", With(("strides", new long[] { 2, 2 }))).ToModel("y");
        Assert.AreEqual("[n, 4, 15, 15]", Normalizer.Run(model, new() { ImageSize = 32 }).Graph.Outputs[0].Shape!.ToString());
        var shapes = ImmutableSortedDictionary<string, Shape>.Empty.Add("x", Shape.Of(2, 3, 9, 7));
        Assert.AreEqual("[2, 4, 4, 3]", Normalizer.Run(model, new() { InputShapes = shapes }).Graph.Outputs[0].Shape!.ToString());
        Assert.ThrowsExactly<NormalizationException>(() => Normalizer.Run(model, new() { InputShapes = shapes.SetItem("x", Shape.Of(2, 3)) }));
        Assert.ThrowsExactly<NormalizationException>(() => Normalizer.Run(model, new() { InputShapes = shapes.Add("z", Shape.Of(2, 3)) }));
        var last = new RawModel(13).Input("x", ElementType.Float, 1, Dimension.Symbolic("h"), Dimension.Symbolic("w"), 3).Node("Relu", "x", "y").ToModel("y");
        Assert.AreEqual("[1, 20, 20, 3]", Normalizer.Run(last, new() { ImageSize = 20 }).Graph.Outputs[0].Shape!.ToString());
    }
}
