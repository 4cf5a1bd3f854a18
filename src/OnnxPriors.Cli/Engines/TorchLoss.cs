using System.Collections.Immutable;
using OnnxPriors.Graphs;
using OnnxPriors.Torch;
using static TorchSharp.torch;

namespace OnnxPriors.Cli.Engines;

/// <summary>A loss of a graph's outputs and its gradients by libtorch, in float64.</summary>
internal static class TorchLoss
{
    /// <summary>The mean cross-entropy over class scores [batch, C], the graph's one output.</summary>
    /// <param name="labels">The labels, int64 [batch].</param>
    public static Func<IReadOnlyList<Tensor>, Tensor> CrossEntropy(TensorData labels) => outputs =>
        nn.functional.cross_entropy(outputs[0], TorchEngine.Tensor(labels));

    /// <summary>Σ⟨output, direction⟩ over the outputs that have a direction.</summary>
    /// <param name="directions">A tensor, or null, for each output.</param>
    public static Func<IReadOnlyList<Tensor>, Tensor> Linear(IReadOnlyList<TensorData?> directions) => outputs =>
    {
        var loss = zeros([], dtype: ScalarType.Float64);
        foreach (var (output, direction) in outputs.Zip(directions))
            if (direction is not null)
                loss += (output.to_type(ScalarType.Float64) * TorchEngine.Tensor(direction).to_type(ScalarType.Float64)).sum();
        return loss;
    };

    /// <summary>Runs forward and backward.</summary>
    /// <param name="graph">A graph.</param>
    /// <param name="inputs">Its inputs.</param>
    /// <param name="loss">The loss of the graph's outputs, in their order.</param>
    /// <param name="tensors">The parameters to differentiate for.</param>
    /// <returns>The loss, and a float32 gradient for each parameter; zeros where nothing depends on it.</returns>
    public static (double Loss, ImmutableArray<TensorData> Gradients) Run(
        Graph graph, IReadOnlyDictionary<string, TensorData> inputs, Func<IReadOnlyList<Tensor>, Tensor> loss, IReadOnlyList<Value> tensors)
    {
        using var module = new GraphModule(graph, new GraphModuleOptions { Precision = FloatPrecision.Double });
        using var scope = NewDisposeScope();
        var outputs = module.Forward(graph.Inputs.ToDictionary(i => i.Name, i => TorchEngine.Tensor(inputs[i.Name])));
        var value = loss([.. graph.Outputs.Select(o => outputs[o.Name])]);
        // libtorch ends the process where nothing takes a gradient.
        if (tensors.Count == 0 || !value.requires_grad)
            return (value.item<double>(), [.. tensors.Select(Zeros)]);
        var gradients = autograd.grad([value], tensors.Select(t => (Tensor)module.Parameters[t.Name]).ToArray(), allow_unused: true);
        return (value.item<double>(), [.. tensors.Zip(gradients).Select(p => p.Second is null || p.Second.IsInvalid
            ? Zeros(p.First)
            : TensorData.Of(p.Second.to_type(ScalarType.Float32).contiguous().data<float>().ToArray(), p.First.Data!.Dimensions))]);
    }

    private static TensorData Zeros(Value tensor) => TensorData.Of(new float[tensor.Data!.Count], tensor.Data.Dimensions);
}
