using OnnxPriors.Graphs;
using OnnxPriors.Torch;
using static TorchSharp.torch;

namespace OnnxPriors.Cli.Engines;

/// <summary>An imported graph under libtorch, from tensors to tensors.</summary>
internal static class TorchEngine
{
    /// <summary>Runs a graph.</summary>
    public static IReadOnlyDictionary<string, TensorData> Run(Graph graph, IReadOnlyDictionary<string, TensorData> inputs)
    {
        using var module = new GraphModule(graph, new GraphModuleOptions { RequiresGradient = false });
        using var noGradients = no_grad();
        using var scope = NewDisposeScope();
        var outputs = module.Forward(Tensors(graph, inputs));
        return graph.Outputs.ToDictionary(o => o.Name, o => Data(outputs[o.Name], o.Type));
    }

    /// <summary>The gradients of Σ⟨output, seed⟩ for given parameters, by libtorch's autograd, as float64 numbers.</summary>
    /// <param name="graph">The graph.</param>
    /// <param name="inputs">Its inputs.</param>
    /// <param name="seeds">The tensor that each output is multiplied with.</param>
    /// <param name="parameters">The parameters wanted.</param>
    /// <param name="precision">The precision to compute in.</param>
    /// <returns>A gradient for each parameter; zeros where nothing depends on it.</returns>
    public static IReadOnlyDictionary<string, double[]> Gradients(
        Graph graph,
        IReadOnlyDictionary<string, TensorData> inputs,
        IReadOnlyDictionary<string, TensorData> seeds,
        IReadOnlyList<Value> parameters,
        FloatPrecision precision)
    {
        using var module = new GraphModule(graph, new GraphModuleOptions { Precision = precision });
        using var scope = NewDisposeScope();
        var outputs = module.Forward(Tensors(graph, inputs));
        var objective = zeros([], dtype: module.FloatType);
        foreach (var (name, seed) in seeds)
            objective += (outputs[name].to_type(module.FloatType) * Tensor(seed).to_type(module.FloatType)).sum();
        var wanted = parameters.Select(p => (Tensor)module.Parameters[p.Name]).ToList();
        var gradients = autograd.grad([objective], wanted, allow_unused: true);
        return parameters.Zip(gradients).ToDictionary(
            p => p.First.Name,
            p => p.Second is null || p.Second.IsInvalid ? new double[p.First.Data!.Count] : p.Second.to_type(ScalarType.Float64).contiguous().data<double>().ToArray());
    }

    private static Dictionary<string, Tensor> Tensors(Graph graph, IReadOnlyDictionary<string, TensorData> inputs) =>
        graph.Inputs.ToDictionary(i => i.Name, i => Tensor(inputs[i.Name]));

    /// <summary>A tensor of libtorch with a copy of the contents; unsigned integers that it lacks become int64, bfloat16 stays.</summary>
    public static Tensor Tensor(TensorData data)
    {
        var type = data.Type switch
        {
            ElementType.Float => ScalarType.Float32,
            ElementType.Double => ScalarType.Float64,
            ElementType.Float16 => ScalarType.Float16,
            ElementType.BFloat16 => ScalarType.BFloat16,
            ElementType.Int64 => ScalarType.Int64,
            ElementType.Int32 => ScalarType.Int32,
            ElementType.Int16 => ScalarType.Int16,
            ElementType.Int8 => ScalarType.Int8,
            ElementType.UInt8 => ScalarType.Byte,
            ElementType.Bool => ScalarType.Bool,
            _ => ScalarType.Int64,
        };
        if (type == ScalarType.Int64 && data.Type != ElementType.Int64)
            data = data.ConvertTo(ElementType.Int64);
        var tensor = empty([.. data.Dimensions], dtype: type);
        if (data.Bytes.Length > 0)
            data.Bytes.Span.CopyTo(tensor.bytes);
        return tensor;
    }

    private static TensorData Data(Tensor tensor, ElementType type)
    {
        using var scope = NewDisposeScope();
        var plain = tensor.detach().cpu().contiguous();
        var own = plain.dtype switch
        {
            ScalarType.Float32 => ElementType.Float,
            ScalarType.Float64 => ElementType.Double,
            ScalarType.Float16 => ElementType.Float16,
            ScalarType.BFloat16 => ElementType.BFloat16,
            ScalarType.Int64 => ElementType.Int64,
            ScalarType.Int32 => ElementType.Int32,
            ScalarType.Int16 => ElementType.Int16,
            ScalarType.Int8 => ElementType.Int8,
            ScalarType.Byte => ElementType.UInt8,
            ScalarType.Bool => ElementType.Bool,
            _ => throw new EngineException($"libtorch gave a tensor of {plain.dtype}, which no ONNX output holds."),
        };
        var data = new TensorData(own, [.. plain.shape], plain.bytes.ToArray());
        return type == ElementType.Undefined || type == own ? data : data.ConvertTo(type);
    }
}
