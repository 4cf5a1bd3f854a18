using System.Diagnostics;
using OnnxPriors.Cli.Engines;
using OnnxPriors.Graphs;
using OnnxPriors.Importing;
using OnnxPriors.Priors;
using OnnxPriors.Torch;
using OnnxPriors.Torch.Operators;
using TorchSharp;
using TorchSharp.Modules;
using static TorchSharp.torch;

namespace OnnxPriors.Cli.Benchmarking;

/// <summary>
/// What a .NET user would otherwise run: libtorch training the imported module through TorchSharp, with SGD and, where asked for, the prior
/// as the paper's code has it: parameters flattened at each step, and the log-density of a low-rank Gaussian, as
/// <c>LowRankMultivariateNormal</c> computes it, through autograd.
/// </summary>
internal sealed class TorchContender : IContender
{
    private readonly GraphModule module;
    private readonly Dictionary<string, Tensor> inputs;
    private readonly Tensor labels;
    private readonly List<Parameter> trained;
    private readonly optim.Optimizer optimizer;
    private readonly LowRankDensity? prior;

    /// <summary>Makes the module of an imported model.</summary>
    /// <param name="model">The model with class scores as its one output.</param>
    /// <param name="arrays">The model's inputs.</param>
    /// <param name="classes">The labels [batch].</param>
    /// <param name="priorFile">The prior file, or null for none.</param>
    /// <param name="threads">Threads that compute; 0: libtorch's own choice.</param>
    public TorchContender(ImportedModel model, IReadOnlyDictionary<string, TensorData> arrays, long[] classes, string? priorFile, int threads)
    {
        var watch = Stopwatch.StartNew();
        module = new GraphModule(model.Graph, new GraphModuleOptions { Statistics = BatchStatistics.Frozen });
        if (threads > 0)
            set_num_threads(threads);
        trained = [.. model.Trainable.Select(t => module.Parameters[t.Name])];
        optimizer = optim.SGD(trained, Workload.LearningRate, Workload.Momentum);
        prior = priorFile is null ? null : new LowRankDensity(PosteriorFile.Read(priorFile), [.. model.Trainable.Select(t => (t.Name, module.Parameters[t.Name]))]);
        SessionSeconds = watch.Elapsed.TotalSeconds;
        inputs = model.Graph.Inputs.ToDictionary(i => i.Name, i => TorchEngine.Tensor(arrays[i.Name]).DetachFromDisposeScope());
        labels = tensor(classes).DetachFromDisposeScope();
    }

    /// <inheritdoc/>
    public double SessionSeconds { get; }

    /// <inheritdoc/>
    public void Step()
    {
        using var scope = NewDisposeScope();
        optimizer.zero_grad();
        var scores = module.Forward(inputs)[module.Graph.Outputs[0].Name];
        var loss = nn.functional.cross_entropy(scores.reshape(labels.shape[0], -1), labels);
        if (prior is not null)
        {
            using Scalar weight = Workload.PriorWeight;
            loss -= prior.LogDensity() * weight;
        }
        loss.backward();
        optimizer.step();
    }

    /// <inheritdoc/>
    public void Dispose()
    {
        optimizer.Dispose();
        prior?.Dispose();
        foreach (var input in inputs.Values)
            input.Dispose();
        labels.Dispose();
        module.Dispose();
    }
}
