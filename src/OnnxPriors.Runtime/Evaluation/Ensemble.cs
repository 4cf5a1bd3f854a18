using System.Numerics.Tensors;
using OnnxPriors.Artifacts;
using OnnxPriors.Runtime.Steps;
using OnnxPriors.Runtime.Training;

namespace OnnxPriors.Runtime.Evaluation;

/// <summary>
/// States of one run or of several, whose probabilities are averaged, each state alike: an average over a sampler's samples, a deep
/// ensemble over seeds (Lakshminarayanan, Pritzel, Blundell, NeurIPS 2017), or both. Runs of other steps may stand together where they take
/// the same inputs and give the same classes.
/// </summary>
public sealed class Ensemble : IDisposable
{
    private readonly List<EvalSession> models = [];
    private readonly List<(RunFolder Run, EvalSession Model, EvalState State)> members = [];

    private Ensemble()
    {
    }

    /// <summary>The first run's manifest: inputs, preprocessing and classes are those of all.</summary>
    public Manifest Manifest => members[0].Model.Manifest;

    /// <summary>The number of states.</summary>
    public int Count => members.Count;

    /// <summary>The runs with their eval models and states.</summary>
    internal IEnumerable<(RunFolder Run, EvalSession Model, IReadOnlyList<EvalState> States)> Parts => members
        .GroupBy(member => member.Model)
        .Select(group => (group.First().Run, group.Key, (IReadOnlyList<EvalState>)[.. group.Select(member => member.State)]));

    /// <summary>Opens the states of runs.</summary>
    /// <param name="runs">One run or several.</param>
    /// <param name="which">Which states of each.</param>
    /// <param name="options">How to run the models.</param>
    /// <exception cref="EvaluationException">The runs' models take other inputs, or give other classes.</exception>
    /// <exception cref="RunException">A run has no such state.</exception>
    /// <exception cref="StepException">A model cannot be loaded.</exception>
    public static Ensemble Open(IReadOnlyList<RunFolder> runs, RunState which = RunState.Default, StepOptions? options = null)
    {
        ArgumentNullException.ThrowIfNull(runs);
        ArgumentOutOfRangeException.ThrowIfZero(runs.Count);
        var ensemble = new Ensemble();
        try
        {
            foreach (var run in runs)
            {
                CheckFits(runs[0], run);
                // Runs of one step share its model: seeds differ in their states alone.
                var model = ensemble.members.FirstOrDefault(member => IsSameModel(member.Run.Manifest, run.Manifest)).Model;
                if (model is null)
                    ensemble.models.Add(model = run.OpenModel(options));
                foreach (var state in run.OpenStates(which))
                    ensemble.members.Add((run, model, state));
            }
            return ensemble;
        }
        catch
        {
            ensemble.Dispose();
            throw;
        }
    }

    /// <summary>The logits [batch, C] of one state, valid until the next call.</summary>
    /// <param name="batch">The examples.</param>
    /// <param name="state">Which state, from 0.</param>
    /// <exception cref="StepException">The batch does not fit the model, or the runtime fails.</exception>
    public ReadOnlySpan<float> Predict(Batch batch, int state) => members[state].Model.Run(batch, members[state].State);

    /// <summary>The averaged probabilities [batch, C], valid until the average's next batch.</summary>
    /// <param name="batch">The examples; labels are not used.</param>
    /// <param name="average">Where they are summed.</param>
    /// <exception cref="StepException">The batch does not fit the model, or the runtime fails.</exception>
    public ReadOnlySpan<double> Probabilities(Batch batch, ProbabilityAverage average)
    {
        ArgumentNullException.ThrowIfNull(batch);
        ArgumentNullException.ThrowIfNull(average);
        var none = new long[batch.Count];
        average.Start(batch.Count);
        for (var state = 0; state < Count; state++)
            average.Add(Predict(batch, state), none);
        return average.Mean();
    }

    /// <summary>The mean divergence KL(this ‖ other) of the averaged probabilities, in nats, and the share of examples on which both name the same class.</summary>
    /// <param name="other">The other ensemble, of the same classes.</param>
    /// <param name="data">The examples.</param>
    /// <param name="cancellation">Stops between batches.</param>
    public (double Divergence, double Agreement) Compare(Ensemble other, IBatchSource data, CancellationToken cancellation = default)
    {
        ArgumentNullException.ThrowIfNull(other);
        ArgumentNullException.ThrowIfNull(data);
        var (own, others, classes) = (new ProbabilityAverage(Manifest.Classes), new ProbabilityAverage(Manifest.Classes), Manifest.Classes);
        var (sum, same, count) = (0.0, 0, 0);
        foreach (var batch in data.Read(0, 0, cancellation))
        {
            var p = Probabilities(batch, own);
            var q = other.Probabilities(batch, others);
            for (var i = 0; i < p.Length; i++)
                sum += p[i] > 0 ? p[i] * Math.Log(p[i] / Math.Max(q[i], double.Epsilon)) : 0;
            for (var i = 0; i < batch.Count; i++)
                same += TensorPrimitives.IndexOfMax(p.Slice(i * classes, classes)) == TensorPrimitives.IndexOfMax(q.Slice(i * classes, classes)) ? 1 : 0;
            count += batch.Count;
        }
        return (sum / count, (double)same / count);
    }

    /// <summary>Ends the sessions and gives the states' memory back.</summary>
    public void Dispose()
    {
        foreach (var (_, _, state) in members)
            state.Dispose();
        models.ForEach(model => model.Dispose());
    }

    private static bool IsSameModel(Manifest a, Manifest b)
    {
        return Hash(a, StepFiles.Eval) == Hash(b, StepFiles.Eval) && Hash(a, StepFiles.Frozen) == Hash(b, StepFiles.Frozen)
            && a.Parameters.Select(p => (p.Name, p.Offset)).SequenceEqual(b.Parameters.Select(p => (p.Name, p.Offset)));

        static string? Hash(Manifest manifest, string name) => manifest.Files.FirstOrDefault(file => file.Name == name)?.Sha256;
    }

    private static void CheckFits(RunFolder first, RunFolder run)
    {
        var (a, b) = (first.Manifest, run.Manifest);
        Require(a.Classes == b.Classes && (a.ClassNames ?? []).SequenceEqual(b.ClassNames ?? []), "gives other classes");
        Require(TaskMetadata.Write(a.Task) == TaskMetadata.Write(b.Task), "has another task");
        Require(a.Inputs.Count == b.Inputs.Count && a.Inputs.Zip(b.Inputs).All(p => p.First.Name == p.Second.Name && p.First.Type == p.Second.Type && p.First.Shape.SequenceEqual(p.Second.Shape)),
            "takes other inputs");
        Require(a.Preprocessing.Count == b.Preprocessing.Count && a.Preprocessing.All(pair => b.Preprocessing.TryGetValue(pair.Key, out var other) && other == pair.Value),
            "prepares its inputs in another way");

        void Require(bool condition, string what)
        {
            if (!condition)
                throw new EvaluationException($"The run '{run.FullPath}' {what} than '{first.FullPath}', so the two cannot be averaged.");
        }
    }
}
