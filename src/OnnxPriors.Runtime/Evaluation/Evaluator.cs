using System.Numerics.Tensors;
using OnnxPriors.Artifacts;
using OnnxPriors.Objectives;
using OnnxPriors.Runtime.Steps;

namespace OnnxPriors.Runtime.Evaluation;

/// <summary>Measures predictions over a source of batches: of one state, or averaged as probabilities over several.</summary>
public static class Evaluator
{
    /// <summary>Gives the logits [batch, C] of a batch, valid until the next call.</summary>
    /// <param name="batch">The examples.</param>
    /// <param name="state">Which of the states, from 0.</param>
    public delegate ReadOnlySpan<float> Predictor(Batch batch, int state);

    /// <summary>Takes the classes a segmentation predicts for a batch.</summary>
    /// <param name="batch">The examples.</param>
    /// <param name="classes">The most probable class of each pixel [batch, H, W].</param>
    public delegate void PixelsPredicted(Batch batch, ReadOnlySpan<int> classes);

    /// <summary>Evaluates states of a run.</summary>
    /// <param name="model">The eval model.</param>
    /// <param name="states">One state, or the samples to average.</param>
    /// <param name="data">The examples.</param>
    /// <param name="cancellation">Stops between batches.</param>
    /// <exception cref="EvaluationException">There is no example, or a logit is not a number.</exception>
    /// <exception cref="StepException">A batch does not fit the model, or the runtime fails.</exception>
    public static EvaluationResult Evaluate(
        EvalSession model, IReadOnlyList<EvalState> states, IBatchSource data, CancellationToken cancellation = default) =>
        Evaluate(model, states, data, null, cancellation);

    /// <summary>Evaluates states of a run.</summary>
    /// <param name="model">The eval model.</param>
    /// <param name="states">One state, or the samples to average.</param>
    /// <param name="data">The examples.</param>
    /// <param name="predicted">Called after each batch of a segmentation with its classes; null for none.</param>
    /// <param name="cancellation">Stops between batches.</param>
    /// <exception cref="EvaluationException">There is no example, or a logit is not a number.</exception>
    /// <exception cref="StepException">A batch does not fit the model, or the runtime fails.</exception>
    public static EvaluationResult Evaluate(
        EvalSession model, IReadOnlyList<EvalState> states, IBatchSource data, PixelsPredicted? predicted, CancellationToken cancellation = default)
    {
        ArgumentNullException.ThrowIfNull(model);
        ArgumentNullException.ThrowIfNull(states);
        ArgumentOutOfRangeException.ThrowIfZero(states.Count);
        return Evaluate((batch, state) => model.Run(batch, states[state]), states.Count, model.Manifest, data, predicted, cancellation);
    }

    /// <summary>Evaluates the average of states of one run or of several.</summary>
    /// <param name="ensemble">The states.</param>
    /// <param name="data">The examples.</param>
    /// <param name="cancellation">Stops between batches.</param>
    /// <exception cref="EvaluationException">There is no example, or a logit is not a number.</exception>
    /// <exception cref="StepException">A batch does not fit the model, or the runtime fails.</exception>
    public static EvaluationResult Evaluate(Ensemble ensemble, IBatchSource data, CancellationToken cancellation = default)
    {
        ArgumentNullException.ThrowIfNull(ensemble);
        return Evaluate(ensemble, data, null, cancellation);
    }

    /// <summary>Evaluates the states of an ensemble.</summary>
    /// <param name="ensemble">The states.</param>
    /// <param name="data">The examples.</param>
    /// <param name="predicted">Called after each batch of a segmentation with its classes; null for none.</param>
    /// <param name="cancellation">Stops between batches.</param>
    /// <exception cref="EvaluationException">There is no example, or a logit is not a number.</exception>
    /// <exception cref="StepException">A batch does not fit a model, or the runtime fails.</exception>
    public static EvaluationResult Evaluate(Ensemble ensemble, IBatchSource data, PixelsPredicted? predicted, CancellationToken cancellation = default)
    {
        ArgumentNullException.ThrowIfNull(ensemble);
        return Evaluate(ensemble.Predict, ensemble.Count, ensemble.Manifest, data, predicted, cancellation);
    }

    /// <summary>Evaluates a session's current state.</summary>
    /// <param name="session">The session.</param>
    /// <param name="data">The examples.</param>
    /// <param name="cancellation">Stops between batches.</param>
    /// <exception cref="EvaluationException">There is no example, or a logit is not a number.</exception>
    /// <exception cref="StepException">A batch does not fit the model, or the runtime fails.</exception>
    public static EvaluationResult Evaluate(StepSession session, IBatchSource data, CancellationToken cancellation = default)
    {
        ArgumentNullException.ThrowIfNull(session);
        return Evaluate((batch, _) => session.Predict(batch), 1, session.Manifest, data, null, cancellation);
    }

    private static EvaluationResult Evaluate(
        Predictor predict, int states, Manifest manifest, IBatchSource data, PixelsPredicted? predicted, CancellationToken cancellation) =>
        manifest.Task.Kind() == LearningTask.Classification
            ? Evaluate(predict, states, manifest.Classes, data, cancellation)
            : Evaluate(predict, states, manifest.Classes, manifest.Task, data, predicted, cancellation);

    /// <summary>Evaluates any predictor of a task other than classification.</summary>
    /// <param name="predict">Gives a state's logits, or means.</param>
    /// <param name="states">The number of states S.</param>
    /// <param name="classes">The number of classes, labels or numbers.</param>
    /// <param name="task">The task.</param>
    /// <param name="data">The examples.</param>
    /// <param name="predicted">Called after each batch of a segmentation with the most probable class of each pixel [batch, H, W]; null for none.</param>
    /// <param name="cancellation">Stops between batches.</param>
    /// <exception cref="EvaluationException">There is no example, an output is not a number, or the task is classification.</exception>
    public static EvaluationResult Evaluate(
        Predictor predict, int states, int classes, TaskChoice task, IBatchSource data, PixelsPredicted? predicted = null, CancellationToken cancellation = default)
    {
        ArgumentNullException.ThrowIfNull(predict);
        ArgumentNullException.ThrowIfNull(task);
        ArgumentNullException.ThrowIfNull(data);
        TaskEvaluation evaluation = task.Kind() switch
        {
            LearningTask.Segmentation => new PixelEvaluation(classes, task.IgnoreIndex ?? -1, predicted),
            LearningTask.MultiLabel => new FlagEvaluation(classes),
            LearningTask.Regression => new NumberEvaluation(classes, task.Deviation ?? 1),
            _ => throw new EvaluationException("Classification is evaluated by its labels."),
        };
        foreach (var batch in data.Read(0, 0, cancellation))
        {
            cancellation.ThrowIfCancellationRequested();
            evaluation.Start(batch);
            for (var state = 0; state < states; state++)
            {
                var logits = predict(batch, state);
                CheckFinite(logits, state, states);
                evaluation.Add(logits);
            }
            evaluation.Finish(states);
        }
        return evaluation.Result(states);
    }

    private static void CheckFinite(ReadOnlySpan<float> logits, int state, int states)
    {
        if (TensorPrimitives.IsFiniteAll(logits))
            return;
        foreach (var logit in logits)
            if (!float.IsFinite(logit))
                throw new EvaluationException($"The model gives {logit} as a logit{(states > 1 ? $" in sample {state + 1}" : "")}; the weights have diverged, train with a smaller learning rate.");
    }

    /// <summary>Evaluates any predictor of logits.</summary>
    /// <param name="predict">Gives a state's logits.</param>
    /// <param name="states">The number of states S.</param>
    /// <param name="classes">The number of classes C.</param>
    /// <param name="data">The examples.</param>
    /// <param name="cancellation">Stops between batches.</param>
    /// <exception cref="EvaluationException">There is no example, or a logit is not a number.</exception>
    public static EvaluationResult Evaluate(
        Predictor predict, int states, int classes, IBatchSource data, CancellationToken cancellation = default)
    {
        ArgumentNullException.ThrowIfNull(predict);
        ArgumentNullException.ThrowIfNull(data);
        var average = new ProbabilityAverage(classes);
        var calibration = new Calibration();
        foreach (var batch in data.Read(0, 0, cancellation))
        {
            cancellation.ThrowIfCancellationRequested();
            BatchBinder.CheckLabels(batch, classes);
            var labels = batch.Labels.Span;
            average.Start(batch.Count);
            for (var state = 0; state < states; state++)
            {
                var logits = predict(batch, state);
                CheckFinite(logits, state, states);
                average.Add(logits, labels);
            }
            var probabilities = average.Mean();
            for (var i = 0; i < batch.Count; i++)
                calibration.Add(probabilities.Slice(i * classes, classes), average.LogLikelihood(i), (int)labels[i]);
        }
        return calibration.Result(states);
    }
}
