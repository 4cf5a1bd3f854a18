using OnnxPriors.Graphs;
using OnnxPriors.Importing;
using OnnxPriors.Tests.Engines;

namespace OnnxPriors.Tests.Importing;

[TestClass]
public sealed class SplitTests
{
    private static Attributes With(params (string Name, object Value)[] all) => all.Aggregate(Attributes.None, (a, p) => a.With(p.Name, p.Value));

    private static TensorData Weights(params long[] shape) => OnnxRuntime.Normal(Shape.Of(shape), shape.Length);

    private static RawModel Perceptron() => new RawModel(13)
        .Input("x", ElementType.Float, Dimension.Symbolic("n"), 4)
        .Initializer("w1", Weights(8, 4)).Initializer("b1", Weights(8))
        .Initializer("w2", Weights(8, 3)).Initializer("b2", Weights(3))
        .Node("Gemm", "x w1 b1", "hidden", With(("transB", 1)), "first")
        .Node("Relu", "hidden", "features");

    private static RawModel Maps() => new RawModel(13)
        .Input("x", ElementType.Float, 1, 3, 8, 8)
        .Initializer("w1", Weights(5, 3, 3, 3))
        .Initializer("w2", Weights(4, 5, 1, 1)).Initializer("b2", Weights(4))
        .Node("Conv", "x w1", "c1").Node("Relu", "c1", "maps")
        .Node("Conv", "maps w2 b2", "c2", null, "classifier").Node("Relu", "c2", "r2").Node("GlobalAveragePool", "r2", "pooled");

    [TestMethod]
    public void A_matrix_product_and_the_addition_of_its_bias_are_one_layer()
    {
        var model = Perceptron().Node("MatMul", "features w2", "product", null, "last").Node("Add", "product b2", "y").ToModel("y");
        var imported = ModelImporter.Import(model, new() { Form = ImportForm.OwnHead });
        Assert.AreEqual("features", imported.Split!.Features.Name);
        Assert.AreEqual("last", imported.Split.Layer!.Name);
        CollectionAssert.AreEquivalent(new[] { "w2", "b2" }, imported.Tensors.Where(t => t.Part == ModelPart.Head).Select(t => t.Name).ToArray());
    }

    [TestMethod]
    public void A_convolution_before_global_pooling_is_the_head()
    {
        var model = Maps().Node("Softmax", "pooled", "y", With(("axis", 1))).ToModel("y");
        var imported = ModelImporter.Import(model, new() { Form = ImportForm.NewHead, Classes = 7 });
        Assert.AreEqual("maps", imported.Split!.Features.Name);
        Assert.AreEqual("[batch, 7]", imported.Logits!.Shape!.ToString());
        CollectionAssert.AreEqual(new[] { "w1", "head.weight", "head.bias" }, imported.Tensors.Select(t => t.Name).ToArray());
        CollectionAssert.AreEqual(new[] { "Conv", "Relu", "GlobalAveragePool", "Flatten", "Gemm" }, imported.Graph.Nodes.Select(n => n.Op).ToArray());
    }

    [TestMethod]
    public void Own_scores_lose_their_softmax_and_their_places()
    {
        var model = Maps().Node("Softmax", "pooled", "y", With(("axis", 1))).ToModel("y");
        var imported = ModelImporter.Import(model, new() { Form = ImportForm.OwnHead });
        Assert.AreEqual("[batch, 4]", imported.Logits!.Shape!.ToString());
        Assert.AreEqual(4, imported.Classes);
        Assert.IsFalse(imported.Graph.Nodes.Any(n => n.Op == "Softmax"));
        var x = OnnxRuntime.Normal(Shape.Of(1, 3, 8, 8), 3);
        var inputs = new Dictionary<string, TensorData> { ["x"] = x };
        var probabilities = OnnxRuntime.Run(model, inputs)["y"].ToDouble();
        var scores = OnnxRuntime.Run(imported.ToModel(), inputs)["logits"].ToDouble().Select(Math.Exp).ToArray();
        for (var i = 0; i < 4; i++)
            Assert.AreEqual(probabilities[i], scores[i] / scores.Sum(), 1e-6);
    }

    [TestMethod]
    public void Two_last_layers_are_refused_and_named()
    {
        var model = Perceptron().Initializer("w3", Weights(4, 3))
            .Node("MatMul", "features w2", "left", null, "one").Node("MatMul", "x w3", "right", null, "other").Node("Add", "left right", "y").ToModel("y");
        var problem = Assert.ThrowsExactly<ImportException>(() => ModelImporter.Import(model, new() { Form = ImportForm.NewHead, Classes = 3 }));
        StringAssert.Contains(problem.Message, "'features' (into MatMul node 'one')", StringComparison.Ordinal);
        StringAssert.Contains(problem.Message, "'x' (into MatMul node 'other')", StringComparison.Ordinal);
        StringAssert.Contains(problem.Message, "--features", StringComparison.Ordinal);
        // A named value settles it.
        var imported = ModelImporter.Import(model, new() { Form = ImportForm.NewHead, Classes = 3, Features = "features" });
        CollectionAssert.AreEqual(new[] { "w1", "b1", "head.weight", "head.bias" }, imported.Tensors.Select(t => t.Name).ToArray());
    }

    [TestMethod]
    public void Features_can_be_named_by_value_by_node_and_by_a_value_that_vanished()
    {
        var model = Perceptron().Node("Dropout", "features", "dropped", null, "drop").Node("MatMul", "dropped w2", "y").ToModel("y");
        foreach (var name in new[] { "features", "dropped", "drop" })
            Assert.AreEqual("features", ModelImporter.Import(model, new() { Form = ImportForm.NewHead, Classes = 2, Features = name }).Split!.Features.Name, name);
        Assert.AreEqual("hidden", ModelImporter.Import(model, new() { Form = ImportForm.NewHead, Classes = 2, Features = "first" }).Split!.Features.Name);
        foreach (var name in new[] { "nowhere", "x", "w1" })
            Assert.ThrowsExactly<ImportException>(() => ModelImporter.Import(model, new() { Form = ImportForm.NewHead, Classes = 2, Features = name }), name);
    }

    [TestMethod]
    public void A_fresh_head_is_uniform_within_its_bound_and_follows_its_seed()
    {
        var model = Perceptron().Node("MatMul", "features w2", "y").ToModel("y");
        float[] Head(ulong seed) => ModelImporter.Import(model, new() { Form = ImportForm.NewHead, Classes = 500, Seed = seed })
            .Tensors.Single(t => t.Name == "head.weight").Tensor.Data!.ToSingle();
        var values = Head(1);
        var bound = 1 / Math.Sqrt(8);
        Assert.IsTrue(values.All(v => Math.Abs(v) <= bound));
        // The mean of 4,000 such numbers has a standard error of bound/√12,000, the mean square one of 0.3 bound²/√4,000.
        Assert.AreEqual(0, values.Average(), 5 * bound / Math.Sqrt(12_000));
        Assert.AreEqual(bound * bound / 3, values.Average(v => (double)v * v), 5 * 0.3 * bound * bound / Math.Sqrt(4_000));
        CollectionAssert.AreEqual(values, Head(1));
        CollectionAssert.AreNotEqual(values, Head(2));
    }

    [TestMethod]
    public void A_fresh_head_does_not_take_a_name_of_the_file()
    {
        var model = new RawModel(13).Input("x", ElementType.Float, 2, 4).Initializer("head.weight", Weights(4, 6)).Initializer("w", Weights(6, 2))
            .Node("MatMul", "x head.weight", "h").Node("MatMul", "h w", "y").ToModel("y");
        var imported = ModelImporter.Import(model, new() { Form = ImportForm.NewHead, Classes = 3 });
        CollectionAssert.AreEqual(new[] { "head.weight", "head.weight_1", "head.bias" }, imported.Tensors.Select(t => t.Name).ToArray());
    }

    [TestMethod]
    public void What_cannot_be_a_head_is_refused()
    {
        var model = Perceptron().Node("MatMul", "features w2", "y").ToModel("y");
        Assert.ThrowsExactly<ImportException>(() => ModelImporter.Import(model, new() { Form = ImportForm.NewHead }));
        Assert.ThrowsExactly<ImportException>(() => ModelImporter.Import(model, new() { Form = ImportForm.NewHead, Classes = 1 }));
        var bare = new RawModel(13).Input("x", ElementType.Float, 2, 4).Node("Relu", "x", "y").ToModel("y");
        StringAssert.Contains(Assert.ThrowsExactly<ImportException>(() => ModelImporter.Import(bare, new() { Form = ImportForm.NewHead, Classes = 3 })).Message, "No layer", StringComparison.Ordinal);
        var maps = Maps().ToModel("maps");
        StringAssert.Contains(Assert.ThrowsExactly<ImportException>(() => ModelImporter.Import(maps, new() { Form = ImportForm.OwnHead })).Message, "'maps'", StringComparison.Ordinal);
    }

    [TestMethod]
    public void One_of_several_outputs_is_named()
    {
        var model = Perceptron().Node("MatMul", "features w2", "a").Node("Add", "a b2", "b").ToModel("a", "b");
        StringAssert.Contains(Assert.ThrowsExactly<ImportException>(() => ModelImporter.Import(model, new() { Form = ImportForm.OwnHead })).Message, "--output", StringComparison.Ordinal);
        Assert.IsTrue(ModelImporter.Import(model, new() { Form = ImportForm.OwnHead, Output = "b" }).Tensors.Any(t => t.Name == "b2"));
        Assert.IsFalse(ModelImporter.Import(model, new() { Form = ImportForm.OwnHead, Output = "a" }).Tensors.Any(t => t.Name == "b2"));
        Assert.ThrowsExactly<ImportException>(() => ModelImporter.Import(model, new() { Form = ImportForm.OwnHead, Output = "c" }));
    }

    [TestMethod]
    public void Attention_has_no_part_in_the_choice_of_the_softmax_and_the_last_layer()
    {
        // Scores of queries over themselves, then a layer: the inner Softmax stays, the last layer alone is the head.
        var model = new RawModel(13).Input("x", ElementType.Float, 1, 5, 8)
            .Initializer("q", Weights(8, 8)).Initializer("w", Weights(8, 3)).Initializer("zero", TensorData.Of([0L], []))
            .Node("MatMul", "x q", "k").Node("Transpose", "k", "t", With(("perm", new long[] { 0, 2, 1 })))
            .Node("MatMul", "k t", "s").Node("Softmax", "s", "p").Node("MatMul", "p k", "v")
            .Node("Gather", "v zero", "token", With(("axis", 1))).Node("MatMul", "token w", "scores").Node("Softmax", "scores", "y").ToModel("y");
        var imported = ModelImporter.Import(model, new() { Form = ImportForm.OwnHead });
        Assert.AreEqual("token", imported.Split!.Features.Name);
        Assert.AreEqual(1, imported.Graph.Nodes.Count(n => n.Op == "Softmax"));
    }
}
