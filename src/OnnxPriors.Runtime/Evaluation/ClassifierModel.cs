using System.Numerics.Tensors;
using Microsoft.ML.OnnxRuntime;
using Microsoft.ML.OnnxRuntime.Tensors;
using OnnxPriors.Artifacts;
using OnnxPriors.Objectives;
using OnnxPriors.Runtime.Steps;

namespace OnnxPriors.Runtime.Evaluation;

/// <summary>
/// Any ONNX file that classifies: one float input, and a first output of [batch, C] (trailing dimensions of 1 allowed) that is either
/// probabilities or logits. A file fixed at a batch of one is run example by example.
/// </summary>
public sealed class ClassifierModel : IDisposable
{
    /// <summary>Probabilities of zero count as this, so that a loss stays finite.</summary>
    private const float SmallestProbability = 1e-38f;

    private readonly InferenceSession session;
    private readonly RunOptions runOptions = new();
    private readonly string path, input, output;
    private readonly bool isHalf, takesOne;
    private float[] results = [];

    /// <summary>Opens a file.</summary>
    /// <param name="path">The ONNX file.</param>
    /// <param name="options">How to run it.</param>
    /// <exception cref="StepException">The runtime cannot load it.</exception>
    /// <exception cref="EvaluationException">It has several inputs, or one of another type.</exception>
    public ClassifierModel(string path, StepOptions? options = null)
    {
        this.path = path;
        session = SessionFactory.Open(path, options ?? new StepOptions());
        if (session.InputNames.Count != 1)
            throw Close($"'{path}' has {session.InputNames.Count} inputs; only a model of one can be evaluated.");
        (input, output) = (session.InputNames[0], session.OutputNames[0]);
        var metadata = session.InputMetadata[input];
        if (metadata.ElementDataType is not (TensorElementType.Float or TensorElementType.Float16))
            throw Close($"'{path}' takes {metadata.ElementDataType} as its input '{input}'; only float and float16 can be given.");
        isHalf = metadata.ElementDataType == TensorElementType.Float16;
        takesOne = metadata.Dimensions is [1, ..];
        Task = TaskMetadata.Read(Metadata);
        var dimensions = session.OutputMetadata[output].Dimensions;
        Classes = dimensions.Length > 1 && dimensions[1] > 0 ? dimensions[1] : null;
    }

    /// <summary>What the file says it predicts; classification where it says nothing.</summary>
    public TaskChoice Task { get; }

    /// <summary>The number of classes C, where the file says so.</summary>
    public int? Classes { get; private set; }

    /// <summary>The file's free text by key: preprocessing, class names.</summary>
    public IReadOnlyDictionary<string, string> Metadata => session.ModelMetadata.CustomMetadataMap;

    /// <summary>The input's dimensions, the batch first; null where any size will do.</summary>
    public IReadOnlyList<int?> InputShape => [.. session.InputMetadata[input].Dimensions.Select(size => size > 0 ? size : (int?)null)];

    /// <summary>Runs a batch.</summary>
    /// <param name="batch">The examples; labels are not used.</param>
    /// <returns>The output as the file has it, [batch, C], valid until the next run.</returns>
    /// <exception cref="StepException">The runtime fails.</exception>
    /// <exception cref="EvaluationException">The output is not [batch, C].</exception>
    public ReadOnlySpan<float> Run(Batch batch)
    {
        ArgumentNullException.ThrowIfNull(batch);
        var given = batch.Inputs[0];
        var written = 0;
        ModelCheck.Run(path, () =>
        {
            using var value = given.CreateValue();
            if (!takesOne && !isHalf)
            {
                written = RunOnce(value, batch.Count, 0);
                return;
            }
            var all = value.GetTensorDataAsSpan<float>();
            var size = all.Length / batch.Count;
            var step = takesOne ? 1 : batch.Count;
            for (var first = 0; first < batch.Count; first += step)
            {
                long[] shape = [step, .. given.Shape[1..]];
                using var part = Part(all.Slice(first * size, step * size), shape);
                written = RunOnce(part, step, written);
            }
        });
        return results.AsSpan(0, written);
    }

    /// <summary>Measures the model.</summary>
    /// <param name="data">The examples.</param>
    /// <param name="cancellation">Stops between batches.</param>
    /// <exception cref="EvaluationException">There is no example, or the output does not suit.</exception>
    /// <exception cref="StepException">The runtime fails.</exception>
    public EvaluationResult Evaluate(IBatchSource data, CancellationToken cancellation = default) => Evaluate(data, null, cancellation);

    /// <summary>Measures the model.</summary>
    /// <param name="data">The examples.</param>
    /// <param name="predicted">Called with a segmentation's classes; null for none.</param>
    /// <param name="cancellation">Stops between batches.</param>
    /// <returns>The result; whether the file gives probabilities is told by its first batch: rows that lie in 0 … 1 and sum to 1.</returns>
    /// <exception cref="EvaluationException">There is no example, or the output does not suit.</exception>
    /// <exception cref="StepException">The runtime fails.</exception>
    public EvaluationResult Evaluate(IBatchSource data, Evaluator.PixelsPredicted? predicted, CancellationToken cancellation = default)
    {
        ArgumentNullException.ThrowIfNull(data);
        if (Task.Kind() != LearningTask.Classification)
            return Evaluator.Evaluate(
                (batch, _) => Outputs(Run(batch)), 1,
                Classes ?? throw new EvaluationException($"'{path}' does not say how many {(Task.Kind() == LearningTask.Regression ? "numbers" : "classes")} it predicts; export the model again."),
                Task, data, predicted, cancellation);
        bool? areProbabilities = null;
        if (Classes is null)
        {
            foreach (var batch in data.Read(0, 0, cancellation))
            {
                Run(batch);
                break;
            }
        }
        return Evaluator.Evaluate(
            (batch, _) =>
            {
                var values = Run(batch);
                areProbabilities ??= AreProbabilities(values, Classes!.Value);
                if (areProbabilities.Value)
                {
                    var logits = results.AsSpan(0, values.Length);
                    TensorPrimitives.Max(logits, SmallestProbability, logits);
                    TensorPrimitives.Log(logits, logits);
                }
                return values;
            },
            1, Classes ?? throw new EvaluationException("There is no example to evaluate on; check the data and its split."), data, cancellation);
    }

    /// <summary>Ends the session.</summary>
    public void Dispose()
    {
        session.Dispose();
        runOptions.Dispose();
    }

    // An exported model gives probabilities; what is measured are the outputs they are made of.
    private ReadOnlySpan<float> Outputs(ReadOnlySpan<float> predictions)
    {
        var values = results.AsSpan(0, predictions.Length);
        switch (Task.Kind())
        {
            case LearningTask.Segmentation:
                TensorPrimitives.Max(values, SmallestProbability, values);
                TensorPrimitives.Log(values, values);
                break;
            case LearningTask.MultiLabel:
                foreach (ref var value in values)
                {
                    var probability = Math.Clamp((double)value, SmallestProbability, 1 - 1e-7);
                    value = (float)Math.Log(probability / (1 - probability));
                }
                break;
            default:
                break;
        }
        return values;
    }

    private static bool AreProbabilities(ReadOnlySpan<float> values, int classes)
    {
        for (var first = 0; first < values.Length; first += classes)
        {
            var row = values.Slice(first, classes);
            if (TensorPrimitives.Min(row) < 0 || Math.Abs(TensorPrimitives.Sum(row) - 1) > 1e-3)
                return false;
        }
        return true;
    }

    private OrtValue Part(ReadOnlySpan<float> values, long[] shape)
    {
        if (!isHalf)
            return OrtValue.CreateTensorValueFromMemory(values.ToArray(), shape);
        var halves = new Float16[values.Length];
        for (var i = 0; i < halves.Length; i++)
            halves[i] = new Float16(BitConverter.HalfToUInt16Bits((Half)values[i]));
        return OrtValue.CreateTensorValueFromMemory(halves, shape);
    }

    private int RunOnce(OrtValue value, int count, int start)
    {
        using var outputs = session.Run(runOptions, [input], [value], [output]);
        var shape = outputs[0].GetTensorTypeAndShape();
        var isMatrix = shape.Shape.Length >= 2 && shape.Shape[0] == count && (Task.Kind() == LearningTask.Segmentation || shape.Shape.Skip(2).All(size => size == 1));
        if (!isMatrix || shape.ElementDataType is not (TensorElementType.Float or TensorElementType.Float16))
            throw new EvaluationException($"'{path}' gives {shape.ElementDataType} [{string.Join(", ", shape.Shape)}] as '{output}' for {count} examples, not scores [batch, classes]; it does not classify.");
        Classes = (int)shape.Shape[1];
        var length = checked((int)shape.ElementCount);
        if (results.Length < start + length)
            Array.Resize(ref results, Math.Max(start + length, 2 * results.Length));
        var target = results.AsSpan(start, length);
        if (shape.ElementDataType == TensorElementType.Float)
        {
            outputs[0].GetTensorDataAsSpan<float>().CopyTo(target);
            return start + length;
        }
        var halves = outputs[0].GetTensorDataAsSpan<Float16>();
        for (var i = 0; i < length; i++)
            target[i] = (float)BitConverter.UInt16BitsToHalf(halves[i].value);
        return start + length;
    }

    private EvaluationException Close(string message)
    {
        Dispose();
        return new EvaluationException(message);
    }
}
