using OnnxPriors.Artifacts;
using OnnxPriors.Objectives;
using OnnxPriors.Onnx;
using OnnxPriors.Runtime.Evaluation;
using OnnxPriors.Runtime.Steps;
using OnnxPriors.Runtime.Training;

namespace OnnxPriors.Runtime.Export;

/// <summary>What an export came to.</summary>
/// <param name="Path">The model.</param>
/// <param name="Samples">The states in it.</param>
/// <param name="MaxAbsDifference">The largest difference of a probability from the run's own, over the batches compared.</param>
/// <param name="Examples">The examples compared.</param>
public sealed record ExportResult(string Path, int Samples, double MaxAbsDifference, int Examples);

/// <summary>
/// Writes a run as one ONNX file of standard operators: the preprocessed tensor in, the task's predictions out (class probabilities [batch, C],
/// those of every pixel [batch, C, H, W], of every label [batch, C], or a regression's means [batch, D]), with the
/// preprocessing and the classes' names in its metadata; then runs the file against the run's own predictions.
/// </summary>
public static class Exporter
{
    /// <summary>The largest difference of a probability that float32 arithmetic in another order explains.</summary>
    public const double Tolerance = 1e-4;

    /// <summary>Exports states of a run and checks the file.</summary>
    /// <param name="run">The run.</param>
    /// <param name="path">The file to write; it appears once it has passed the check.</param>
    /// <param name="which">Which states.</param>
    /// <param name="check">Batches to compare on, or null for random ones of the model's input shape.</param>
    /// <param name="options">How to run both.</param>
    /// <exception cref="RunException">The run has no such state.</exception>
    /// <exception cref="ExportException">The exported model predicts something else.</exception>
    /// <exception cref="StepException">A model cannot be loaded or run.</exception>
    /// <exception cref="IOException">The file cannot be written.</exception>
    public static ExportResult Export(
        RunFolder run, string path, RunState which = RunState.Default, IBatchSource? check = null, StepOptions? options = null)
    {
        ArgumentNullException.ThrowIfNull(run);
        return Export([run], path, which, check, options);
    }

    /// <summary>Exports the average over states of several runs and checks the file.</summary>
    /// <param name="runs">The runs.</param>
    /// <param name="path">The file to write; it appears once it has passed the check.</param>
    /// <param name="which">Which states of each.</param>
    /// <param name="check">Batches to compare on, or null for random ones of the model's input shape.</param>
    /// <param name="options">How to run both.</param>
    /// <exception cref="EvaluationException">The runs cannot be averaged.</exception>
    /// <exception cref="RunException">A run has no such state.</exception>
    /// <exception cref="ExportException">The exported model predicts something else.</exception>
    /// <exception cref="StepException">A model cannot be loaded or run.</exception>
    /// <exception cref="IOException">The file cannot be written.</exception>
    public static ExportResult Export(
        IReadOnlyList<RunFolder> runs, string path, RunState which = RunState.Default, IBatchSource? check = null, StepOptions? options = null)
    {
        using var ensemble = Ensemble.Open(runs, which, options);
        var parts = ensemble.Parts.Select(part => new AveragedPart(OnnxFile.Load(Path.Combine(part.Run.FullPath, StepFiles.Eval)), part.Model.Manifest, part.States));
        return Export([.. parts], ensemble.Predict, path, check, options);
    }

    /// <summary>Exports states of a step's model and checks the file.</summary>
    /// <param name="evalPath">The eval model's file.</param>
    /// <param name="eval">The eval model, opened.</param>
    /// <param name="states">The states to average over.</param>
    /// <param name="path">The file to write; it appears once it has passed the check.</param>
    /// <param name="check">Batches to compare on, or null for random ones of the model's input shape.</param>
    /// <param name="options">How to run both.</param>
    /// <exception cref="ExportException">The exported model predicts something else.</exception>
    /// <exception cref="StepException">A model cannot be loaded or run.</exception>
    /// <exception cref="IOException">The file cannot be written.</exception>
    public static ExportResult Export(
        string evalPath, EvalSession eval, IReadOnlyList<EvalState> states, string path, IBatchSource? check = null, StepOptions? options = null)
    {
        ArgumentNullException.ThrowIfNull(eval);
        ArgumentNullException.ThrowIfNull(states);
        ArgumentOutOfRangeException.ThrowIfZero(states.Count);
        var part = new AveragedPart(OnnxFile.Load(evalPath), eval.Manifest, states);
        return Export([part], (batch, state) => eval.Run(batch, states[state]), path, check, options);
    }

    private static ExportResult Export(
        IReadOnlyList<AveragedPart> parts, Evaluator.Predictor predict, string path, IBatchSource? check, StepOptions? options)
    {
        ArgumentException.ThrowIfNullOrEmpty(path);
        var (model, manifest, states) = (AveragedModel.Build(parts), parts[0].Manifest, parts.Sum(part => part.States.Count));
        // Beside the place first: external data carries the file's name, so the folder is what is moved from.
        var whole = Path.GetFullPath(path);
        var beside = Directory.CreateDirectory(Path.Combine(Path.GetDirectoryName(whole)!, $".{Path.GetFileName(whole)}.{Path.GetRandomFileName()}.partial"));
        try
        {
            var written = Path.Combine(beside.FullName, Path.GetFileName(whole));
            OnnxFile.Save(model, written);
            var (difference, examples) = Compare(written, predict, states, manifest, check ?? new RandomBatches(manifest), options ?? new StepOptions());
            if (!(difference <= Tolerance))
                throw new ExportException(FormattableString.Invariant($"The exported model's probabilities differ from the run's by up to {difference:G3}, more than {Tolerance}; '{path}' was not written. Please report it with the model."));
            foreach (var file in beside.GetFiles().OrderBy(file => file.Extension == ".onnx"))
                file.MoveTo(Path.Combine(Path.GetDirectoryName(whole)!, file.Name), overwrite: true);
            return new ExportResult(path, states, difference, examples);
        }
        finally
        {
            beside.Delete(recursive: true);
        }
    }

    private static (double Difference, int Examples) Compare(
        string path, Evaluator.Predictor predict, int states, Manifest manifest, IBatchSource data, StepOptions options)
    {
        using var exported = new ClassifierModel(path, options);
        var task = manifest.Task.Kind();
        var (largest, examples) = (0.0, 0);
        foreach (var batch in data.Read(0, 0, CancellationToken.None))
        {
            double[] expected = [];
            for (var state = 0; state < states; state++)
            {
                var outputs = predict(batch, state);
                if (expected.Length == 0)
                    expected = new double[outputs.Length];
                Predictive.AddTo(task, outputs, batch.Count, manifest.Classes, expected);
            }
            var found = exported.Run(batch);
            if (found.Length != expected.Length)
                throw new ExportException($"The exported model gives {found.Length} numbers for a batch where the run gives {expected.Length}; '{path}' was not written. Please report it with the model.");
            for (var i = 0; i < expected.Length; i++)
            {
                var mean = expected[i] / states;
                // Probabilities are compared as they are, numbers of any size in proportion.
                var difference = Math.Abs(mean - found[i]) / (task == LearningTask.Regression ? Math.Max(1, Math.Abs(mean)) : 1);
                largest = difference <= largest ? largest : difference;
            }
            examples += batch.Count;
        }
        return examples > 0 ? (largest, examples) : throw new ExportException("There was no example to compare the exported model on.");
    }
}
