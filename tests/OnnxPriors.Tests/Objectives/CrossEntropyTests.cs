using Microsoft.ML.OnnxRuntime;
using OnnxPriors.Graphs;
using OnnxPriors.Objectives;
using OnnxPriors.Tests.Gradients;

namespace OnnxPriors.Tests.Objectives;

[TestClass]
public sealed class CrossEntropyTests
{
    private const int Classes = 4;

    [TestMethod]
    public void Loss_and_gradient_are_those_of_the_definition_in_float64()
    {
        var random = new Random(3);
        var z = Enumerable.Range(0, 3 * Classes).Select(_ => (float)(random.NextDouble() * 8 - 4)).ToArray();
        long[] labels = [2, 0, 3];
        var (loss, gradient) = Run(z, labels, 3);
        var expected = 0.0;
        for (var i = 0; i < 3; i++)
        {
            var row = z.Skip(i * Classes).Take(Classes).Select(v => (double)v).ToArray();
            var total = row.Sum(Math.Exp);
            expected -= Math.Log(Math.Exp(row[labels[i]]) / total) / 3;
            for (var c = 0; c < Classes; c++)
                Assert.AreEqual((Math.Exp(row[c]) / total - (c == labels[i] ? 1 : 0)) / 3, gradient[i * Classes + c], 1e-6);
        }
        Assert.AreEqual(expected, loss, 1e-6);
    }

    [TestMethod]
    public void Large_logits_overflow_neither_loss_nor_gradient()
    {
        var (loss, gradient) = Run([1000, -1000, 0, 0], [1], 1);
        Assert.AreEqual(2000, loss, 1e-3);
        Assert.AreSequenceEqual([1.0, -1.0, 0.0, 0.0], gradient);
    }

    [TestMethod]
    public void Parts_of_a_batch_divided_by_its_size_add_up_to_the_whole()
    {
        float[] z = [1, 2, 0, -1, 0.5f, 0.25f, 3, 1, -2, 0, 0, 1];
        var whole = Run(z, [1, 2, 0], 3);
        var first = Run(z[..8], [1, 2], 3);
        var second = Run(z[8..], [0], 3);
        Assert.AreEqual(whole.Loss, first.Loss + second.Loss, 1e-6);
        foreach (var (a, e) in first.Gradient.Concat(second.Gradient).Zip(whole.Gradient))
            Assert.AreEqual(e, a, 1e-7);
    }

    [TestMethod]
    public void A_label_outside_the_classes_is_refused() =>
        Assert.ThrowsExactly<OnnxRuntimeException>(() => Run([1, 2, 3, 4], [Classes], 1));

    [TestMethod]
    public void An_output_that_is_no_class_scores_is_refused()
    {
        var b = new GraphBuilder();
        var maps = b.Input("maps", ElementType.Float, [Dimension.Symbolic("batch"), 3, 8, 8]);
        var error = Assert.ThrowsExactly<ObjectiveException>(() => new CrossEntropy().Add(b, [("maps", maps)]));
        Assert.Contains("'maps'", error.Message);
    }

    private static (double Loss, double[] Gradient) Run(float[] logits, long[] labels, float count)
    {
        var b = new GraphBuilder();
        var z = b.Input("z", ElementType.Float, [Dimension.Symbolic("batch"), Classes]);
        var term = new CrossEntropy().Add(b, [("z", z)]);
        using var runner = new OrtRunner(b.Build([("loss", term.Loss), ("gradient", term.Seeds[0].Seed)]));
        var results = runner.Run(new Dictionary<string, TensorData>
        {
            ["z"] = TensorData.Of(logits, labels.Length, Classes),
            ["labels"] = TensorData.Of(labels, labels.Length),
            ["label_count"] = TensorData.Of([count], []),
        });
        return (results["loss"].ToDouble()[0], results["gradient"].ToDouble());
    }
}
