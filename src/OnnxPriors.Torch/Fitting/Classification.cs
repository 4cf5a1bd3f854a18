using TorchSharp.Modules;
using static TorchSharp.torch;

namespace OnnxPriors.Torch.Fitting;

/// <summary>Cross-entropy of a model's logits on the classes of the source task: the batch's mean, in nats.</summary>
public sealed class Classification : IFitObjective
{
    private readonly GraphModule module;

    /// <summary>Takes a model.</summary>
    /// <param name="module">A model of one input and one output, the logits [N, C].</param>
    /// <exception cref="FitException">It has other inputs or outputs.</exception>
    public Classification(GraphModule module)
    {
        ArgumentNullException.ThrowIfNull(module);
        if (module.Graph.Inputs.Length != 1 || module.Graph.Outputs.Length != 1)
            throw new FitException($"A fit needs a model of one input and one output of logits; this one has {module.Graph.Inputs.Length} and {module.Graph.Outputs.Length}.");
        this.module = module;
    }

    /// <inheritdoc/>
    public string Name => "cross-entropy";

    /// <inheritdoc/>
    public IReadOnlyList<Parameter> Parameters => [];

    /// <inheritdoc/>
    public Tensor Loss(LabelledBatch batch)
    {
        var (logits, labels) = Logits(batch);
        return nn.functional.cross_entropy(logits, labels);
    }

    /// <summary>The share of a batch's examples whose class has the largest logit, summed over all batches of one pass.</summary>
    /// <param name="data">Examples with their classes.</param>
    /// <param name="cancellation">Ends the count between two batches.</param>
    /// <returns>Top-1 accuracy, from 0 to 1.</returns>
    /// <exception cref="FitException">There are no examples, or one has a class that the head lacks.</exception>
    public double Accuracy(IEnumerable<LabelledBatch> data, CancellationToken cancellation = default)
    {
        ArgumentNullException.ThrowIfNull(data);
        using var noGradients = no_grad();
        long right = 0, count = 0;
        foreach (var batch in data)
        {
            cancellation.ThrowIfCancellationRequested();
            using var scope = NewDisposeScope();
            var (logits, labels) = Logits(batch);
            right += (logits.argmax(1) == labels).sum().item<long>();
            count += labels.shape[0];
        }
        return count == 0 ? throw new FitException("There are no examples to measure accuracy on.") : (double)right / count;
    }

    /// <summary>The logits [N, C] of a batch and its labels [N]; extents of 1 behind the classes are dropped.</summary>
    internal (Tensor Logits, Tensor Labels) Logits(LabelledBatch batch)
    {
        var input = module.Graph.Inputs[0];
        var x = tensor(batch.Values.ToArray(), [.. batch.Shape], device: module.Device);
        var output = module.Forward(new Dictionary<string, Tensor> { [input.Name] = x })[module.Graph.Outputs[0].Name];
        if (output.dim() < 2 || output.shape[0] != batch.Labels.Length || output.shape[2..].Any(extent => extent != 1))
            throw new FitException($"The model's output '{module.Graph.Outputs[0].Name}' has shape [{string.Join(", ", output.shape)}]; a fit needs logits [{batch.Labels.Length}, classes].");
        long classes = output.shape[1];
        foreach (long label in batch.Labels.Span)
            if (label < 0 || label >= classes)
                throw new FitException($"An example has the label {label}; the model's own head has {classes} classes, from 0 to {classes - 1}. Fit on the model's source classes.");
        return (output.reshape(-1, classes), tensor(batch.Labels.ToArray(), device: module.Device));
    }
}
