using OnnxPriors.Graphs;
using static TorchSharp.torch;

namespace OnnxPriors.Torch.Operators;

/// <summary>One run of one node: its inputs as tensors, its attributes, and how the module computes.</summary>
/// <param name="node">The node.</param>
/// <param name="inputs">Its inputs, null where an optional one is left out. They belong to the module.</param>
/// <param name="engine">How the module computes.</param>
/// <param name="run">Runs a subgraph of the node on its own inputs; what it reads from around it is known.</param>
internal sealed class Call(Node node, Tensor?[] inputs, Engine engine, Func<Graph, IReadOnlyList<Tensor>, Tensor[]> run)
{
    /// <summary>The node.</summary>
    public Node Node => node;

    /// <summary>The node's attributes.</summary>
    public Attributes Attributes => node.Attributes;

    /// <summary>How the module computes.</summary>
    public Engine Engine => engine;

    /// <summary>The number of inputs, those left out at the end not counted.</summary>
    public int Count => inputs.Length;

    /// <summary>The number of outputs that the node names.</summary>
    public int Outputs => node.Outputs.Length;

    /// <summary>Runs a subgraph of the node.</summary>
    /// <param name="graph">The subgraph.</param>
    /// <param name="arguments">Its inputs in their order.</param>
    /// <returns>Its outputs in their order.</returns>
    public Tensor[] Run(Graph graph, IReadOnlyList<Tensor> arguments) => run(graph, arguments);

    /// <summary>An input that must be there.</summary>
    /// <param name="index">Its place in the specification's order.</param>
    public Tensor this[int index] =>
        Optional(index) ?? throw new GraphException($"{node.Title} lacks its input {index}; the operator needs it.");

    /// <summary>All inputs of a variadic operator.</summary>
    public IEnumerable<Tensor> All => Enumerable.Range(0, inputs.Length).Select(i => this[i]);

    /// <summary>An input that may be left out.</summary>
    /// <param name="index">Its place in the specification's order.</param>
    public Tensor? Optional(int index) => index < inputs.Length ? inputs[index] : null;

    /// <summary>Whether an input is there.</summary>
    /// <param name="index">Its place in the specification's order.</param>
    public bool Has(int index) => Optional(index) is not null;

    /// <summary>Whether something reads an output.</summary>
    /// <param name="index">Its place in the specification's order.</param>
    public bool Wants(int index) => index < node.Outputs.Length && node.Outputs[index] is not null;

    /// <summary>An integer input's elements on the host. For constants nothing is read back from the device.</summary>
    /// <param name="index">Its place in the specification's order.</param>
    public long[] Integers(int index)
    {
        if (node.TryInput(index)?.Data is { } data && data.Type is not ElementType.Bool) return data.ToInt64();
        using var host = this[index].detach().to(ScalarType.Int64).cpu().contiguous();
        return host.numel() == 0 ? [] : host.data<long>().ToArray();
    }

    /// <summary>An integer input's elements, or null where the input is left out.</summary>
    /// <param name="index">Its place in the specification's order.</param>
    public long[]? OptionalIntegers(int index) => Has(index) ? Integers(index) : null;

    /// <summary>The one element of an integer input.</summary>
    /// <param name="index">Its place in the specification's order.</param>
    /// <param name="otherwise">What is meant where the input is left out.</param>
    public long Integer(int index, long? otherwise = null) =>
        otherwise is { } value && !Has(index) ? value : Integers(index)[0];

    /// <summary>A real input's elements on the host.</summary>
    /// <param name="index">Its place in the specification's order.</param>
    public double[] Reals(int index)
    {
        if (node.TryInput(index)?.Data is { } data) return data.ToDouble();
        using var host = this[index].detach().to(ScalarType.Float64).cpu().contiguous();
        return host.numel() == 0 ? [] : host.data<double>().ToArray();
    }

    /// <summary>An axis counted from the end where negative, as a number from 0 to rank − 1.</summary>
    /// <param name="axis">From −rank to rank − 1.</param>
    /// <param name="rank">The number of axes.</param>
    /// <exception cref="GraphException">The axis is outside that range.</exception>
    public int Axis(long axis, long rank)
    {
        if (axis < -rank || axis >= Math.Max(rank, 1))
            throw new GraphException($"{node.Title} names axis {axis} of a tensor of {rank} axes.");
        return (int)(axis < 0 ? axis + rank : axis);
    }

    /// <summary>The axis that an attribute names, as a number from 0 to rank − 1.</summary>
    /// <param name="rank">The number of axes.</param>
    /// <param name="otherwise">The attribute's default.</param>
    /// <param name="attribute">The attribute's name.</param>
    public int Axis(long rank, long otherwise, string attribute) => Axis(Attributes.Int(attribute, otherwise), rank);

    /// <summary>An int64 tensor on the module's device.</summary>
    /// <param name="values">Its elements.</param>
    public Tensor Indices(params long[] values) => tensor(values, ScalarType.Int64, engine.Device);

    /// <summary>An error that says what of the operator this engine does not do.</summary>
    /// <param name="what">The form that is not supported, as the end of a sentence.</param>
    public UnsupportedOperatorException Unsupported(string what) => new($"{node.Title}: the TorchSharp module does not support {what}.");
}
