using OnnxPriors.Gradients;
using OnnxPriors.Graphs;
using OnnxPriors.Importing;
using OnnxPriors.Normalization;
using OnnxPriors.Onnx;
using OnnxPriors.Tests.Engines;

namespace OnnxPriors.Tests.Normalization;

/// <summary>
/// A small network — a convolution with its ReLU in the saturation, pooling, a matrix product — in the three ways that files are
/// quantised. As the file has it integers stay exact; to train it is the float network with the same weights and ends.
/// </summary>
[TestClass]
public sealed class QuantisedTests
{
    private const float InputScale = 0.03f, HiddenScale = 0.05f, OutputScale = 0.04f;
    private const int InputZero = 128, OutputZero = 120;

    // The same float32 sums in another order.
    private const double Same = 1e-5;

    // Three roundings to 256 steps each: 2 % of the range of the scores covers them.
    private const double Rounding = 0.02;

    private static readonly float[] KernelScales = [0.010f, 0.012f, 0.008f, 0.011f];
    private static readonly TensorData Kernel = Integers(1, 4, 3, 3, 3);
    private static readonly TensorData Bias = TensorData.Vector(120, -300, 50, 0).ConvertTo(ElementType.Int32);
    private static readonly TensorData Matrix = Integers(2, 64, 5);

    private static Attributes With(params (string Name, object Value)[] all) => all.Aggregate(Attributes.None, (a, p) => a.With(p.Name, p.Value));

    private static readonly Attributes Window = With(("kernel_shape", new long[] { 3, 3 }), ("pads", new long[] { 1, 1, 1, 1 }));

    private static readonly Attributes Pool = With(("kernel_shape", new long[] { 2, 2 }), ("strides", new long[] { 2, 2 }));

    public static IEnumerable<object[]> Models() => [["pairs of nodes"], ["operators on integers"]];

    [TestMethod]
    [DynamicData(nameof(Models))]
    public void As_the_file_has_it_every_integer_is_exact(string kind)
    {
        var model = Build(kind, "hidden");
        var inputs = Inputs(model);
        var graph = Normalizer.Run(model).Graph;
        var (expected, actual) = (OnnxRuntime.Run(model, inputs), OnnxRuntime.Run(Model.Canonical(graph), inputs));
        Assert.AreEqual(ElementType.UInt8, actual["hidden"].Type);
        CollectionAssert.AreEqual(expected["hidden"].ToInt64(), actual["hidden"].ToInt64());
    }

    [TestMethod]
    [DynamicData(nameof(Models))]
    public void To_train_it_is_the_float_network_with_the_same_ends(string kind)
    {
        var model = Build(kind, "logits");
        var inputs = Inputs(model);
        var normalized = Normalizer.Run(model, new() { Form = GraphForm.Training });
        Assert.IsTrue(normalized.Graph.Nodes.All(n => !n.Op.Contains("Quantize", StringComparison.Ordinal) && !n.Op.StartsWith("QLinear", StringComparison.Ordinal)));
        var actual = OnnxRuntime.Run(Model.Canonical(normalized.Graph), inputs)["logits"];
        Assert.IsLessThan(Same, OnnxRuntime.RelativeError(actual, OnnxRuntime.Run(Model.Canonical(Float()), inputs)["logits"]));
        Assert.IsLessThan(Rounding, OnnxRuntime.RelativeError(actual, OnnxRuntime.Run(model, inputs)["logits"]));
        var report = normalized.Passes.Single(p => p.Pass == "float-quantised");
        StringAssert.Contains(report.Notes[0], "straight-through");
    }

    [TestMethod]
    [DynamicData(nameof(Models))]
    public void Its_weights_train_under_the_names_they_had(string kind)
    {
        var imported = ModelImporter.Import(Build(kind, "logits"), new() { Form = ImportForm.OwnHead });
        var roles = imported.Tensors.ToDictionary(t => t.Tensor.Name, t => t.Use);
        CollectionAssert.AreEquivalent((string[])["kernel", "bias", "matrix"], roles.Where(r => r.Value == TensorUse.Trainable).Select(r => r.Key).ToArray());
    }

    [TestMethod]
    [DataRow(1)]
    [DataRow(5)]
    public void What_is_quantised_as_it_comes_multiplies_weights_in_their_own_measure(int scales)
    {
        var scale = TensorData.Of([.. Enumerable.Range(1, scales).Select(i => 0.01f * i)], scales == 1 ? [] : [scales]);
        var zero = scales == 1 ? TensorData.Of([3L], []).ConvertTo(ElementType.Int8) : TensorData.Vector(3, 0, -2, 1, 5).ConvertTo(ElementType.Int8);
        var model = new RawModel(13).Input("x", ElementType.Float, 3, 64).Initializer("matrix_quantized", Matrix).Initializer("s", scale).Initializer("z", zero)
            .Node("DynamicQuantizeLinear", "x", "q a c").Node("MatMulInteger", "q matrix_quantized c z", "i").Node("Cast", "i", "f", With(("to", ElementType.Float)))
            .Node("Mul", "a s", "both").Node("Mul", "f both", "logits").ToModel("logits");
        var inputs = new Dictionary<string, TensorData> { ["x"] = OnnxRuntime.Normal(Shape.Of(3, 64), 5) };
        var graph = Normalizer.Run(model, new() { Form = GraphForm.Training }).Graph;
        var only = graph.Nodes.Single();
        Assert.AreEqual("MatMul", only.Op);
        var real = new double[64 * 5];
        for (var i = 0; i < real.Length; i++)
            real[i] = (Matrix.ToDouble()[i] - zero.ToDouble()[scales == 1 ? 0 : i % 5]) * scale.ToDouble()[scales == 1 ? 0 : i % 5];
        Assert.IsLessThan(1e-6, OnnxRuntime.RelativeError(only.Input(1).Data!, TensorData.Of(real, 64, 5).ConvertTo(ElementType.Float)));
        var actual = OnnxRuntime.Run(Model.Canonical(graph), inputs)["logits"];
        Assert.IsLessThan(Rounding, OnnxRuntime.RelativeError(actual, OnnxRuntime.Run(model, inputs)["logits"]));
    }

    [TestMethod]
    public void A_convolution_of_integers_is_one_of_floats()
    {
        var model = new RawModel(13).Input("x", ElementType.Float, 2, 3, 8, 8).Initializer("kernel_quantized", Kernel).Initializer("s", TensorData.Of([0.01f], []))
            .Node("DynamicQuantizeLinear", "x", "q a c").Node("ConvInteger", "q kernel_quantized c", "i", With(("kernel_shape", new long[] { 3, 3 }))).Node("Cast", "i", "f", With(("to", ElementType.Float)))
            .Node("Mul", "a s", "both").Node("Mul", "f both", "y").ToModel("y");
        var graph = Normalizer.Run(model, new() { Form = GraphForm.Training }).Graph;
        Assert.AreEqual("Conv", graph.Nodes.Single().Op);
        var inputs = Inputs(model);
        Assert.IsLessThan(Rounding, OnnxRuntime.RelativeError(OnnxRuntime.Run(Model.Canonical(graph), inputs)["y"], OnnxRuntime.Run(model, inputs)["y"]));
    }

    [TestMethod]
    public void Its_derivative_is_one_where_a_number_can_be_represented_and_zero_beyond()
    {
        var model = new RawModel(13).Input("x", ElementType.Float, 4).Initializer("s", TensorData.Of([0.5f], [])).Initializer("z", Byte(10))
            .Node("QuantizeLinear", "x s z", "q").Node("DequantizeLinear", "q s z", "y").ToModel("y");
        var graph = Normalizer.Run(model, new() { Form = GraphForm.Training, DynamicBatch = false }).Graph;
        var b = new GraphBuilder();
        var map = graph.Inputs.ToDictionary(i => i, i => b.Input(i.Name, i.Type, i.Shape));
        var y = b.Inline(graph, map)[0];
        var gradient = ReverseSweep.Run(b, [(y, b.Constant(TensorData.Of([1f, 2, 3, 4], 4)))], [map[graph.Inputs[0]]])[0]!;
        // Representable are (0 − 10)/2 to (255 − 10)/2.
        var given = new Dictionary<string, TensorData> { ["x"] = TensorData.Of([-5.1f, -4.9f, 122.4f, 122.6f], 4) };
        var results = OnnxRuntime.Run(Model.Canonical(b.Build([("y", y), ("d", gradient)])), given);
        CollectionAssert.AreEqual((float[])[-5, -4.9f, 122.4f, 122.5f], results["y"].ToSingle());
        CollectionAssert.AreEqual((float[])[0, 2, 3, 0], results["d"].ToSingle());
    }

    private static Dictionary<string, TensorData> Inputs(Model model) =>
        model.Graph.Inputs.ToDictionary(i => i.Name, i => OnnxRuntime.Normal(i.Shape!, 9));

    // Signed integers spread over their type.
    private static TensorData Integers(int seed, params long[] shape) =>
        TensorData.Of([.. OnnxRuntime.Normal(Shape.Of(shape), seed).ToDouble().Select(v => (long)Math.Clamp(v * 40, -128, 127))], [.. shape]).ConvertTo(ElementType.Int8);

    private static TensorData Byte(long value) => TensorData.Of([value], []).ConvertTo(ElementType.UInt8);

    private static Model Build(string kind, string output)
    {
        var model = new RawModel(13).Input("x", ElementType.Float, 2, 3, 8, 8)
            .Initializer("xs", TensorData.Of([InputScale], [])).Initializer("xz", Byte(InputZero))
            .Initializer("hs", TensorData.Of([HiddenScale], [])).Initializer("hz", Byte(0))
            .Initializer("ys", TensorData.Of([OutputScale], [])).Initializer("yz", Byte(OutputZero))
            .Initializer("kernel_quantized", Kernel).Initializer("ks", TensorData.Of(KernelScales, 4)).Initializer("kz", new TensorData(ElementType.Int8, [4], new byte[4]))
            .Initializer("matrix_quantized", Matrix).Initializer("ms", TensorData.Of([0.005f], [])).Initializer("mz", new TensorData(ElementType.Int8, [], new byte[1]))
            .Initializer("bias_quantized", Bias).Initializer("bs", TensorData.Of([.. KernelScales.Select(s => s * InputScale)], 4)).Initializer("flat", TensorData.Vector(0, 64))
            .Node("QuantizeLinear", "x xs xz", "q");
        if (kind == "operators on integers")
            model.Node("QLinearConv", "q xs xz kernel_quantized ks kz hs hz bias_quantized", "hidden", Window).Node("MaxPool", "hidden", "p", Pool).Node("Reshape", "p flat", "r")
                .Node("QLinearMatMul", "r hs hz matrix_quantized ms mz ys yz", "o").Node("DequantizeLinear", "o ys yz", "logits");
        else
            model.Node("DequantizeLinear", "q xs xz", "xr").Node("DequantizeLinear", "kernel_quantized ks kz", "kr", With(("axis", 0)))
                .Node("DequantizeLinear", "bias_quantized bs", "br", With(("axis", 0))).Node("Conv", "xr kr br", "h", Window).Node("QuantizeLinear", "h hs hz", "hidden")
                .Node("DequantizeLinear", "hidden hs hz", "hr").Node("MaxPool", "hr", "p", Pool).Node("Reshape", "p flat", "r").Node("DequantizeLinear", "matrix_quantized ms mz", "mr")
                .Node("MatMul", "r mr", "o").Node("QuantizeLinear", "o ys yz", "oq").Node("DequantizeLinear", "oq ys yz", "logits");
        return model.ToModel(output);
    }

    // The same network written in floats by hand.
    private static Graph Float()
    {
        var b = new GraphBuilder();
        var x = b.Clip(b.Input("x", ElementType.Float, Shape.Of(2, 3, 8, 8)), b.Scalar(-InputZero * InputScale), b.Scalar((255 - InputZero) * InputScale));
        var kernel = TensorData.Of([.. Kernel.ToDouble().Select((v, i) => (float)(v * KernelScales[i / 27]))], 4, 3, 3, 3);
        var bias = TensorData.Of([.. Bias.ToDouble().Select((v, i) => (float)(v * KernelScales[i] * InputScale))], 4);
        var hidden = b.Clip(b.Conv(x, b.Constant(kernel), b.Constant(bias), Window), b.Scalar(0), b.Scalar(255 * HiddenScale));
        var matrix = TensorData.Of([.. Matrix.ToDouble().Select(v => (float)(v * 0.005))], 64, 5);
        var y = b.MatMul(b.Reshape(b.MaxPool(hidden, Pool), [0, 64]), b.Constant(matrix));
        return b.Build([("logits", b.Clip(y, b.Scalar(-OutputZero * OutputScale), b.Scalar((255 - OutputZero) * OutputScale)))]);
    }
}
