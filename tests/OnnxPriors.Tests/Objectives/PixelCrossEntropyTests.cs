using Microsoft.ML.OnnxRuntime;
using OnnxPriors.Graphs;
using OnnxPriors.Objectives;
using OnnxPriors.Tests.Gradients;

namespace OnnxPriors.Tests.Objectives;

[TestClass]
public sealed class PixelCrossEntropyTests
{
    private const int Classes = 4, Height = 3, Width = 5, Plane = Height * Width;
    private const long Ignored = 11;

    [TestMethod]
    [DataRow(false)]
    [DataRow(true)]
    public void Loss_and_gradient_are_those_of_the_definition_in_float64(bool weighted)
    {
        double[]? weights = weighted ? [0.5, 2, 0, 1.25] : null;
        var (z, labels) = Draw(2, 5);
        var count = labels.Where(y => y != Ignored).Sum(y => weights?[y] ?? 1);
        var (loss, gradient) = Run(z, labels, count, weights);
        var expected = 0.0;
        for (var i = 0; i < labels.Length; i++)
        {
            var at = i / Plane * Classes * Plane + i % Plane;
            var scores = Enumerable.Range(0, Classes).Select(c => (double)z[at + c * Plane]).ToArray();
            var total = scores.Sum(Math.Exp);
            var weight = labels[i] == Ignored ? 0 : weights?[labels[i]] ?? 1;
            if (weight > 0)
                expected -= weight * Math.Log(Math.Exp(scores[labels[i]]) / total) / count;
            for (var c = 0; c < Classes; c++)
                Assert.AreEqual(weight * (Math.Exp(scores[c]) / total - (c == labels[i] ? 1 : 0)) / count, gradient[at + c * Plane], 1e-6);
        }
        Assert.AreEqual(expected, loss, 1e-6);
    }

    [TestMethod]
    public void Pictures_divided_by_what_counts_in_all_of_them_add_up_to_the_whole()
    {
        var (z, labels) = Draw(2, 6);
        var count = (double)labels.Count(y => y != Ignored);
        var whole = Run(z, labels, count);
        var first = Run(z[..(Classes * Plane)], labels[..Plane], count);
        var second = Run(z[(Classes * Plane)..], labels[Plane..], count);
        Assert.AreEqual(whole.Loss, first.Loss + second.Loss, 1e-6);
        foreach (var (a, e) in first.Gradient.Concat(second.Gradient).Zip(whole.Gradient))
            Assert.AreEqual(e, a, 1e-7);
    }

    [TestMethod]
    public void A_picture_of_which_nothing_counts_has_no_loss_and_no_gradient()
    {
        var (z, _) = Draw(1, 7);
        var (loss, gradient) = Run(z, [.. Enumerable.Repeat(Ignored, Plane)], 1);
        Assert.AreEqual(0, loss);
        Assert.IsTrue(gradient.All(g => g == 0));
    }

    [TestMethod]
    public void A_label_that_is_neither_a_class_nor_the_ignored_one_is_refused()
    {
        var (z, labels) = Draw(1, 8);
        labels[4] = Classes;
        Assert.ThrowsExactly<OnnxRuntimeException>(() => Run(z, labels, 1));
    }

    [TestMethod]
    public void Scores_of_examples_and_weights_of_another_number_of_classes_are_refused()
    {
        var b = new GraphBuilder();
        var rows = b.Input("rows", ElementType.Float, [Dimension.Symbolic("batch"), Classes]);
        Assert.Contains("'rows'", Assert.ThrowsExactly<ObjectiveException>(() => new PixelCrossEntropy(Ignored).Add(b, [("rows", rows)])).Message);
        var maps = b.Input("maps", ElementType.Float, [Dimension.Symbolic("batch"), Classes, Height, Width]);
        Assert.Contains("Class weights are 2 numbers", Assert.ThrowsExactly<ObjectiveException>(() => new PixelCrossEntropy(Ignored, [1, 2]).Add(b, [("maps", maps)])).Message);
    }

    private static (float[] Scores, long[] Labels) Draw(int pictures, int seed)
    {
        var random = new Random(seed);
        return ([.. Enumerable.Range(0, pictures * Classes * Plane).Select(_ => (float)(random.NextDouble() * 8 - 4))],
            [.. Enumerable.Range(0, pictures * Plane).Select(_ => random.Next(5) is var y && y == 4 ? Ignored : y)]);
    }

    private static (double Loss, double[] Gradient) Run(float[] scores, long[] labels, double count, double[]? weights = null)
    {
        var b = new GraphBuilder();
        var z = b.Input("z", ElementType.Float, [Dimension.Symbolic("batch"), Classes, Height, Width]);
        var term = new PixelCrossEntropy(Ignored, weights).Add(b, [("z", z)]);
        using var runner = new OrtRunner(b.Build([("loss", term.Loss), ("gradient", term.Seeds[0].Seed)]));
        var pictures = labels.Length / Plane;
        var results = runner.Run(new Dictionary<string, TensorData>
        {
            ["z"] = TensorData.Of(scores, pictures, Classes, Height, Width),
            ["labels"] = TensorData.Of(labels, pictures, Height, Width),
            ["label_count"] = TensorData.Of([(float)count], []),
        });
        return (results["loss"].ToDouble()[0], results["gradient"].ToDouble());
    }
}
