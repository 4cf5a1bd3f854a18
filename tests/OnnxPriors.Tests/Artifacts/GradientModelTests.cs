using OnnxPriors.Artifacts;
using OnnxPriors.Graphs;
using OnnxPriors.Importing;
using OnnxPriors.Objectives;
using OnnxPriors.Onnx;
using OnnxPriors.Testing;
using OnnxPriors.Tests.Gradients;

namespace OnnxPriors.Tests.Artifacts;

[TestClass]
public sealed class GradientModelTests
{
    // Two-sided differences of a float32 loss of about 1, along the gradient, whose norm is about 1: rounding over step, and curvature.
    private const double DirectionTolerance = 2e-2;

    [TestMethod]
    [RequiresShared]
    [DataRow("cifar10-cnn-pytorch.onnx")]
    [DataRow("iris-mlp-pytorch.onnx")]
    [DataRow("mnist-cnn-cntk.onnx")]
    [DataRow("squeezenet-imagenet-caffe2-fp16.onnx")]
    [DataRow("efficientnet-lite0-imagenet-pytorch.onnx")]
    public void The_gradient_of_a_real_model_predicts_how_its_loss_changes(string file)
    {
        var model = ModelImporter.Import(OnnxFile.Load(SharedFiles.Path($"models/{file}")), new() { Form = ImportForm.OwnHead, ImageSize = file.Contains("imagenet", StringComparison.Ordinal) ? 64 : null });
        Value[] trained = [.. model.Trainable.Select(t => t.Tensor)];
        var gradient = GradientModel.Build(model.Graph, trained, new CrossEntropy());
        using var runner = new OrtRunner(gradient.Graph);
        var inputs = Inputs(gradient, model.Classes!.Value, 2);
        foreach (var parameter in gradient.Parameters)
            inputs[parameter.Name] = parameter.Tensor.Data!;
        var results = runner.Run(inputs);
        var square = gradient.Parameters.Sum(p => results[p.Gradient].ToDouble().Sum(v => v * v));
        Assert.IsGreaterThan(0, square);
        // The step changes the loss by about a hundredth.
        var step = 1e-2 / square;
        double Loss(double sign)
        {
            var moved = new Dictionary<string, TensorData>(inputs);
            foreach (var p in gradient.Parameters)
                moved[p.Name] = TensorData.Of(inputs[p.Name].ToDouble().Zip(results[p.Gradient].ToDouble(), (v, g) => v + sign * step * g).ToArray(), inputs[p.Name].Dimensions).ConvertTo(ElementType.Float);
            return runner.Run(moved)["loss"].ToDouble()[0];
        }
        var change = (Loss(1) - Loss(-1)) / (2 * step);
        Assert.AreEqual(1, change / square, DirectionTolerance, $"{file}: the loss changes by {change}, the gradient's square is {square}");
    }

    [TestMethod]
    public void Batch_statistics_are_those_of_the_specification_with_their_gradient_through_them()
    {
        var (graph, x, scale, bias, mean, variance) = Normalised();
        var model = GradientModel.Build(graph, [scale, bias], new CrossEntropy(), BatchNormalizationMode.Batch);
        Assert.DoesNotContain(n => n.Attributes.Flag("training_mode"), model.Graph.Nodes);
        Assert.AreSequenceEqual(["mean", "variance"], model.Buffers.Select(b => b.Name));
        Assert.AreSequenceEqual(["mean.next", "variance.next"], model.Buffers.Select(b => b.Next));
        using var runner = new OrtRunner(model.Graph);
        var inputs = Inputs(model, 2, 5);
        foreach (var value in (Value[])[scale, bias, mean, variance])
            inputs[value.Name] = value.Data!;
        var results = runner.Run(inputs);
        // Means over batch and places, the variance biased, momentum 0.8.
        var batch = inputs[x.Name].ToDouble();
        for (var c = 0; c < 2; c++)
        {
            var channel = batch.Chunk(3).Where((_, i) => i % 2 == c).SelectMany(v => v).ToArray();
            var average = channel.Average();
            Assert.AreEqual(0.8 * mean.Data!.ToDouble()[c] + 0.2 * average, results["mean.next"].ToDouble()[c], 1e-6);
            Assert.AreEqual(0.8 * variance.Data!.ToDouble()[c] + 0.2 * channel.Average(v => (v - average) * (v - average)), results["variance.next"].ToDouble()[c], 1e-6);
        }
        foreach (var p in model.Parameters)
            for (var i = 0; i < 2; i++)
            {
                double Loss(float shift)
                {
                    var values = inputs[p.Name].ToSingle();
                    values[i] += shift;
                    return runner.Run(new Dictionary<string, TensorData>(inputs) { [p.Name] = TensorData.Of(values, 2) })["loss"].ToDouble()[0];
                }
                Assert.AreEqual((Loss(0.05f) - Loss(-0.05f)) / 0.1, results[p.Gradient].ToDouble()[i], 2e-3);
            }
    }

    [TestMethod]
    public void Frozen_statistics_stay_in_the_model_and_a_frozen_layer_keeps_them_in_batch_mode()
    {
        var (graph, _, scale, bias, mean, _) = Normalised();
        foreach (var (trained, mode) in ((Value[], BatchNormalizationMode)[])[([scale, bias], BatchNormalizationMode.Frozen), ([graph.Find("head")!], BatchNormalizationMode.Batch)])
        {
            var model = GradientModel.Build(graph, trained, new CrossEntropy(), mode);
            Assert.IsEmpty(model.Buffers);
            Assert.Contains(p => p.Name == mean.Name, model.Graph.Parameters);
        }
    }

    [TestMethod]
    public void The_eval_model_takes_the_running_statistics_that_training_updates()
    {
        var (graph, _, scale, bias, mean, variance) = Normalised();
        var eval = EvalModel.Build(graph, [scale, bias], BatchNormalizationMode.Batch);
        Assert.AreSequenceEqual(["x", "scale", "bias", "mean", "variance"], eval.Inputs.Select(i => i.Name));
        Assert.AreSequenceEqual(["logits"], eval.Outputs.Select(o => o.Name));
        using var trained = new OrtRunner(eval);
        using var original = new OrtRunner(graph);
        var inputs = new Dictionary<string, TensorData> { ["x"] = Random([4, 2, 3]) };
        var expected = original.Run(inputs)["logits"].ToDouble();
        foreach (var value in (Value[])[scale, bias, mean, variance])
            inputs[value.Name] = value.Data!;
        foreach (var (e, a) in expected.Zip(trained.Run(inputs)["logits"].ToDouble()))
            Assert.AreEqual(e, a, 1e-6);
    }

    [TestMethod]
    public void Names_that_a_parameter_has_are_not_given_out_again()
    {
        var b = new GraphBuilder();
        var x = b.Input("x", ElementType.Float, [Dimension.Symbolic("batch"), 3]);
        var w = b.Parameter("logits", Random([3, 2]));
        var v = b.Parameter("labels", Random([2]));
        var l = b.Parameter("loss", Random([2]));
        var graph = b.Build([("scores", b.MatMul(x, w) + v + l)]);
        var model = GradientModel.Build(graph, [w, v], new CrossEntropy());
        Assert.AreSequenceEqual(["logits", "labels"], model.Parameters.Select(p => p.Name));
        Assert.AreEqual("labels_1", model.ObjectiveInputs[0].Name);
        Assert.AreSequenceEqual([model.Loss, model.Outputs[0], "logits.gradient", "labels.gradient"], model.Graph.Outputs.Select(o => o.Name));
        var names = model.Graph.Inputs.Concat(model.Graph.Initializers).Concat(model.Graph.Outputs).Select(o => o.Name).ToArray();
        Assert.HasCount(names.Length, names.Distinct());
        using var runner = new OrtRunner(model.Graph);
    }

    [TestMethod]
    public void A_tensor_that_the_loss_does_not_depend_on_has_the_gradient_zero()
    {
        var b = new GraphBuilder();
        var x = b.Input("x", ElementType.Float, [Dimension.Symbolic("batch"), 2]);
        var threshold = b.Parameter("threshold", Random([2]));
        var w = b.Parameter("w", Random([2]));
        var graph = b.Build([("scores", w * x + b.Cast(b.Greater(x, threshold), ElementType.Float))]);
        var model = GradientModel.Build(graph, [w, threshold], new CrossEntropy());
        using var runner = new OrtRunner(model.Graph);
        var inputs = Inputs(model, 2, 3);
        inputs["w"] = w.Data!;
        inputs["threshold"] = threshold.Data!;
        Assert.AreSequenceEqual([0.0, 0.0], runner.Run(inputs)["threshold.gradient"].ToDouble());
    }

    [TestMethod]
    public void Maxima_and_their_places_are_pooled_once()
    {
        var b = new GraphBuilder();
        var x = b.Input("x", ElementType.Float, [Dimension.Symbolic("batch"), 2, 4, 4]);
        var w = b.Parameter("w", Random([2, 1, 1]));
        var pooled = b.MaxPool(x * w, Attributes.None.With("kernel_shape", new long[] { 2, 2 }).With("strides", new long[] { 2, 2 }));
        var graph = b.Build([("scores", b.Flatten(b.ReduceMax(pooled, [3], keep: false)))]);
        var model = GradientModel.Build(graph, [w], new CrossEntropy());
        Assert.HasCount(1, model.Graph.Nodes.Where(n => n.Op == "MaxPool").ToList());
        using var runner = new OrtRunner(model.Graph);
        var inputs = Inputs(model, 4, 3);
        inputs["w"] = w.Data!;
        Assert.IsGreaterThan(0, runner.Run(inputs)["w.gradient"].ToDouble().Sum(Math.Abs));
    }

    private static (Graph Graph, Value X, Value Scale, Value Bias, Value Mean, Value Variance) Normalised()
    {
        var b = new GraphBuilder();
        var x = b.Input("x", ElementType.Float, [Dimension.Symbolic("batch"), 2, 3]);
        var (scale, bias) = (b.Parameter("scale", Random([2])), b.Parameter("bias", Random([2])));
        var mean = b.Parameter("mean", TensorData.Of([0.1f, -0.2f], 2));
        var variance = b.Parameter("variance", TensorData.Of([0.7f, 1.3f], 2));
        var y = b.Apply("BatchNormalization", [x, scale, bias, mean, variance], Attributes.None.With("epsilon", 0.01f).With("momentum", 0.8f));
        var head = b.Parameter("head", Random([3, 1]));
        return (b.Build([("logits", b.Reshape(b.MatMul(b.Tanh(y), head), -1, 2))]), x, scale, bias, mean, variance);
    }

    private static TensorData Random(long[] shape, int seed = 5)
    {
        var random = new Random(seed + shape.Length);
        return TensorData.Of(Enumerable.Range(0, (int)shape.Aggregate(1L, (p, d) => p * d)).Select(_ => (float)(random.NextDouble() * 2 - 1)).ToArray(), [.. shape]);
    }

    private static Dictionary<string, TensorData> Inputs(GradientModel model, int classes, int batch)
    {
        var all = model.Inputs.ToDictionary(i => i.Name, i => Random([batch, .. i.Shape!.Skip(1).Select(d => d.Value!.Value)]));
        all[model.ObjectiveInputs[0].Name] = TensorData.Of(Enumerable.Range(0, batch).Select(i => (long)(i * 7 % classes)).ToArray(), batch);
        all[model.ObjectiveInputs[1].Name] = TensorData.Of([(float)batch], []);
        return all;
    }
}
