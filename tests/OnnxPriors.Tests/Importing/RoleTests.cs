using OnnxPriors.Graphs;
using OnnxPriors.Importing;
using OnnxPriors.Onnx;
using OnnxPriors.Tests.Engines;

namespace OnnxPriors.Tests.Importing;

[TestClass]
public sealed class RoleTests
{
    private static TensorData Weights(params long[] shape) => OnnxRuntime.Normal(Shape.Of(shape), shape.Length);

    /// <summary>Preparation of the input, a normalised convolution with a weight in a Constant node, a bound, a 0.5, a Resize and a layer.</summary>
    private static Model Network() => new RawModel(13)
        .Input("x", ElementType.Float, 1, 3, 8, 8)
        .Initializer("mean", Weights(1, 3, 1, 1))
        .Initializer("kernel", Weights(4, 3, 3, 3), isLiteral: true)
        .Initializer("scale", Weights(4)).Initializer("shift", Weights(4)).Initializer("running_mean", Weights(4))
        .Initializer("running_variance", TensorData.Of([1f, 2, 3, 4], 4))
        .Initializer("six", TensorData.Of([6f], []), isLiteral: true)
        .Initializer("zero", TensorData.Of([0f], []), isLiteral: true)
        .Initializer("half", TensorData.Of([0.5f], []))
        .Initializer("layer_scale", Weights(4, 1, 1))
        .Initializer("scales", TensorData.Of([1f, 1, 2, 2], 4))
        .Initializer("w", Weights(4, 5)).Initializer("b", Weights(5))
        .Initializer("unused", Weights(9))
        .Initializer("threshold", Weights(4, 1, 1))
        .Node("Sub", "x mean", "prepared")
        .Node("Conv", "prepared kernel", "c", null, "conv")
        .Node("BatchNormalization", "c scale shift running_mean running_variance", "n", null, "norm")
        .Node("Clip", "n zero six", "r").Node("Mul", "r half", "h").Node("Mul", "h layer_scale", "l")
        .Node("Greater", "l threshold", "mask").Node("Cast", "mask", "m", Attributes.None.With("to", ElementType.Float)).Node("Mul", "l m", "lm")
        .Node("Resize", "lm _ scales", "u")
        .Node("GlobalAveragePool", "u", "g").Node("Flatten", "g", "f").Node("Gemm", "f w b", "y", null, "last").ToModel("y");

    [TestMethod]
    public void Weights_train_and_numbers_of_formulas_do_not()
    {
        var roles = ModelImporter.Import(Network(), new() { Form = ImportForm.OwnHead }).Tensors;
        CollectionAssert.AreEquivalent(new[] { "kernel", "scale", "shift", "layer_scale", "w", "b" }, Names(roles, TensorUse.Trainable));
        CollectionAssert.AreEquivalent(new[] { "running_mean", "running_variance" }, Names(roles, TensorUse.Buffer));
        CollectionAssert.AreEquivalent(new[] { "mean", "six", "zero", "half", "scales", "threshold" }, Names(roles, TensorUse.Constant));
        Assert.IsFalse(roles.Any(r => r.Reason.Length == 0));
    }

    [TestMethod]
    public void Asked_for_every_float_tensor_only_what_has_no_derivative_stays_out()
    {
        var roles = ModelImporter.Import(Network(), new() { Form = ImportForm.OwnHead, Policy = TrainablePolicy.EveryFloat }).Tensors;
        CollectionAssert.AreEquivalent(new[] { "mean", "kernel", "scale", "shift", "half", "layer_scale", "w", "b" }, Names(roles, TensorUse.Trainable));
        CollectionAssert.AreEquivalent(new[] { "six", "zero", "scales", "threshold" }, Names(roles, TensorUse.Constant));
    }

    [TestMethod]
    [DataRow("head", "w b")]
    [DataRow("from:norm", "scale shift layer_scale w b")]
    [DataRow("from:l", "layer_scale w b")]
    [DataRow("from:kernel", "kernel scale shift layer_scale w b")]
    [DataRow("s*", "scale shift")]
    [DataRow("?, layer_*", "w b layer_scale")]
    [DataRow("all", "kernel scale shift layer_scale w b")]
    public void A_selection_trains_what_it_names(string selection, string expected)
    {
        var roles = ModelImporter.Import(Network(), new() { Form = ImportForm.OwnHead, Train = selection }).Tensors;
        CollectionAssert.AreEquivalent(expected.Split(' '), Names(roles, TensorUse.Trainable));
        CollectionAssert.AreEquivalent(
            new[] { "kernel", "scale", "shift", "layer_scale", "w", "b" },
            roles.Where(r => r.Use is TensorUse.Trainable or TensorUse.Frozen).Select(r => r.Name).ToArray());
    }

    [TestMethod]
    [DataRow("from:nowhere")]
    [DataRow("nothing*")]
    [DataRow("")]
    [DataRow("running_*")]
    public void A_selection_of_nothing_is_refused(string selection) =>
        Assert.ThrowsExactly<ImportException>(() => ModelImporter.Import(Network(), new() { Form = ImportForm.OwnHead, Train = selection }));

    [TestMethod]
    public void A_fresh_head_trains_whatever_else_is_selected()
    {
        var roles = ModelImporter.Import(Network(), new() { Form = ImportForm.NewHead, Classes = 3, Train = "scale" }).Tensors;
        CollectionAssert.AreEquivalent(new[] { "scale", "head.weight", "head.bias" }, Names(roles, TensorUse.Trainable));
        roles = ModelImporter.Import(Network(), new() { Form = ImportForm.NewHead, Classes = 3, Train = "head" }).Tensors;
        CollectionAssert.AreEquivalent(new[] { "head.weight", "head.bias" }, Names(roles, TensorUse.Trainable));
    }

    [TestMethod]
    public void A_weight_that_arrives_through_other_nodes_is_still_a_weight()
    {
        var model = new RawModel(13).Input("x", ElementType.Float, 2, 3).Initializer("w", TensorData.Of([2f], 1)).Initializer("shape", TensorData.Vector(1, 1))
            .Initializer("w2", Weights(1, 2)).Initializer("v", Weights(3, 1))
            .Node("MatMul", "x v", "h").Node("Reshape", "w shape", "matrix").Node("Transpose", "matrix", "t").Node("MatMul", "h t", "h2").Node("MatMul", "h2 w2", "y").ToModel("y");
        CollectionAssert.AreEquivalent(new[] { "v", "w", "w2" }, Names(ModelImporter.Import(model).Tensors, TensorUse.Trainable));
    }

    private static string[] Names(IEnumerable<TensorRole> roles, TensorUse use) => [.. roles.Where(r => r.Use == use).Select(r => r.Name)];
}
