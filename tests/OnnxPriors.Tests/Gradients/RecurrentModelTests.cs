using OnnxPriors.Artifacts;
using OnnxPriors.Graphs;
using OnnxPriors.Importing;
using OnnxPriors.Objectives;
using OnnxPriors.Onnx;
using OnnxPriors.Tests.Engines;

namespace OnnxPriors.Tests.Gradients;

/// <summary>A classifier of texts as exporters write it: words, a table of vectors, a recurrent layer in both directions, its last states, a head.</summary>
[TestClass]
public sealed class RecurrentModelTests
{
    private const int Classes = 3;
    private const int Words = 12;
    private const int Hidden = 4;

    // Fourth-order differences of a float32 loss of about 1 along a gradient: rounding over step.
    private const double DirectionTolerance = 1e-2;

    // The same float32 operations in a loop and one after the other.
    private const double Same = 1e-5;

    [TestMethod]
    [DataRow("LSTM", 4)]
    [DataRow("GRU", 3)]
    [DataRow("RNN", 1)]
    public void Its_gradient_predicts_how_the_loss_changes_whether_the_length_is_fixed_or_not(string op, int gates)
    {
        var all = ((Dimension[])[6, Dimension.Symbolic("length")]).Select(length => Gradients(op, gates, length)).ToArray();
        foreach (var (name, gradient) in all[0])
        {
            var scale = gradient.Max(Math.Abs) + 1e-6;
            Assert.IsLessThan(Same, gradient.Zip(all[1][name], (a, b) => Math.Abs(a - b) / scale).Max(), name);
        }
    }

    private static Dictionary<string, double[]> Gradients(string op, int gates, Dimension length)
    {
        var imported = ModelImporter.Import(Classifier(op, gates, length), new() { Form = ImportForm.OwnHead });
        var model = GradientModel.Build(imported.Graph, [.. imported.Trainable.Select(t => t.Tensor)], new CrossEntropy());
        Assert.AreSequenceEqual(["b", "bias", "head", "r", "table", "w"], model.Parameters.Select(p => p.Name).Order(StringComparer.Ordinal));
        // The node that left its states out gives them now; it is not computed twice.
        Assert.HasCount(1, model.Graph.Nodes.Where(n => n.Op == op).ToList());
        Assert.AreEqual(!length.IsStatic, model.Graph.Nodes.Any(n => n.Op == "Scan"));
        using var runner = new OrtRunner(model.Graph);
        var inputs = model.Parameters.ToDictionary(p => p.Name, p => p.Tensor.Data!);
        inputs["words"] = TensorData.Of([3L, 1, 4, 1, 5, 9, 2, 6, 5, 3, 5, 8, 9, 7, 9, 3, 2, 3], 3, 6);
        inputs[model.ObjectiveInputs[0].Name] = TensorData.Vector(0, 2, 1);
        inputs[model.ObjectiveInputs[1].Name] = TensorData.Of([3f], []);
        var results = runner.Run(inputs);
        foreach (var parameter in model.Parameters)
        {
            var gradient = results[parameter.Gradient].ToDouble();
            var square = gradient.Sum(g => g * g);
            var step = 1e-2 / Math.Sqrt(square);
            double Loss(double sign) => runner.Run(new Dictionary<string, TensorData>(inputs)
            {
                [parameter.Name] = TensorData.Of(inputs[parameter.Name].ToDouble().Zip(gradient, (v, g) => v + sign * step * g).ToArray(), inputs[parameter.Name].Dimensions).ConvertTo(ElementType.Float),
            })[model.Loss].ToDouble()[0];
            var change = (8 * (Loss(1) - Loss(-1)) - (Loss(2) - Loss(-2))) / (12 * step);
            Assert.AreEqual(1, change / square, DirectionTolerance, parameter.Name);
        }
        return model.Parameters.ToDictionary(p => p.Name, p => results[p.Gradient].ToDouble());
    }

    private static Model Classifier(string op, int gates, Dimension length)
    {
        static TensorData Weights(params long[] shape) => OnnxRuntime.Normal(Shape.Of(shape), shape.Length);
        static Attributes With(string name, object value) => Attributes.None.With(name, value);
        var raw = new RawModel(14).Input("words", ElementType.Int64, Dimension.Symbolic("batch"), length)
            .Initializer("table", Weights(Words, 5)).Initializer("w", Weights(2, gates * Hidden, 5)).Initializer("r", Weights(2, gates * Hidden, Hidden))
            .Initializer("b", Weights(2, 2 * gates * Hidden)).Initializer("head", Weights(2 * Hidden, Classes)).Initializer("bias", Weights(Classes))
            .Initializer("two", TensorData.Vector(2)).Initializer("units", TensorData.Vector(Hidden)).Initializer("first", TensorData.Vector(0))
            .Initializer("pair", TensorData.Vector(0, 2 * Hidden))
            .Node("Gather", "table words", "vectors").Node("Transpose", "vectors", "steps", With("perm", new long[] { 1, 0, 2 }))
            // Zero states for as many examples as there are.
            .Node("Shape", "words", "shape").Node("Gather", "shape first", "examples").Node("Concat", "two examples units", "extents", With("axis", 0))
            .Node("ConstantOfShape", "extents", "zeros");
        var states = gates == 4 ? "zeros zeros" : "zeros";
        return raw.Node(op, $"steps w r b _ {states}", "_ last", With("hidden_size", Hidden).With("direction", "bidirectional"))
            .Node("Transpose", "last", "examples_first", With("perm", new long[] { 1, 0, 2 })).Node("Reshape", "examples_first pair", "features")
            .Node("Gemm", "features head bias", "scores").ToModel("scores");
    }
}
