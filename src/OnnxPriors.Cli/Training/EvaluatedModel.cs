using OnnxPriors.Runtime.Evaluation;
using OnnxPriors.Runtime.Steps;
using OnnxPriors.Runtime.Training;

namespace OnnxPriors.Cli.Training;

/// <summary>What <c>evaluate</c> measures: a run's states, or an ONNX file that classifies.</summary>
internal sealed class EvaluatedModel : IDisposable
{
    private readonly EvalSession? session;
    private readonly IReadOnlyList<EvalState> states = [];
    private readonly ClassifierModel? file;

    private EvaluatedModel(ModelInput input, ClassifierModel file) => (Input, this.file) = (input, file);

    private EvaluatedModel(RunFolder run, RunState state, StepOptions options)
    {
        (Input, Origin) = (ModelInput.Of(run.Manifest), RunOrigin.Parse(run.ReadOrigin()));
        session = run.OpenModel(options);
        try
        {
            states = run.OpenStates(state);
        }
        catch
        {
            session.Dispose();
            throw;
        }
    }

    /// <summary>What it wants of data.</summary>
    public ModelInput Input { get; }

    /// <summary>How it was trained, where that is known.</summary>
    public RunOrigin? Origin { get; }

    /// <summary>Opens a run's folder or a file.</summary>
    /// <param name="path">The folder or the file.</param>
    /// <param name="state">Which of a run's states.</param>
    /// <param name="options">How to run it.</param>
    /// <exception cref="EvaluationException">Nothing is there, or what is there does not classify.</exception>
    public static EvaluatedModel Open(string path, RunState state, StepOptions options)
    {
        if (Directory.Exists(path))
            return new EvaluatedModel(RunFolder.Open(path), state, options);
        if (!File.Exists(path))
            throw new EvaluationException($"There is no run and no file '{path}'.");
        var file = new ClassifierModel(path, options);
        return new EvaluatedModel(ModelInput.Of(file.InputShape, file.Metadata, file.Classes), file);
    }

    /// <summary>Measures it on data.</summary>
    public EvaluationResult Evaluate(IBatchSource data, CancellationToken cancellation) =>
        file?.Evaluate(data, cancellation) ?? Evaluator.Evaluate(session!, states, data, cancellation);

    /// <summary>Closes it.</summary>
    public void Dispose()
    {
        foreach (var state in states)
            state.Dispose();
        session?.Dispose();
        file?.Dispose();
    }
}
