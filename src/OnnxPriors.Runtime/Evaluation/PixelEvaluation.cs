using OnnxPriors.Runtime.Steps;

namespace OnnxPriors.Runtime.Evaluation;

/// <summary>
/// Measures a segmentation: each counted pixel is an example of a classification whose probabilities are the mean over states of the
/// softmax over the channels, in float64.
/// </summary>
internal sealed class PixelEvaluation(int classes, long ignoreIndex, Evaluator.PixelsPredicted? predicted) : TaskEvaluation
{
    private readonly Calibration calibration = new(keepsPredictions: false);
    private readonly ConfusionMatrix confusion = new(classes);
    private readonly double[] row = new double[classes];
    private double[] sums = [], logSums = [];
    private int[] best = [];
    private Batch? current;
    private int pictures, plane;

    public override void Start(Batch batch)
    {
        var shape = batch.Targets.Shape;
        if (shape.Length != 3)
            throw new EvaluationException($"The data has targets [{string.Join(", ", shape)}]; a segmentation is measured on a mask for each picture.");
        foreach (var label in batch.Labels.Span)
            if (label != ignoreIndex && (label < 0 || label >= classes))
                throw new EvaluationException($"A mask has label {label}, which is neither a class 0 … {classes - 1} nor {ignoreIndex}, which does not count; check the masks.");
        (current, plane) = (batch, checked((int)(shape[1] * shape[2])));
        var pixels = batch.Labels.Length;
        if (logSums.Length < pixels)
            (sums, logSums, best) = (new double[pixels * classes], new double[pixels], new int[pixels]);
        sums.AsSpan(0, pixels * classes).Clear();
        logSums.AsSpan(0, pixels).Fill(double.NegativeInfinity);
    }

    public override void Add(ReadOnlySpan<float> outputs)
    {
        var labels = current!.Labels.Span;
        if (outputs.Length != labels.Length * classes)
            throw new EvaluationException($"The model gives {outputs.Length} scores for {labels.Length} pixels of {classes} classes; its scores and the masks differ in size.");
        for (var i = 0; i < labels.Length; i++)
        {
            var at = i / plane * plane * classes + i % plane;
            var largest = double.NegativeInfinity;
            for (var c = 0; c < classes; c++)
                largest = Math.Max(largest, outputs[at + c * plane]);
            var sum = 0.0;
            for (var c = 0; c < classes; c++)
                sum += row[c] = Math.Exp(outputs[at + c * plane] - largest);
            for (var c = 0; c < classes; c++)
                sums[at + c * plane] += row[c] / sum;
            if (labels[i] != ignoreIndex)
                logSums[i] = LogAdd(logSums[i], outputs[at + (int)labels[i] * plane] - largest - Math.Log(sum));
        }
    }

    public override void Finish(int states)
    {
        var labels = current!.Labels.Span;
        pictures += current.Count;
        for (var i = 0; i < labels.Length; i++)
        {
            var first = i / plane * plane * classes;
            best[i] = Planes.Largest<double>(sums.AsSpan(first), i % plane, plane, classes);
            if (labels[i] == ignoreIndex)
                continue;
            for (var c = 0; c < classes; c++)
                row[c] = sums[first + i % plane + c * plane] / states;
            calibration.Add(row, logSums[i] - Math.Log(states), (int)labels[i]);
            confusion.Add((int)labels[i], best[i]);
        }
        predicted?.Invoke(current, best.AsSpan(0, labels.Length));
    }

    public override EvaluationResult Result(int states) => calibration.Result(states) with { Examples = pictures, Segmentation = confusion.Measures() };
}
