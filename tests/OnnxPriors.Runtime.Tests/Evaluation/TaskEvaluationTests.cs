using OnnxPriors.Objectives;
using OnnxPriors.Runtime.Evaluation;
using OnnxPriors.Runtime.Steps;

namespace OnnxPriors.Runtime.Tests.Evaluation;

/// <summary>The measures of each task against their definitions in float64, written out another way.</summary>
[TestClass]
public sealed class TaskEvaluationTests
{
    private const int States = 3;

    [TestMethod]
    public void Intersection_over_union_is_that_of_the_sets_of_pixels_and_probabilities_are_averaged_over_states()
    {
        const int pictures = 5, classes = 4, height = 4, width = 6, plane = height * width, ignored = 9;
        var random = new Random(1);
        // Class 3 is never true; picture by picture so that batches end in a smaller one.
        long[] labels = [.. Enumerable.Range(0, pictures * plane).Select(_ => random.Next(4) is var y && y == 3 ? ignored : y)];
        var scores = Scores(random, pictures * classes * plane);
        var seen = new List<int>();
        var data = new Given(pictures, 2, (first, count) => BatchTargets.Pixels(labels.AsSpan(first * plane, count * plane).ToArray(), count, height, width));
        var result = Evaluator.Evaluate(
            (batch, state) => scores[state].AsSpan(data.First * classes * plane, batch.Count * classes * plane), States, classes,
            new TaskChoice { Name = "segmentation", IgnoreIndex = ignored }, data, (_, predicted) => seen.AddRange(predicted.ToArray()));

        double Probability(int pixel, int c) => Enumerable.Range(0, States).Average(s =>
            Math.Exp(At(s, pixel, c)) / Enumerable.Range(0, classes).Sum(k => Math.Exp(At(s, pixel, k))));
        double At(int s, int pixel, int c) => scores[s][(pixel / plane * classes + c) * plane + pixel % plane];
        var best = Enumerable.Range(0, labels.Length).Select(i => Enumerable.Range(0, classes).MaxBy(c => Probability(i, c))).ToArray();
        Assert.AreSequenceEqual(best, seen);
        var counted = Enumerable.Range(0, labels.Length).Where(i => labels[i] != ignored).ToArray();
        for (var c = 0; c < classes; c++)
        {
            var (truth, predicted) = (counted.Where(i => labels[i] == c).ToHashSet(), counted.Where(i => best[i] == c).ToHashSet());
            Assert.AreEqual((double)truth.Intersect(predicted).Count() / truth.Union(predicted).Count(), result.Segmentation!.Classes[c].Iou!.Value, 1e-12);
            Assert.AreEqual(truth.Count, result.Segmentation.Classes[c].Truth);
        }
        Assert.AreEqual(Enumerable.Range(0, classes).Average(c => result.Segmentation!.Classes[c].Iou!.Value), result.Segmentation!.MeanIou, 1e-12);
        Assert.AreEqual(Enumerable.Range(0, 3).Average(c => (double)counted.Count(i => labels[i] == c && best[i] == c) / counted.Count(i => labels[i] == c)), result.Segmentation.MeanClassAccuracy, 1e-12);
        Assert.AreEqual((double)counted.Count(i => labels[i] == best[i]) / counted.Length, result.Accuracy, 1e-12);
        Assert.AreEqual(counted.Average(i => -Math.Log(Probability(i, (int)labels[i]))), result.Nll, 1e-6);
        Assert.AreEqual(counted.Length, result.Segmentation.Pixels);
        Assert.AreEqual(pictures, result.Examples);
    }

    [TestMethod]
    public void A_class_that_nowhere_is_or_seems_is_left_out_of_the_mean()
    {
        var matrix = new ConfusionMatrix(3);
        matrix.Add(0, 0);
        matrix.Add(0, 2);
        var measures = matrix.Measures();
        Assert.AreEqual(0.5, measures.Classes[0].Iou);
        Assert.IsNull(measures.Classes[1].Iou);
        Assert.AreEqual(0, measures.Classes[2].Iou);
        Assert.AreEqual(0.25, measures.MeanIou);
        Assert.AreEqual(0.5, measures.MeanClassAccuracy);
    }

    [TestMethod]
    public void Labels_each_by_themselves_are_measured_as_their_definitions_say()
    {
        const int examples = 40, labels = 3;
        var random = new Random(2);
        float[] targets = [.. Enumerable.Range(0, examples * labels).Select(i => i % labels == 2 ? 0f : random.Next(2))];
        // Coarse scores of one state have ties.
        var scores = Scores(random, examples * labels).Select(all => all.Select(v => MathF.Round(v)).ToArray()).ToArray();
        var data = new Given(examples, 16, (first, count) => BatchTargets.Numbers(targets.AsSpan(first * labels, count * labels).ToArray(), count));
        var result = Evaluator.Evaluate(
            (batch, state) => scores[state].AsSpan(data.First * labels, batch.Count * labels), States, labels, new TaskChoice { Name = "multilabel" }, data);
        var p = Enumerable.Range(0, targets.Length).Select(i => scores.Average(s => 1 / (1 + Math.Exp(-s[i])))).ToArray();
        bool Right(int i) => p[i] > 0.5 == targets[i] > 0;
        Assert.AreEqual(-Enumerable.Range(0, targets.Length).Sum(i => Math.Log(targets[i] > 0 ? p[i] : 1 - p[i])) / examples, result.Nll, 1e-9);
        Assert.AreEqual((double)Enumerable.Range(0, targets.Length).Count(Right) / targets.Length, result.Accuracy, 1e-12);
        Assert.AreEqual((double)Enumerable.Range(0, examples).Count(e => Enumerable.Range(e * labels, labels).All(Right)) / examples, result.MultiLabel!.ExactMatch, 1e-12);
        for (var c = 0; c < 2; c++)
        {
            var own = Enumerable.Range(0, examples).Select(e => (P: p[e * labels + c], T: targets[e * labels + c] > 0)).ToArray();
            var pairs = (from a in own where a.T from b in own where !b.T select a.P > b.P ? 1 : a.P == b.P ? 0.5 : 0).ToArray();
            Assert.AreEqual(pairs.Average(), result.MultiLabel.Labels[c].Auroc!.Value, 1e-12);
            double hits = own.Count(o => o.T && o.P > 0.5), precision = hits / own.Count(o => o.P > 0.5), recall = hits / own.Count(o => o.T);
            Assert.AreEqual(2 * precision * recall / (precision + recall), result.MultiLabel.Labels[c].F1!.Value, 1e-12);
        }
        Assert.IsNull(result.MultiLabel.Labels[2].Auroc);
        Assert.AreEqual(result.MultiLabel.Labels.Take(2).Average(l => l.Auroc), result.MultiLabel.MeanAuroc);
    }

    [TestMethod]
    public void A_regression_is_measured_by_its_mean_and_the_mixture_over_states()
    {
        const int examples = 11, numbers = 2;
        const double deviation = 0.8;
        var random = new Random(3);
        float[] targets = [.. Enumerable.Range(0, examples * numbers).Select(_ => (float)random.NextDouble() * 4)];
        var means = Scores(random, examples * numbers);
        var data = new Given(examples, 4, (first, count) => BatchTargets.Numbers(targets.AsSpan(first * numbers, count * numbers).ToArray(), count));
        var result = Evaluator.Evaluate(
            (batch, state) => means[state].AsSpan(data.First * numbers, batch.Count * numbers), States, numbers,
            new TaskChoice { Name = "regression", Deviation = deviation }, data);
        var mean = Enumerable.Range(0, targets.Length).Select(i => means.Average(m => (double)m[i])).ToArray();
        Assert.AreEqual(Math.Sqrt(mean.Zip(targets).Average(q => (q.First - q.Second) * (q.First - q.Second))), result.Regression!.Rmse, 1e-9);
        Assert.AreEqual(mean.Zip(targets).Average(q => Math.Abs(q.First - q.Second)), result.Regression.Mae, 1e-9);
        double Density(double d) => Math.Exp(-d * d / (2 * deviation * deviation)) / Math.Sqrt(2 * Math.PI * deviation * deviation);
        Assert.AreEqual(
            Enumerable.Range(0, examples).Average(e => -Math.Log(means.Average(m => Enumerable.Range(e * numbers, numbers).Aggregate(1.0, (q, i) => q * Density((double)targets[i] - m[i]))))), result.Nll, 1e-9);
        double[] centre = [Enumerable.Range(0, examples).Average(e => (double)targets[e * 2]), Enumerable.Range(0, examples).Average(e => (double)targets[e * 2 + 1])];
        var (left, all) = (mean.Zip(targets).Sum(q => Math.Pow(q.Second - q.First, 2)), targets.Select((y, i) => Math.Pow(y - centre[i % 2], 2)).Sum());
        Assert.AreEqual(1 - left / all, result.Regression.R2!.Value, 1e-9);
        Assert.IsTrue(double.IsNaN(result.Accuracy));
    }

    private static float[][] Scores(Random random, int count) =>
        [.. Enumerable.Range(0, States).Select(_ => Enumerable.Range(0, count).Select(_ => (float)(random.NextDouble() * 6 - 3)).ToArray())];

    /// <summary>Batches of the targets given, and where the one under way begins.</summary>
    private sealed class Given(int examples, int size, Func<int, int, BatchTargets> targets) : IBatchSource
    {
        public int First { get; private set; }

        public int ExampleCount => examples;

        public int BatchSize => size;

        public string Fingerprint => "given";

        public IEnumerable<Batch> Read(int epoch, int firstBatch, CancellationToken cancellation)
        {
            for (First = 0; First < examples; First += size)
            {
                var count = Math.Min(size, examples - First);
                yield return new Batch([BatchInput.Of(null, new float[count].AsMemory(), count)], targets(First, count));
            }
        }
    }
}
