using OnnxPriors.Graphs;
using OnnxPriors.Onnx;
using OnnxPriors.Runtime.Evaluation;
using OnnxPriors.Runtime.Steps;
using OnnxPriors.Runtime.Tests.Fixtures;

namespace OnnxPriors.Runtime.Tests.Evaluation;

[TestClass]
public sealed class ClassifierModelTests : IDisposable
{
    private readonly TemporaryFolder temporary = new();

    public void Dispose() => temporary.Dispose();

    [TestMethod]
    public void Logits_and_probabilities_any_batch_and_a_batch_of_one_and_half_precision_measure_the_same()
    {
        var data = new Blobs(50, 16);
        var results = new List<EvaluationResult>();
        foreach (var (softmax, one, type) in new[]
        {
            (false, false, ElementType.Float), (true, false, ElementType.Float), (false, true, ElementType.Float), (true, true, ElementType.Float16),
        })
        {
            var path = temporary[$"{results.Count}.onnx"];
            Save(path, softmax, one, type);
            using var model = new ClassifierModel(path);
            results.Add(model.Evaluate(data));
        }
        Assert.IsGreaterThan(0.8, results[0].Accuracy);
        for (var i = 1; i < results.Count; i++)
        {
            // Inputs of half precision are off by 2⁻¹¹ relative.
            var tolerance = i == 3 ? 2e-3 : 1e-6;
            Assert.AreEqual(results[0].Accuracy, results[i].Accuracy);
            Assert.AreEqual(results[0].Nll, results[i].Nll, tolerance);
            Assert.AreEqual(results[0].Brier, results[i].Brier, tolerance);
        }
    }

    [TestMethod]
    public void A_file_that_does_not_classify_or_cannot_be_read_is_one_clear_error()
    {
        var b = new GraphBuilder();
        var x = b.Input("x", ElementType.Float, [Dimension.Symbolic("batch"), 5]);
        OnnxFile.Save(Model.Canonical(b.Build([("y", b.SumAll(x))])), temporary["sum.onnx"]);
        using (var model = new ClassifierModel(temporary["sum.onnx"]))
            Assert.Contains("does not classify", Assert.ThrowsExactly<EvaluationException>(() => model.Evaluate(new Blobs(4, 2))).Message);
        File.WriteAllText(temporary["text.onnx"], "no model");
        Assert.Contains("text.onnx", Assert.ThrowsExactly<StepException>(() => new ClassifierModel(temporary["text.onnx"])).Message);
    }

    private static void Save(string path, bool softmax, bool one, ElementType type)
    {
        var b = new GraphBuilder();
        var x = b.Input("x", type, [one ? 1 : Dimension.Symbolic("batch"), 5]);
        var values = new float[15];
        for (var c = 0; c < 3; c++)
            values[(c * 3) + c] = 3;
        var logits = b.MatMul(b.Cast(x, ElementType.Float), b.Constant(TensorData.Of(values, 5, 3)));
        OnnxFile.Save(Model.Canonical(b.Build([("y", b.Cast(softmax ? b.Softmax(logits) : logits, type))])), path);
    }
}
