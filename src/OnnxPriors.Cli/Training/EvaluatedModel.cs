using OnnxPriors.Runtime.Evaluation;
using OnnxPriors.Runtime.Steps;
using OnnxPriors.Runtime.Training;

namespace OnnxPriors.Cli.Training;

/// <summary>What <c>evaluate</c> measures: the states of one or several runs, or an ONNX file that classifies.</summary>
internal sealed class EvaluatedModel : IDisposable
{
    private readonly Ensemble? runs;
    private readonly ClassifierModel? file;

    private EvaluatedModel(ModelInput input, ClassifierModel file) => (Input, this.file) = (input, file);

    private EvaluatedModel(RunFolder[] folders, RunState state, StepOptions options)
    {
        (Input, Origins) = (ModelInput.Of(folders[0].Manifest), [.. folders.Select(one => RunOrigin.Parse(one.ReadOrigin())).OfType<RunOrigin>()]);
        runs = Ensemble.Open(folders, state, options);
    }

    /// <summary>What it wants of data.</summary>
    public ModelInput Input { get; }

    /// <summary>How its runs were trained, where that is known.</summary>
    public IReadOnlyList<RunOrigin> Origins { get; } = [];

    /// <summary>Opens the folders of runs, or a file.</summary>
    /// <param name="paths">The folders, or the file.</param>
    /// <param name="state">Which of the runs' states.</param>
    /// <param name="options">How to run it.</param>
    /// <exception cref="EvaluationException">Nothing is there, or what is there does not classify.</exception>
    public static EvaluatedModel Open(IReadOnlyList<string> paths, RunState state, StepOptions options)
    {
        if (paths.Count > 1 || Directory.Exists(paths[0]))
            return new EvaluatedModel([.. paths.Select(RunFolder.Open)], state, options);
        if (!File.Exists(paths[0]))
            throw new EvaluationException($"There is no run and no file '{paths[0]}'.");
        var file = new ClassifierModel(paths[0], options);
        return new EvaluatedModel(ModelInput.Of(file.InputShape, file.Metadata, file.Classes), file);
    }

    /// <summary>Measures it on data.</summary>
    public EvaluationResult Evaluate(IBatchSource data, Evaluator.PixelsPredicted? predicted, CancellationToken cancellation) =>
        file?.Evaluate(data, predicted, cancellation) ?? Evaluator.Evaluate(runs!, data, predicted, cancellation);

    /// <summary>Closes it.</summary>
    public void Dispose()
    {
        runs?.Dispose();
        file?.Dispose();
    }
}
