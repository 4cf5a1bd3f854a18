using OnnxPriors.Graphs;
using OnnxPriors.Importing;
using OnnxPriors.Tests.Engines;

namespace OnnxPriors.Tests.Importing;

[TestClass]
public sealed class SegmentationHeadTests
{
    private static Attributes With(params (string Name, object Value)[] all) => all.Aggregate(Attributes.None, (a, p) => a.With(p.Name, p.Value));

    private static TensorData Weights(params long[] shape) => OnnxRuntime.Normal(Shape.Of(shape), shape.Length);

    // The last map is [N, 6, 12, 16]; a classifier of two layers stands behind its mean, as in MobileNetV3.
    private static RawModel Backbone(long side = 24) => new RawModel(13)
        .Input("x", ElementType.Float, 1, 3, side, side + 8)
        .Initializer("w1", Weights(6, 3, 3, 3)).Initializer("w2", Weights(8, 6)).Initializer("w3", Weights(5, 8))
        .Node("Conv", "x w1", "c1", With(("strides", (long[])[2, 2]), ("pads", (long[])[1, 1, 1, 1])))
        .Node("Relu", "c1", "maps").Node("GlobalAveragePool", "maps", "pooled").Node("Flatten", "pooled", "flat")
        .Node("Gemm", "flat w2", "h", With(("transB", 1))).Node("HardSwish", "h", "h2").Node("Gemm", "h2 w3", "y", With(("transB", 1)));

    private static ImportOptions Options(HeadForm head) => new() { Form = ImportForm.NewHead, Classes = 4, Head = head, PyramidWidth = 10 };

    [TestMethod]
    [DataRow(HeadForm.Fcn)]
    [DataRow(HeadForm.Aspp)]
    public void Scores_of_every_pixel_grow_on_the_last_map_before_the_pooling(HeadForm head)
    {
        var imported = ModelImporter.Import(Backbone().ToModel("y"), Options(head));
        Assert.AreEqual("maps", imported.Split!.Features.Name);
        Assert.AreEqual("[batch, 4, 24, 32]", imported.Logits!.Shape!.ToString());
        CollectionAssert.AreEqual(new[] { "w1" }, imported.Tensors.Where(t => t.Part == ModelPart.Features).Select(t => t.Name).ToArray());
        var own = imported.Tensors.Where(t => t.Part == ModelPart.Head).ToDictionary(t => t.Name, t => t.Tensor.Shape!.ToString(), StringComparer.Ordinal);
        Assert.AreEqual(head == HeadForm.Aspp ? "[4, 10, 1, 1]" : "[4, 6, 1, 1]", own["head.weight"]);
        Assert.HasCount(head == HeadForm.Aspp ? 2 + 2 * 5 + 3 : 2, own);
        Assert.IsTrue(imported.Tensors.All(t => t.Use == TensorUse.Trainable));
        var scores = OnnxRuntime.Run(imported.ToModel(), new Dictionary<string, TensorData> { ["x"] = OnnxRuntime.Normal(Shape.Of(2, 3, 24, 32), 3) })["logits"];
        Assert.AreEqual("[2, 4, 24, 32]", scores.Shape.ToString());
    }

    [TestMethod]
    [DataRow(12L, 1L)]
    [DataRow(66L, 6L)]
    [DataRow(200L, 6L)]
    public void Dilations_keep_to_the_size_of_the_map(long side, long unit)
    {
        var imported = ModelImporter.Import(Backbone(side).ToModel("y"), Options(HeadForm.Aspp));
        var dilations = imported.Graph.Nodes.Where(n => n.Op == "Conv" && n.Attributes.Ints("kernel_shape") is [3, 3] && n.Attributes.Ints("dilations") is not null && n.Name.StartsWith("head", StringComparison.Ordinal))
            .Select(n => n.Attributes.Ints("dilations")![0]).ToArray();
        CollectionAssert.AreEqual(new[] { unit, 2 * unit, 3 * unit }, dilations);
    }

    [TestMethod]
    public void A_network_that_scores_pixels_loses_its_own_last_layer()
    {
        var model = new RawModel(13)
            .Input("x", ElementType.Float, 1, 3, 16, 16)
            .Initializer("w1", Weights(6, 3, 3, 3)).Initializer("w2", Weights(21, 6, 1, 1)).Initializer("roi", TensorData.Of(Array.Empty<float>(), 0)).Initializer("scales", TensorData.Of([1f, 1, 2, 2], 4))
            .Node("Conv", "x w1", "c1", With(("strides", (long[])[2, 2]), ("pads", (long[])[1, 1, 1, 1]))).Node("Relu", "c1", "maps")
            .Node("Conv", "maps w2", "small").Node("Resize", "small roi scales", "out", With(("mode", "linear"))).ToModel("out");
        var imported = ModelImporter.Import(model, Options(HeadForm.Fcn));
        Assert.AreEqual("maps", imported.Split!.Features.Name);
        Assert.AreEqual("[batch, 4, 16, 16]", imported.Logits!.Shape!.ToString());
        CollectionAssert.AreEqual(new[] { "w1", "head.weight", "head.bias" }, imported.Tensors.Select(t => t.Name).ToArray());
    }

    [TestMethod]
    public void A_model_without_maps_is_refused_with_what_to_do()
    {
        var flat = new RawModel(13).Input("x", ElementType.Float, 1, 4).Initializer("w", Weights(3, 4)).Node("Gemm", "x w", "y", With(("transB", 1)));
        var error = Assert.ThrowsExactly<ImportException>(() => ModelImporter.Import(flat.ToModel("y"), Options(HeadForm.Fcn)));
        Assert.Contains("--features VALUE", error.Message);
    }
}
