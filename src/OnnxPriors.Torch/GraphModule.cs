using OnnxPriors.Graphs;
using OnnxPriors.Torch.Native;
using OnnxPriors.Torch.Operators;
using TorchSharp;
using TorchSharp.Modules;
using static TorchSharp.torch;

namespace OnnxPriors.Torch;

/// <summary>
/// A graph as a TorchSharp module: libtorch computes it and its gradients. Parameters keep the graph's names. Intermediate tensors are
/// released as soon as nothing reads them any more (what backward needs stays with libtorch).
/// </summary>
/// <remarks>
/// This is the second of two implementations of every operator, ONNX Runtime's kernels under the gradient graph being the other; each
/// checks the other. A module is used by one thread at a time.
/// </remarks>
public sealed class GraphModule : nn.Module
{
    private readonly Engine engine;
    private readonly Interpreter interpreter;
    private readonly Dictionary<string, Parameter> parametersByName = new(StringComparer.Ordinal);
    private readonly Dictionary<string, Tensor> statistics = new(StringComparer.Ordinal);
    private readonly List<Tensor> constants = [];

    // libtorch must be loadable before the base class's constructor first calls it.
    static GraphModule()
    {
        TorchNative.EnsureLoaded();
        ConvolutionCheck.Ensure();
    }

    /// <summary>Makes a module of a graph; parameters and constants are copied to the device.</summary>
    /// <param name="graph">The graph.</param>
    /// <param name="options">How to compute.</param>
    /// <exception cref="UnsupportedOperatorException">The graph holds operators that the module lacks; the message lists them all.</exception>
    /// <exception cref="TorchNativeException">libtorch cannot be loaded, or has no such device here.</exception>
    public GraphModule(Graph graph, GraphModuleOptions? options = null) : base(nameof(GraphModule))
    {
        ArgumentNullException.ThrowIfNull(graph);
        options ??= new GraphModuleOptions();
        OperatorRegistry.Standard.Require(graph);
        Graph = graph;
        engine = new Engine(options.FloatType, DeviceOf(options.Device)) { Statistics = options.Statistics };
        var leaves = new Dictionary<Value, Tensor>();
        using var scope = NewDisposeScope();
        var running = RunningStatisticsOf(graph).ToHashSet();
        foreach (var value in Leaves(graph))
            leaves.Add(value, Place(value, running.Contains(value), options.RequiresGradient));
        interpreter = new Interpreter(OperatorRegistry.Standard, engine, graph, leaves);
    }

    /// <summary>The graph.</summary>
    public Graph Graph { get; }

    /// <summary>The float tensors that may train, by the graph's names, in the order of their first use. The module owns them.</summary>
    public IReadOnlyDictionary<string, Parameter> Parameters => parametersByName;

    /// <summary>The running means and variances of BatchNormalization nodes [C], by the graph's names. The module owns them.</summary>
    public IReadOnlyDictionary<string, Tensor> RunningStatistics => statistics;

    /// <summary>The statistics that BatchNormalization uses.</summary>
    public BatchStatistics Statistics
    {
        get => engine.Statistics;
        set => engine.Statistics = value;
    }

    /// <summary>Where the module's tensors lie.</summary>
    public Device Device => engine.Device;

    /// <summary>The type of the module's floats.</summary>
    public ScalarType FloatType => engine.FloatType;

    /// <summary>
    /// What a user should know of the processor: that oneDNN's convolutions are wrong on it and libtorch's own, slower ones compute in their
    /// place; null where all is well.
    /// </summary>
    public static string? Remark => ConvolutionCheck.Ensure() == ConvolutionEngine.WithoutOneDnn
        ? "libtorch's oneDNN computes wrong convolutions on this processor; its own, slower ones are used"
        : null;

    /// <summary>The standard operators that a module computes.</summary>
    public static IReadOnlyCollection<string> SupportedOperators => OperatorRegistry.Standard.Operators;

    /// <summary>The nodes of a graph that a module could not compute, those of subgraphs included.</summary>
    /// <param name="graph">The graph.</param>
    public static IReadOnlyList<Node> Unsupported(Graph graph) => [.. OperatorRegistry.Standard.Missing(graph)];

    /// <summary>Runs the graph.</summary>
    /// <param name="inputs">A tensor for each of the graph's inputs, by name; they are brought to the module's device and types.</param>
    /// <returns>The graph's outputs by name. They belong to the caller, or to the caller's dispose scope.</returns>
    /// <exception cref="GraphException">An input is missing, or a node cannot take what it is given; the message names it.</exception>
    public IReadOnlyDictionary<string, Tensor> Forward(IReadOnlyDictionary<string, Tensor> inputs)
    {
        ArgumentNullException.ThrowIfNull(inputs);
        string[] absent = [.. Graph.Inputs.Select(value => value.Name).Where(name => !inputs.ContainsKey(name))];
        if (absent.Length > 0)
            throw new GraphException($"The graph's input{(absent.Length > 1 ? "s" : "")} '{string.Join("', '", absent)}' {(absent.Length > 1 ? "are" : "is")} not given; it was given '{string.Join("', '", inputs.Keys)}'.");
        using var scope = NewDisposeScope();
        Tensor[] arguments = [.. Graph.Inputs.Select(value => Converted(inputs[value.Name], value.Type))];
        var results = interpreter.Run(Graph, arguments, outer: null);
        var outputs = new Dictionary<string, Tensor>(StringComparer.Ordinal);
        for (var i = 0; i < results.Length; i++)
            outputs[Graph.Outputs[i].Name] = results[i].MoveToOuterDisposeScope();
        return outputs;
    }

    /// <summary>
    /// Re-estimates the running statistics: each becomes the mean of the batch statistics over the batches given, computed with the
    /// parameters as they are (the cumulative average that SWAG's authors use after averaging weights).
    /// </summary>
    /// <param name="batches">The inputs of each batch by name; each is used before the next is asked for.</param>
    public void EstimateStatistics(IEnumerable<IReadOnlyDictionary<string, Tensor>> batches)
    {
        ArgumentNullException.ThrowIfNull(batches);
        using var estimate = new StatisticsEstimate();
        engine.Estimate = estimate;
        try
        {
            using var noGradients = no_grad();
            foreach (var batch in batches)
            {
                using var scope = NewDisposeScope();
                Forward(batch);
            }
            estimate.WriteTo(statistics);
        }
        finally
        {
            engine.Estimate = null;
        }
    }

    /// <inheritdoc/>
    protected override void Dispose(bool disposing)
    {
        if (disposing)
        {
            foreach (var tensor in parametersByName.Values.Concat(statistics.Values).Concat(constants)) tensor.Dispose();
            constants.Clear();
        }
        base.Dispose(disposing);
    }

    private static Device DeviceOf(string name)
    {
        try
        {
            return torch.device(name);
        }
        catch (InvalidOperationException error)
        {
            throw new TorchNativeException(
                $"libtorch sees no GPU for device '{name}'; give cpu, or build with -p:TorchRuntime=cuda on a machine with an NVIDIA driver.", error);
        }
        catch (Exception error) when (error is ArgumentException or FormatException)
        {
            throw new TorchNativeException($"There is no device '{name}'; give cpu, cuda or cuda:1.", error);
        }
    }

    private Tensor Place(Value value, bool isStatistic, bool requiresGradient)
    {
        var tensor = engine.Tensor(value.Data!).DetachFromDisposeScope();
        if (isStatistic)
        {
            statistics.Add(value.Name, tensor);
            return tensor;
        }
        if (value.Kind != ValueKind.Parameter)
        {
            constants.Add(tensor);
            return tensor;
        }
        var parameter = new Parameter(tensor, requiresGradient);
        parameter.DetachFromDisposeScope();
        parametersByName.Add(value.Name, parameter);
        return parameter;
    }

    private Tensor Converted(Tensor given, ElementType type)
    {
        var wanted = type == ElementType.Undefined ? given.dtype : engine.TypeOf(type);
        return given.dtype == wanted && given.device == engine.Device ? given.alias() : given.to(wanted, engine.Device);
    }

    private static IEnumerable<Value> Leaves(Graph graph) => AllNodes(graph).SelectMany(node => node.Inputs)
        .Concat(AllGraphs(graph).SelectMany(g => g.Outputs.Cast<Value?>()))
        .OfType<Value>()
        .Where(value => value.Data is not null)
        .Distinct();

    private static IEnumerable<Value> RunningStatisticsOf(Graph graph) => AllNodes(graph)
        .Where(node => node is { Op: "BatchNormalization", Domain: "" })
        .SelectMany(node => new[] { node.TryInput(3), node.TryInput(4) })
        .OfType<Value>()
        .Where(value => value.Data is not null);

    private static IEnumerable<Graph> AllGraphs(Graph graph) =>
        graph.Nodes.SelectMany(OperatorRegistry.Subgraphs).SelectMany(AllGraphs).Prepend(graph);

    private static IEnumerable<Node> AllNodes(Graph graph) => AllGraphs(graph).SelectMany(g => g.Nodes);
}
