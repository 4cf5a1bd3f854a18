using OnnxPriors.Artifacts;
using OnnxPriors.Graphs;
using OnnxPriors.Importing;
using OnnxPriors.Objectives;
using OnnxPriors.Onnx;
using OnnxPriors.Tests.Gradients;
using static TorchSharp.torch;
using static TorchSharp.torch.nn;

namespace OnnxPriors.Torch.Tests.Objectives;

/// <summary>
/// Whole gradient models of the tasks, in float32 on ONNX Runtime, against libtorch's own losses and autograd in float64: a network of two
/// convolutions and a classifier, whose classifier gives way to a head of each kind.
/// </summary>
[TestClass]
public sealed class TaskObjectiveTests
{
    // Float32 rounding through five layers, relative to the largest element of each gradient.
    private const double Tolerance = 1e-5;

    private const int Batch = 2, Classes = 4, Height = 24, Width = 36;
    private const long Ignored = 200;

    [TestMethod]
    [DataRow(HeadForm.Fcn, false)]
    [DataRow(HeadForm.Fcn, true)]
    [DataRow(HeadForm.Aspp, false)]
    public void A_segmentation_networks_gradients_are_libtorchs(HeadForm head, bool weighted)
    {
        double[]? weights = weighted ? [0.25, 1, 2, 0.5] : null;
        var random = new Random(5);
        long[] labels = [.. Enumerable.Range(0, Batch * Height * Width).Select(_ => random.Next(6) is var y && y > 3 ? Ignored : y)];
        var count = labels.Where(y => y != Ignored).Sum(y => weights?[y] ?? 1);
        var import = new ImportOptions { Form = ImportForm.NewHead, Classes = Classes, Head = head, PyramidWidth = 6, Seed = 3 };
        Compare(import, new PixelCrossEntropy(Ignored, weights), TensorData.Of(labels, Batch, Height, Width), count, (scores, targets) =>
        {
            using var w = weights is null ? null : tensor(weights);
            return functional.cross_entropy(scores, targets, weight: w, ignore_index: Ignored);
        });
    }

    [TestMethod]
    public void Multi_label_gradients_are_libtorchs()
    {
        var targets = TensorData.Of([1f, 0, 0, 1, 0, 0, 1, 1], Batch, Classes);
        Compare(Linear, new BinaryCrossEntropy(), targets, Batch, (scores, t) =>
            functional.binary_cross_entropy_with_logits(scores, t.to(ScalarType.Float64), reduction: Reduction.Sum) / Batch);
    }

    [TestMethod]
    public void Regression_gradients_are_libtorchs()
    {
        var targets = TensorData.Of([1f, -0.5f, 0.25f, 2, 0, 1.5f, -1, 1], Batch, Classes);
        Compare(Linear, new GaussianLikelihood(0.5), targets, Batch, (means, t) =>
            functional.gaussian_nll_loss(means, t.to(ScalarType.Float64), full_like(means, 0.25), full: true, reduction: Reduction.Sum) / Batch);
    }

    private static ImportOptions Linear => new() { Form = ImportForm.NewHead, Classes = Classes, FewestClasses = 1, Seed = 3 };

    private static void Compare(ImportOptions import, IObjective objective, TensorData targets, double count, Func<Tensor, Tensor, Tensor> loss)
    {
        var model = ModelImporter.Import(Classifier(), import);
        var gradient = GradientModel.Build(model.Graph, [.. model.Trainable.Select(t => t.Tensor)], objective);
        var x = Draw(9, Batch, 3, Height, Width);
        using var runner = new OrtRunner(gradient.Graph);
        var feeds = gradient.Parameters.ToDictionary(p => p.Name, p => p.Tensor.Data!, StringComparer.Ordinal);
        feeds["x"] = x;
        feeds[CrossEntropy.Labels] = targets;
        feeds[CrossEntropy.LabelCount] = TensorData.Of([(float)count], []);
        var step = runner.Run(feeds);

        using var scope = NewDisposeScope();
        using var module = new GraphModule(model.Graph, new GraphModuleOptions { Precision = FloatPrecision.Double });
        var outputs = module.Forward(new Dictionary<string, Tensor> { ["x"] = Tensors.ToTorch(x) });
        var expected = loss(outputs["logits"], Tensors.ToTorch(targets));
        Assert.AreEqual(expected.item<double>(), step[gradient.Loss].ToDouble()[0], 1e-5 * Math.Max(1, Math.Abs(expected.item<double>())));
        var exact = autograd.grad([expected], gradient.Parameters.Select(p => (Tensor)module.Parameters[p.Name]).ToArray());
        foreach (var (parameter, derivative) in gradient.Parameters.Zip(exact))
        {
            var numbers = Tensors.ToDoubles(derivative);
            var scale = numbers.Max(Math.Abs);
            Assert.IsGreaterThan(0, scale, $"{parameter.Name} has no gradient, so nothing is compared");
            var worst = numbers.Zip(step[parameter.Gradient].ToDouble(), (e, a) => Math.Abs(e - a) / scale).Max();
            Assert.IsLessThanOrEqualTo(Tolerance, worst, parameter.Name);
        }
    }

    // Two strided convolutions, the mean over the places, a linear layer of five classes.
    private static Model Classifier()
    {
        var b = new GraphBuilder();
        var x = b.Input("x", ElementType.Float, [Dimension.Symbolic("batch"), 3, Height, Width]);
        var strided = Attributes.None.With("kernel_shape", (long[])[3, 3]).With("strides", (long[])[2, 2]).With("pads", (long[])[1, 1, 1, 1]);
        var maps = b.Relu(b.Conv(x, b.Parameter("w1", Draw(1, 5, 3, 3, 3)), b.Parameter("b1", Draw(2, 5)), strided));
        maps = b.Relu(b.Conv(maps, b.Parameter("w2", Draw(3, 7, 5, 3, 3)), b.Parameter("b2", Draw(4, 7)), strided));
        var scores = b.Gemm(b.Flatten(b.GlobalAveragePool(maps)), b.Parameter("w3", Draw(5, 5, 7)), b.Parameter("b3", Draw(6, 5)), transposeB: true);
        return Model.Canonical(b.Build([("scores", scores)]));
    }

    private static TensorData Draw(int seed, params long[] shape)
    {
        var random = new Random(seed);
        return TensorData.Of([.. Enumerable.Range(0, (int)shape.Aggregate(1L, (p, d) => p * d)).Select(_ => (float)(random.NextDouble() - 0.5))], [.. shape]);
    }
}
