using System.Collections.Immutable;
using OnnxPriors.Graphs;
using OnnxPriors.Torch;
using static TorchSharp.torch;

namespace OnnxPriors.Cli.Engines;

/// <summary>The mean cross-entropy of a graph's class scores and its gradients by libtorch, in float64.</summary>
internal static class TorchCrossEntropy
{
    /// <summary>Runs forward and backward.</summary>
    /// <param name="graph">A graph whose one output is the class scores [batch, C].</param>
    /// <param name="inputs">Its inputs.</param>
    /// <param name="labels">The labels, int64 [batch].</param>
    /// <param name="tensors">The parameters to differentiate for.</param>
    /// <returns>The loss, and a float32 gradient for each parameter; zeros where nothing depends on it.</returns>
    public static (double Loss, ImmutableArray<TensorData> Gradients) Run(
        Graph graph, IReadOnlyDictionary<string, TensorData> inputs, TensorData labels, IReadOnlyList<Value> tensors)
    {
        using var module = new GraphModule(graph, new GraphModuleOptions { Precision = FloatPrecision.Double });
        using var scope = NewDisposeScope();
        var outputs = module.Forward(graph.Inputs.ToDictionary(i => i.Name, i => TorchEngine.Tensor(inputs[i.Name])));
        var loss = nn.functional.cross_entropy(outputs[graph.Outputs[0].Name], TorchEngine.Tensor(labels));
        // libtorch ends the process where nothing takes a gradient.
        if (tensors.Count == 0 || !loss.requires_grad)
            return (loss.item<double>(), [.. tensors.Select(Zeros)]);
        var gradients = autograd.grad([loss], tensors.Select(t => (Tensor)module.Parameters[t.Name]).ToArray(), allow_unused: true);
        return (loss.item<double>(), [.. tensors.Zip(gradients).Select(p => p.Second is null || p.Second.IsInvalid
            ? Zeros(p.First)
            : TensorData.Of(p.Second.to_type(ScalarType.Float32).contiguous().data<float>().ToArray(), p.First.Data!.Dimensions))]);
    }

    private static TensorData Zeros(Value tensor) => TensorData.Of(new float[tensor.Data!.Count], tensor.Data.Dimensions);
}
